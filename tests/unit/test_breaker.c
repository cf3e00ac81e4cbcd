/* What no event explains trips the breaker; honest rooms never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/breaker.h"

static struct breaker b;

static void test_twenty_a_minute(void **state)
{
	(void)state;
	breaker_init(&b, 20);
	for (uint64_t i = 0; i < 20; i++)
		assert_true(breaker_take(&b, BREAKER_DELETION, i * 100));
	assert_true(breaker_take(&b, BREAKER_REMAKE, 2000)); /* another kind */
	assert_false(breaker_take(&b, BREAKER_DELETION, 2000));
	assert_true(b.tripped);
	/* for good, and for all kinds, until an operator speaks */
	assert_false(breaker_take(&b, BREAKER_REMAKE, 10000000));
	assert_true(breaker_take(&b, BREAKER_EXPLAINED, 10000000));
	breaker_reset(&b);
	assert_true(breaker_take(&b, BREAKER_DELETION, 10000000));
}

static void test_slowly_is_fine(void **state)
{
	(void)state;
	breaker_init(&b, 20);
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(breaker_take(&b, BREAKER_MISSING,
					 i * BREAKER_WINDOW_MS / 20));
	assert_true(breaker_take(&b, BREAKER_MISSING,
				 1000ull * BREAKER_WINDOW_MS / 20));
	for (uint64_t i = 0; i < 21; i++)
		(void)breaker_take(&b, BREAKER_MISSING,
				   1001ull * BREAKER_WINDOW_MS / 20);
	assert_true(b.tripped);
	breaker_init(&b, 0);
	assert_false(breaker_take(&b, BREAKER_MISSING, 0));
}

static void test_many_at_once(void **state)
{
	(void)state;
	breaker_init(&b, 20);
	assert_true(breaker_many(&b, BREAKER_DELETION, 20));
	assert_true(breaker_many(&b, BREAKER_EXPLAINED, 1000));
	assert_true(breaker_take(&b, BREAKER_DELETION, 0));
	assert_false(breaker_many(&b, BREAKER_DELETION, 21));
	assert_true(b.tripped);
	assert_false(breaker_many(&b, BREAKER_DELETION, 1));
	assert_true(breaker_many(&b, BREAKER_DELETION, 0));
	assert_true(breaker_many(&b, BREAKER_EXPLAINED, 1000));
	breaker_reset(&b);
	assert_true(breaker_many(&b, BREAKER_DELETION, 1));
	breaker_init(&b, 0);
	assert_false(breaker_many(&b, BREAKER_DELETION, 1));
}

/* Every step of 10,000 honest lives: created, provisioned, rotated, ended. */
static void test_honest_rooms(void **state)
{
	uint64_t now = 0;

	(void)state;
	breaker_init(&b, 20);
	for (int i = 0; i < 10000; i++) {
		struct wanted w = { .state = WANTED_OPEN, .epoch = 1 };
		struct actual a = { .anchored = true };
		int steps = 0;

		for (;;) {
			struct step s = reconcile_next(&w, &a);

			assert_true(breaker_step(&b, &w, &a, s, now));
			if (s.kind == STEP_CREATE) {
				a.state = INPUT_LIVE;
				a.rotated_epoch = 1;
			} else if (s.kind == STEP_READ_AND_SEAL) {
				w.provisioned_epoch = w.epoch;
				w.provisioned_ours = a.has_hash = true;
			} else if (s.kind == STEP_SETTLE) {
				a.provisioned_epoch = w.epoch;
				w.epoch < 2 ? w.epoch++
					    : (w.state = WANTED_ENDED);
			} else if (s.kind == STEP_ROTATE) {
				a.rotated_epoch = w.epoch;
			} else if (s.kind == STEP_DISABLE) {
				a.state = INPUT_DISABLED;
			} else if (s.kind == STEP_COLLECT_RECORDINGS) {
				a.recordings_kept = true;
			} else if (s.kind == STEP_DELETE) {
				a.state = INPUT_DELETED;
			} else {
				break;
			}
			steps++;
		}
		assert_int_equal(steps, 9);
	}
	assert_false(b.tripped);
}

/* A room counts once, however many steps its end takes. */
static void test_counts_rooms(void **state)
{
	static const enum input_state states[] = { INPUT_LIVE, INPUT_DISABLED };
	struct wanted w = { .state = WANTED_VANISHED };
	int done = 0;

	(void)state;
	breaker_init(&b, 20);
	for (int i = 0; i < 30; i++) {
		bool through = true;

		for (size_t k = 0; k < 3 && through; k++) {
			struct actual a = { .state = states[k > 0],
					    .recordings_kept = k == 2 };

			through =
			    breaker_step(&b, &w, &a, reconcile_next(&w, &a), 0);
		}
		done += through;
	}
	assert_int_equal(done, 20);
	assert_true(b.tripped);
}

static void test_kinds(void **state)
{
	struct wanted w = { .state = WANTED_VANISHED };
	struct actual a = { .state = INPUT_LIVE };

	(void)state;
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_DELETION);
	w.state = WANTED_ENDED;
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_EXPLAINED);
	/* provisioned once, and gone at the provider */
	w = (struct wanted){ .state = WANTED_OPEN,
			     .epoch = 1,
			     .provisioned_epoch = 1 };
	a = (struct actual){ .state = INPUT_ABSENT,
			     .anchored = true,
			     .chain_gone = true };
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_REMAKE);
	w.epoch = 2;
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_REMAKE);
	/* a creation that a reorg moved, of a room that was deleted */
	w = (struct wanted){ .state = WANTED_OPEN, .epoch = 1 };
	a = (struct actual){ .state = INPUT_DELETED };
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_REMAKE);
	/* a creation whose answer was a refusal to connect */
	a = (struct actual){ .state = INPUT_ABSENT, .anchored = true };
	assert_int_equal(breaker_kind_of(&w, &a, reconcile_next(&w, &a)),
			 BREAKER_EXPLAINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twenty_a_minute),
		cmocka_unit_test(test_slowly_is_fine),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_honest_rooms),
		cmocka_unit_test(test_counts_rooms),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
