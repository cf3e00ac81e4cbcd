/*
 * Reorg decisions as a pure function over the stored tail. Never asks a node
 * and never writes: the live feed obeys what this file says.
 */
#include "indexer/follow.h"

#include <assert.h>

#include "core/mem.h"

void follow_tail_init(struct follow_tail *t, size_t cap)
{
	assert(cap > 0);
	*t = (struct follow_tail){ .cap = cap };
	t->blocks = mem_array(cap, sizeof(*t->blocks));
}

void follow_tail_deinit(struct follow_tail *t)
{
	free(t->blocks);
	*t = (struct follow_tail){ 0 };
}

static struct follow_block *tail_at(const struct follow_tail *t, size_t i)
{
	return &t->blocks[(t->first + i) % t->cap];
}

/* Height of the oldest block held; @t is not empty. */
static uint64_t low_of(const struct follow_tail *t)
{
	return tail_at(t, 0)->number;
}

const struct follow_block *follow_tail_tip(const struct follow_tail *t)
{
	return t->count ? tail_at(t, t->count - 1) : NULL;
}

const struct follow_block *follow_tail_get(const struct follow_tail *t,
					   uint64_t number)
{
	uint64_t low;

	if (!t->count)
		return NULL;
	low = low_of(t);
	if (number < low || number - low >= t->count)
		return NULL;
	return tail_at(t, (size_t)(number - low));
}

void follow_tail_push(struct follow_tail *t, const struct follow_block *b)
{
	const struct follow_block *tip = follow_tail_tip(t);

	if (tip && tip->number + 1 != b->number)
		t->count = 0;
	if (t->count == t->cap) {
		t->first = (t->first + 1) % t->cap;
		t->count--;
	}
	*tail_at(t, t->count) = *b;
	t->count++;
}

void follow_tail_cut(struct follow_tail *t, uint64_t number)
{
	while (t->count && tail_at(t, t->count - 1)->number > number)
		t->count--;
}

static struct follow_step step(enum follow_action action, uint64_t number)
{
	return (struct follow_step){ action, number };
}

/* @ancestor is the highest block that both branches share. */
static struct follow_step undo(const struct follow_in *in, uint64_t tip,
			       uint64_t ancestor)
{
	if (tip - ancestor > in->max_depth)
		return step(FOLLOW_TOO_DEEP, ancestor);
	if (in->head < tip && !in->patient)
		return step(FOLLOW_CONFIRM, ancestor);
	return step(FOLLOW_ROLLBACK, ancestor);
}

struct follow_step follow_next(const struct follow_in *in,
			       const struct follow_block *cand)
{
	const struct follow_block *tip = follow_tail_tip(in->tail);
	const struct follow_block *same, *below;

	if (!tip) {
		if (cand->number == in->start)
			return step(FOLLOW_APPEND, cand->number);
		return step(FOLLOW_FETCH, in->start);
	}
	if (cand->number > tip->number + 1)
		return step(FOLLOW_FETCH, tip->number + 1);
	if (cand->number < low_of(in->tail))
		return step(FOLLOW_WAIT, cand->number); /* an old head */
	same = follow_tail_get(in->tail, cand->number);
	if (same && hash32_eq(&same->hash, &cand->hash))
		return step(FOLLOW_WAIT, cand->number);
	if (cand->number == in->start)
		return undo(in, tip->number, in->start - 1);
	below =
	    cand->number ? follow_tail_get(in->tail, cand->number - 1) : NULL;
	if (!below)
		return step(FOLLOW_TOO_DEEP, cand->number);
	if (hash32_eq(&below->hash, &cand->parent)) {
		if (below == tip)
			return step(FOLLOW_APPEND, cand->number);
		return undo(in, tip->number, below->number);
	}
	return step(FOLLOW_FETCH_PARENT, cand->number - 1);
}
