/* Whose call is next: stops first, but never to the end of all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/turns.h"

/* What is served while as many of each wait, a letter each. */
static const char *served(unsigned stops, unsigned others, unsigned creates)
{
	static char out[64];
	unsigned left[CF_CLASSES] = { stops, others, creates };
	struct turns t = { 0 };
	size_t n = 0;

	for (;;) {
		const bool waits[CF_CLASSES] = { left[0], left[1], left[2] };
		enum cf_class next = turns_next(&t, waits);

		if (next == CF_CLASSES)
			break;
		assert_true(left[next] > 0);
		left[next]--;
		out[n++] = "SOC"[next];
	}
	out[n] = '\0';
	return out;
}

static void test_nobody(void **state)
{
	(void)state;
	assert_string_equal(served(0, 0, 0), "");
}

static void test_alone(void **state)
{
	(void)state;
	assert_string_equal(served(6, 0, 0), "SSSSSS");
	assert_string_equal(served(0, 3, 0), "OOO");
	assert_string_equal(served(0, 0, 3), "CCC");
}

static void test_one_of_four(void **state)
{
	(void)state;
	assert_string_equal(served(7, 9, 0), "SSSOSSSOSOOOOOOO");
	assert_string_equal(served(7, 0, 2), "SSSCSSSCS");
	assert_string_equal(served(2, 1, 0), "SSO");
}

static void test_others_by_turns(void **state)
{
	(void)state;
	assert_string_equal(served(0, 4, 2), "OCOCOO");
	assert_string_equal(served(0, 1, 3), "OCCC");
	assert_string_equal(served(9, 9, 2), "SSSOSSSCSSSOCOOOOOOO");
}

/* Stops that went while nobody else waited do not count against them. */
static void test_stops_alone_before(void **state)
{
	const bool stops[CF_CLASSES] = { [CF_CLASS_STOP] = true };
	const bool both[CF_CLASSES] = {
		[CF_CLASS_STOP] = true, [CF_CLASS_CREATE] = true
	};
	struct turns t = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(turns_next(&t, stops), CF_CLASS_STOP);
	for (i = 0; i < TURNS_STOPS; i++)
		assert_int_equal(turns_next(&t, both), CF_CLASS_STOP);
	assert_int_equal(turns_next(&t, both), CF_CLASS_CREATE);
	assert_int_equal(turns_next(&t, both), CF_CLASS_STOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_one_of_four),
		cmocka_unit_test(test_others_by_turns),
		cmocka_unit_test(test_stops_alone_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
