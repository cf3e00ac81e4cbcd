/* Who works for a deployment: by what two lists of leases say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/lease.h"

#define OURS   "00112233aabbccdd"
#define SIGNER "0x00000000000000000000000000000000000000aa"

static struct cf_lease lease(const char *uid, const char *deployment,
			     const char *signer, const char *holder,
			     uint64_t beat)
{
	struct cf_lease l = { .beat = beat, .created_s = 100 };

	snprintf(l.uid, sizeof(l.uid), "%s", uid);
	snprintf(l.deployment, sizeof(l.deployment), "%s", deployment);
	snprintf(l.signer, sizeof(l.signer), "%s", signer);
	snprintf(l.holder, sizeof(l.holder), "%s", holder);
	return l;
}

static struct lease_view view(const struct cf_lease *now, size_t n,
			      const struct cf_lease *before, size_t before_n)
{
	return (struct lease_view){ .deployment = OURS,
				    .signer = SIGNER,
				    .holder = "me",
				    .now = now,
				    .now_count = n,
				    .before = before,
				    .before_count = before_n,
				    .waited = before != NULL };
}

static enum lease_verdict judge(struct lease_view v,
				const struct cf_lease **which)
{
	return lease_judge(&v, which);
}

static void test_first_and_restart(void **state)
{
	struct cf_lease l[] = { lease("a", OURS, SIGNER, "me", 7),
				lease("b", OURS, SIGNER, "me", 1),
				lease("c", "ffff", "0xbb", "x", 1) };
	const struct cf_lease *which;

	(void)state;
	assert_int_equal(judge(view(l, 0, NULL, 0), &which), LEASE_MAKE);
	assert_null(which);
	assert_int_equal(judge(view(l + 2, 1, NULL, 0), &which), LEASE_MAKE);
	assert_int_equal(judge(view(l, 3, NULL, 0), &which), LEASE_TAKE);
	assert_ptr_equal(which, &l[0]);
	l[1].created_s = 99; /* a creation whose answer was lost, twice */
	assert_int_equal(judge(view(l, 3, NULL, 0), &which), LEASE_TAKE);
	assert_ptr_equal(which, &l[1]);
}

static void test_another_lives(void **state)
{
	struct cf_lease before[] = { lease("a", OURS, SIGNER, "other", 7) };
	struct cf_lease now[] = { lease("a", OURS, SIGNER, "other", 8) };
	const struct cf_lease *which;

	(void)state;
	assert_int_equal(judge(view(before, 1, NULL, 0), &which), LEASE_WAIT);
	assert_int_equal(judge(view(now, 1, before, 1), &which), LEASE_HELD);
	assert_ptr_equal(which, now);
	/* it came while we waited */
	assert_int_equal(judge(view(now, 1, before, 0), &which), LEASE_HELD);
	/* two newcomers: another took what both saw standing still */
	now[0] = lease("a", OURS, SIGNER, "third", 7);
	assert_int_equal(judge(view(now, 1, before, 1), &which), LEASE_HELD);
}

static void test_another_is_gone(void **state)
{
	struct cf_lease l[] = { lease("a", OURS, SIGNER, "other", 7) };
	const struct cf_lease *which;

	(void)state;
	assert_int_equal(judge(view(l, 1, l, 1), &which), LEASE_TAKE);
	assert_ptr_equal(which, l);
}

static void test_same_key_elsewhere(void **state)
{
	struct cf_lease before[] = { lease("a", "ffff", SIGNER, "other", 7) };
	struct cf_lease now[] = { lease("a", "ffff", SIGNER, "other", 8) };
	const struct cf_lease *which;

	(void)state;
	assert_int_equal(judge(view(before, 1, NULL, 0), &which), LEASE_WAIT);
	assert_int_equal(judge(view(now, 1, before, 1), &which), LEASE_HELD);
	/* Not alive: its lease is its own, we make ours. */
	assert_int_equal(judge(view(before, 1, before, 1), &which), LEASE_MAKE);
	/* A lease that says nothing is nobody's. */
	before[0].signer[0] = '\0';
	assert_int_equal(judge(view(before, 1, NULL, 0), &which), LEASE_MAKE);
}

/* Any key in common counts; a key is not another's beginning. */
static void test_several_keys(void **state)
{
	static const char two[] = "0xbb," SIGNER;
	struct cf_lease l[] = { lease("a", "ffff", two, "other", 7) };
	const struct cf_lease *which;
	struct lease_view v = view(l, 1, NULL, 0);

	(void)state;
	assert_int_equal(judge(v, &which), LEASE_WAIT);
	v.signer = "0xcc," SIGNER ",0xdd";
	assert_int_equal(judge(v, &which), LEASE_WAIT);
	v.signer = "0xcc,0xdd";
	assert_int_equal(judge(v, &which), LEASE_MAKE);
	v.signer = "0xb,0xbbb,,";
	assert_int_equal(judge(v, &which), LEASE_MAKE);
	v.signer = "0xbb";
	assert_int_equal(judge(v, &which), LEASE_WAIT);
}

/* A lease and when it was made. */
static struct cf_lease made(const char *uid, const char *holder, uint64_t beat,
			    int64_t created_s)
{
	struct cf_lease l = lease(uid, OURS, SIGNER, holder, beat);

	l.created_s = created_s;
	return l;
}

/* Two that were made at once: the younger stops, the older stays. */
static void test_elder(void **state)
{
	struct cf_lease a1 = made("b", "other", 3, 100);
	struct cf_lease a2 = made("b", "other", 4, 100);
	struct cf_lease own = made("c", "me", 9, 101);
	struct lease_view v = view(&a2, 1, &a1, 1);

	(void)state;
	assert_ptr_equal(lease_elder(&v, &own), &a2);
	own.created_s = 100; /* in the same second: by their uids */
	assert_ptr_equal(lease_elder(&v, &own), &a2);
	own.uid[0] = 'a';
	assert_null(lease_elder(&v, &own));
	own = made("c", "me", 9, 99);
	assert_null(lease_elder(&v, &own));
	own.created_s = 101;
	/* One that stands still, in a list older than before, or new. */
	v = view(&a1, 1, &a1, 1);
	assert_null(lease_elder(&v, &own));
	v = view(&a1, 1, &a2, 1);
	assert_null(lease_elder(&v, &own));
	v = view(&a2, 1, &a1, 0);
	assert_null(lease_elder(&v, &own));
	/* Its database is a copy of ours, but not its lease. */
	snprintf(a2.holder, sizeof(a2.holder), "me");
	v = view(&a2, 1, &a1, 1);
	assert_ptr_equal(lease_elder(&v, &own), &a2);
	/* Nobody's that concerns us. */
	snprintf(a2.deployment, sizeof(a2.deployment), "ffff");
	snprintf(a2.signer, sizeof(a2.signer), "0xbb");
	assert_null(lease_elder(&v, &own));
	/* Ours counts by us. */
	own = a1;
	a2 = made("b", "me", 4, 100);
	assert_null(lease_elder(&v, &own));
}

static void test_eldest(void **state)
{
	struct cf_lease l[] = { made("b", "other", 3, 100),
				made("c", "me", 9, 101) };
	struct lease_view one = view(l, 1, NULL, 0);
	struct lease_view both = view(l, 2, NULL, 0);

	(void)state;
	assert_false(lease_is_eldest(&one, &l[1]));
	assert_false(lease_is_eldest(&both, &l[1]));
	l[0].created_s = 102;
	assert_true(lease_is_eldest(&both, &l[1]));
	/* A list in which ours is not tells nothing. */
	assert_false(lease_is_eldest(&one, &l[1]));
}

/* Lists that come faster than beats add up. */
static void test_remember(void **state)
{
	struct cf_lease l[] = { made("b", "other", 3, 100),
				made("c", "me", 9, 101) };
	struct cf_lease before[CF_LEASES_MAX];
	struct lease_view v = view(l, 2, NULL, 0);
	size_t n = lease_remember(before, 0, &v, &l[1]);

	(void)state;
	assert_int_equal(n, 1);
	assert_string_equal(before[0].uid, "b");
	l[0].beat = 4;
	n = lease_remember(before, n, &v, &l[1]);
	assert_int_equal(n, 1);
	assert_int_equal(before[0].beat, 3);
	v.now_count = 0;
	assert_int_equal(lease_remember(before, n, &v, &l[1]), 0);
}

static void test_asked_for_itself(void **state)
{
	struct cf_lease own = made("b", "me", 9, 100), read = own;
	struct lease_view v = view(NULL, 0, NULL, 0);

	(void)state;
	assert_false(lease_moved(&own, &read));
	assert_true(lease_as_written(&own, &read));
	assert_false(lease_of_others(&v, &read));
	read.beat = 8; /* not seen yet */
	assert_true(lease_moved(&own, &read));
	assert_true(lease_as_written(&own, &read));
	read.beat = 10;
	assert_false(lease_as_written(&own, &read));
	read.beat = 7;
	assert_false(lease_as_written(&own, &read));
	read = made("b", "other", 9, 100);
	assert_true(lease_moved(&own, &read));
	assert_false(lease_as_written(&own, &read));
	assert_true(lease_of_others(&v, &read));
	read = lease("b", "ffff", "0xbb", "other", 9);
	assert_false(lease_of_others(&v, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_and_restart),
		cmocka_unit_test(test_another_lives),
		cmocka_unit_test(test_another_is_gone),
		cmocka_unit_test(test_same_key_elsewhere),
		cmocka_unit_test(test_several_keys),
		cmocka_unit_test(test_elder),
		cmocka_unit_test(test_eldest),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_asked_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
