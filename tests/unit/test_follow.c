/* Reorg decisions. Blocks are named by a branch letter and a height. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the above */
#include <cmocka.h>

#include "core/mem.h"
#include "indexer/follow.h"

#define START 100

static struct hash32 hash_of(char branch, uint64_t n)
{
	struct hash32 h = { { (uint8_t)branch, (uint8_t)n } };

	return h;
}

/* A block of @branch whose parent is of @parent. */
static struct follow_block block(char branch, char parent, uint64_t n)
{
	return (struct follow_block){ n, hash_of(branch, n),
				      hash_of(parent, n - 1) };
}

static void fill(struct follow_tail *t, size_t cap, uint64_t from, uint64_t to)
{
	follow_tail_init(t, cap);
	for (uint64_t n = from; n <= to; n++) {
		struct follow_block b = block('a', 'a', n);

		follow_tail_push(t, &b);
	}
}

static void expect(const struct follow_tail *t, struct follow_block cand,
		   uint64_t head, bool patient, enum follow_action action,
		   uint64_t number)
{
	struct follow_in in = { .tail = t,
				.start = START,
				.max_depth = 8,
				.head = head,
				.patient = patient };
	struct follow_step s = follow_next(&in, &cand);

	assert_int_equal(s.action, action);
	assert_int_equal(s.number, number);
}

static void follows(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('a', 'a', 106), 106, false, FOLLOW_APPEND, 106);
	expect(&t, block('a', 'a', 110), 110, false, FOLLOW_FETCH, 106);
	expect(&t, block('a', 'a', 105), 105, false, FOLLOW_WAIT, 105);
	follow_tail_deinit(&t);
}

static void begins_at_the_first_block(void **state)
{
	struct follow_tail t;

	(void)state;
	follow_tail_init(&t, 10);
	expect(&t, block('a', 'a', 106), 106, false, FOLLOW_FETCH, START);
	expect(&t, block('a', 'a', START), 106, false, FOLLOW_APPEND, START);
	follow_tail_deinit(&t);
}

static void lagging_node_is_no_reorg(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('a', 'a', 103), 103, true, FOLLOW_WAIT, 103);
	follow_tail_deinit(&t);
}

/* A head from before all that is held, or from before the first block of
 * interest, contradicts nothing. */
static void old_head_is_no_reorg(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 4, START, 110); /* holds 107 to 110 */
	expect(&t, block('b', 'b', 106), 106, true, FOLLOW_WAIT, 106);
	expect(&t, block('b', 'b', START), START, true, FOLLOW_WAIT, START);
	expect(&t, block('b', 'b', 107), 111, false, FOLLOW_TOO_DEEP, 107);
	follow_tail_deinit(&t);
	fill(&t, 10, START, 102);
	expect(&t, block('a', 'a', START - 1), START - 1, true, FOLLOW_WAIT,
	       START - 1);
	follow_tail_deinit(&t);
}

static void walks_to_the_ancestor(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('b', 'b', 106), 106, false, FOLLOW_FETCH_PARENT, 105);
	expect(&t, block('b', 'b', 105), 106, false, FOLLOW_FETCH_PARENT, 104);
	expect(&t, block('b', 'a', 104), 106, false, FOLLOW_ROLLBACK, 103);
	follow_tail_cut(&t, 103);
	expect(&t, block('b', 'a', 104), 106, false, FOLLOW_APPEND, 104);
	follow_tail_deinit(&t);
}

static void same_height_switches(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('b', 'a', 105), 105, false, FOLLOW_ROLLBACK, 104);
	follow_tail_deinit(&t);
}

static void shorter_branch_is_confirmed(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('b', 'a', 104), 104, false, FOLLOW_CONFIRM, 103);
	expect(&t, block('b', 'a', 104), 104, true, FOLLOW_ROLLBACK, 103);
	follow_tail_deinit(&t);
}

static void first_block_may_change(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 105);
	expect(&t, block('b', 'b', START), 105, false, FOLLOW_ROLLBACK,
	       START - 1);
	follow_tail_deinit(&t);
}

static void depth_is_bounded(void **state)
{
	struct follow_tail t;

	(void)state;
	fill(&t, 10, START, 120); /* holds 111 to 120 */
	expect(&t, block('b', 'a', 113), 121, false, FOLLOW_ROLLBACK, 112);
	expect(&t, block('b', 'a', 112), 121, false, FOLLOW_TOO_DEEP, 111);
	expect(&t, block('b', 'b', 111), 121, false, FOLLOW_TOO_DEEP, 111);
	follow_tail_deinit(&t);
}

static void tail_forgets_the_oldest(void **state)
{
	struct follow_tail t;
	struct follow_block far = block('a', 'a', 130);

	(void)state;
	fill(&t, 4, START, 110);
	assert_null(follow_tail_get(&t, 106));
	assert_non_null(follow_tail_get(&t, 107));
	assert_int_equal(follow_tail_get(&t, 107)->number, 107);
	assert_null(follow_tail_get(&t, 111));
	follow_tail_push(&t, &far);
	assert_int_equal(t.count, 1);
	assert_int_equal(follow_tail_tip(&t)->number, 130);
	follow_tail_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(begins_at_the_first_block),
		cmocka_unit_test(lagging_node_is_no_reorg),
		cmocka_unit_test(old_head_is_no_reorg),
		cmocka_unit_test(walks_to_the_ancestor),
		cmocka_unit_test(same_height_switches),
		cmocka_unit_test(shorter_branch_is_confirmed),
		cmocka_unit_test(first_block_may_change),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(tail_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
