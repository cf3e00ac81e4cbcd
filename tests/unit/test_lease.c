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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_and_restart),
		cmocka_unit_test(test_another_lives),
		cmocka_unit_test(test_another_is_gone),
		cmocka_unit_test(test_same_key_elsewhere),
		cmocka_unit_test(test_several_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
