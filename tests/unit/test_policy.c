/* Which rooms are accepted, and how many refusals the operator pays for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/policy.h"

static const uint8_t *host(uint8_t n)
{
	static uint8_t hosts[256][20];

	hosts[n][0] = (uint8_t)(n * 37);
	hosts[n][19] = n;
	return hosts[n];
}

static void test_lists(void **state)
{
	uint8_t allow[3][20], deny[2][20];
	struct policy_load none = { 0 };
	struct policy_rules r = { 0 };

	(void)state;
	memcpy(allow[0], host(9), 20);
	memcpy(allow[1], host(1), 20);
	memcpy(allow[2], host(5), 20);
	memcpy(deny[0], host(7), 20);
	memcpy(deny[1], host(5), 20);
	r.deny = deny;
	r.deny_count = 2;
	{
		AUTO(policy) struct policy *p = policy_new(&r);

		assert_int_equal(policy_judge(p, host(7), &none),
				 POLICY_DENIED);
		assert_int_equal(policy_judge(p, host(9), &none),
				 POLICY_ACCEPT);
		assert_false(policy_counts(p));
	}
	r.allow = allow;
	r.allow_count = 3;
	{
		AUTO(policy) struct policy *p = policy_new(&r);

		for (int i = 0; i < 256; i++)
			assert_int_equal(
			    policy_judge(p, host((uint8_t)i), &none),
			    i == 5 || i == 7   ? POLICY_DENIED
			    : i == 1 || i == 9 ? POLICY_ACCEPT
					       : POLICY_NOT_ALLOWED);
	}
}

static void test_limits(void **state)
{
	struct policy_rules r = { .host_open_max = 2,
				  .host_day_max = 5,
				  .open_max = 10 };
	AUTO(policy) struct policy *p = policy_new(&r);
	struct policy_load l = { .host_open = 1, .host_day = 4, .open = 9 };

	(void)state;
	assert_true(policy_counts(p));
	assert_int_equal(policy_judge(p, host(1), &l), POLICY_ACCEPT);
	l.open = 10;
	assert_int_equal(policy_judge(p, host(1), &l), POLICY_OPEN);
	l.host_day = 5;
	assert_int_equal(policy_judge(p, host(1), &l), POLICY_HOST_DAY);
	l.host_open = 2;
	assert_int_equal(policy_judge(p, host(1), &l), POLICY_HOST_OPEN);
}

/* Rooms that are accepted at once do not slip past a limit together. */
static void test_tally(void **state)
{
	struct policy_rules r = { .host_open_max = 3, .open_max = 7 };
	AUTO(policy) struct policy *p = policy_new(&r);
	static struct policy_tally t;
	int accepted[4] = { 0 };

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct policy_load l = { .host_open = i % 4 == 1, .open = 1 };
		const uint8_t *h = host((uint8_t)(i % 4));

		policy_tally_load(&l, &t, h);
		if (policy_judge(p, h, &l) != POLICY_ACCEPT)
			continue;
		policy_tally_add(&t, h);
		accepted[i % 4]++;
	}
	assert_int_equal(accepted[0] + accepted[1] + accepted[2] + accepted[3],
			 6);
	assert_true(accepted[1] <= 2 && accepted[0] <= 3);
	assert_int_equal(t.rooms, 6);
}

static void test_refusals(void **state)
{
	struct policy_refusals r = { .allowance = 200000,
				     .batch_max = 4,
				     .batch_wait_ms = 100,
				     .gas_base = 45000,
				     .gas_entry = 40000 };

	(void)state;
	assert_int_equal(policy_refuse_now(&r), 0);
	r.waiting = 2;
	assert_int_equal(policy_refuse_now(&r), 0); /* more may come */
	r.oldest_ms = 100;
	assert_int_equal(policy_refuse_now(&r), 2);
	r.oldest_ms = 0;
	r.waiting = 1000;
	assert_int_equal(policy_refuse_now(&r), 3); /* what is left pays 3 */
	r.allowance = 1000000;
	assert_int_equal(policy_refuse_now(&r), 4);
	r.spent = 1000000 - 84999;
	assert_int_equal(policy_refuse_now(&r), 0);
	assert_true(policy_refuse_spent(&r));
	r.spent = 2000000;
	assert_int_equal(policy_refuse_now(&r), 0);
	r.allowance = 0;
	r.spent = 0;
	assert_int_equal(policy_refuse_now(&r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
