/* The decision for one output: the cases of its life, and all states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/reconcile.h"
#include "bridge/target.h"

static struct wanted wants(enum output_wanted state)
{
	return (struct wanted){ .state = WANTED_OPEN,
				.epoch = 1,
				.output = { .id = 1, .state = state } };
}

static struct actual has(enum output_state state)
{
	return (struct actual){
		.state = INPUT_LIVE,
		.anchored = true,
		.output = { .state = state, .recorded = true, .anchored = true }
	};
}

#define EXPECT(w, a, k) assert_int_equal(reconcile_next(&(w), &(a)).kind, (k))

static void test_life(void **state)
{
	struct wanted w = wants(OUTPUT_WANTED_ON);
	struct actual a = has(OUTPUT_NEW);

	(void)state;
	a.output.recorded = a.output.anchored = false;
	EXPECT(w, a, STEP_OUTPUT_MATCH);
	a = has(OUTPUT_ABSENT);
	EXPECT(w, a, STEP_OUTPUT_CREATE);
	a = has(OUTPUT_CREATE_PENDING);
	EXPECT(w, a, STEP_OUTPUT_MATCH);
	a = has(OUTPUT_LIVE);
	EXPECT(w, a, STEP_OUTPUT_ENABLE);
	a.output.enabled = true;
	EXPECT(w, a, STEP_NONE);
	w.output.state = OUTPUT_WANTED_OFF;
	EXPECT(w, a, STEP_OUTPUT_DISABLE);
	a.output.enabled = false;
	EXPECT(w, a, STEP_NONE);
	w.output.state = OUTPUT_WANTED_GONE;
	EXPECT(w, a, STEP_OUTPUT_DELETE);
	a = has(OUTPUT_DELETED);
	EXPECT(w, a, STEP_NONE);
	w.output.state = OUTPUT_WANTED_ON; /* the removal was reorged away */
	EXPECT(w, a, STEP_OUTPUT_MATCH);
}

/* Stopping comes before looking for a second one. */
static void test_doubt(void **state)
{
	struct wanted w = wants(OUTPUT_WANTED_ON);
	struct actual a = has(OUTPUT_LIVE);

	(void)state;
	a.output.enabled = a.output.doubt = true;
	EXPECT(w, a, STEP_OUTPUT_MATCH);
	w.output.state = OUTPUT_WANTED_OFF;
	EXPECT(w, a, STEP_OUTPUT_DISABLE);
	w.output.state = OUTPUT_WANTED_GONE;
	EXPECT(w, a, STEP_OUTPUT_DELETE);
}

static void test_refused(void **state)
{
	static const enum output_state before[] = { OUTPUT_NEW, OUTPUT_ABSENT,
						    OUTPUT_DELETED };
	struct wanted w = wants(OUTPUT_WANTED_ON);
	struct actual a;
	struct step s;

	(void)state;
	w.output.fault = TARGET_FOREIGN;
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		a = has(before[i]);
		s = reconcile_next(&w, &a);
		assert_int_equal(s.kind, STEP_OUTPUT_REFUSE);
		assert_int_equal(s.code, TARGET_FOREIGN);
	}
	/* One too many may be there already: looked for first. */
	w.output.fault = TARGET_POLICY;
	a = has(OUTPUT_NEW);
	EXPECT(w, a, STEP_OUTPUT_MATCH);
	a = has(OUTPUT_ABSENT);
	EXPECT(w, a, STEP_OUTPUT_REFUSE);
	w.output.fault = TARGET_FOREIGN;
	/* A key that is missing since takes nothing away. */
	a = has(OUTPUT_LIVE);
	a.output.enabled = true;
	EXPECT(w, a, STEP_NONE);
	a = has(OUTPUT_REFUSED);
	EXPECT(w, a, STEP_NONE);
	a.output.anchored = false;
	EXPECT(w, a, STEP_OUTPUT_REANCHOR);
	w.output.state = OUTPUT_WANTED_GONE;
	EXPECT(w, a, STEP_OUTPUT_CLOSE);
}

/* The chain is told last, once, and again where it has another code. */
static void test_told(void **state)
{
	struct wanted w = wants(OUTPUT_WANTED_ON);
	struct actual a = has(OUTPUT_REFUSED);
	struct step s;

	(void)state;
	a.output.code = TARGET_POLICY;
	s = reconcile_next(&w, &a);
	assert_int_equal(s.kind, STEP_OUTPUT_TELL);
	assert_int_equal(s.code, TARGET_POLICY);
	a.output.telling = true;
	EXPECT(w, a, STEP_NONE);
	a.output.telling = false;
	a.output.told = TARGET_POLICY;
	EXPECT(w, a, STEP_NONE);
	a.output.told = TARGET_NO_KEY;
	EXPECT(w, a, STEP_OUTPUT_TELL);
	a.output.anchored = false;
	EXPECT(w, a, STEP_OUTPUT_REANCHOR);
	w.output.state = OUTPUT_WANTED_GONE;
	EXPECT(w, a, STEP_OUTPUT_CLOSE);
	/* Served after all: taken back, after what it is to be. */
	w.output.state = OUTPUT_WANTED_ON;
	a = has(OUTPUT_LIVE);
	a.output.told = TARGET_NO_KEY;
	EXPECT(w, a, STEP_OUTPUT_ENABLE);
	a.output.enabled = true;
	s = reconcile_next(&w, &a);
	assert_int_equal(s.kind, STEP_OUTPUT_TELL);
	assert_int_equal(s.code, TARGET_GOOD);
	a.output.telling = true;
	EXPECT(w, a, STEP_NONE);
}

/* What may have been made by a lost call is looked for before it is closed. */
static void test_removed_while_pending(void **state)
{
	struct wanted w = wants(OUTPUT_WANTED_GONE);
	struct actual a = has(OUTPUT_CREATE_PENDING);

	(void)state;
	EXPECT(w, a, STEP_OUTPUT_MATCH);
	a = has(OUTPUT_ABSENT);
	EXPECT(w, a, STEP_OUTPUT_CLOSE);
	a = has(OUTPUT_NEW);
	a.output.recorded = false;
	EXPECT(w, a, STEP_NONE);
}

static bool makes(enum step_kind k)
{
	return k == STEP_OUTPUT_CREATE || k == STEP_OUTPUT_ENABLE;
}

/* Whatever the states: nothing about the room itself, nothing without a live
 * input, nothing is made that is refused, off or removed. */
static void test_everything(void **state)
{
	unsigned bits;

	(void)state;
	for (bits = 0; bits < 1u << 16; bits++) {
		struct wanted w = wants((enum output_wanted)(1 + (bits & 3)));
		struct actual a = has((enum output_state)((bits >> 2 & 7) % 6));
		enum step_kind k;

		w.state = (enum wanted_state)(1 + (bits >> 5 & 7) % 5);
		w.stopping = bits >> 8 & 1;
		w.output.fault = bits >> 9 & 1 ? TARGET_SCHEME : TARGET_GOOD;
		a.state = (enum input_state)((bits >> 10 & 7) % 6);
		a.output.enabled = bits >> 13 & 1;
		a.output.doubt = bits >> 14 & 1;
		a.output.anchored = bits >> 15 & 1;
		k = reconcile_next(&w, &a).kind;
		assert_true(k == STEP_NONE || k >= STEP_OUTPUT_REANCHOR);
		if (w.state != WANTED_OPEN || w.stopping ||
		    a.state != INPUT_LIVE ||
		    w.output.state == OUTPUT_WANTED_UNKNOWN)
			assert_int_equal(k, STEP_NONE);
		if (w.output.state == OUTPUT_WANTED_GONE)
			assert_false(makes(k));
		if (w.output.state == OUTPUT_WANTED_OFF)
			assert_int_not_equal(k, STEP_OUTPUT_ENABLE);
		if (w.output.fault)
			assert_int_not_equal(k, STEP_OUTPUT_CREATE);
		assert_non_null(step_name(k));
		assert_false(step_stops(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_removed_while_pending),
		cmocka_unit_test(test_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
