/*
 * Which lane takes how much of the queue: a function of what the lanes and the
 * queue's head are like. It asks nobody and changes nothing but the order of
 * the list that it is given.
 */
#include "bridge/share.h"

static bool pays(const struct share_lane *l, const struct effect *e)
{
	return l->able &&
	       l->free_wei >= (double)calls_gas(e, 1) * (double)l->max_fee;
}

static bool better(const struct share_lane *a, const struct share_lane *b)
{
	if (a->unmined != b->unmined)
		return a->unmined < b->unmined;
	return a->free_wei > b->free_wei;
}

static size_t pick(const struct effect *e, const struct share_lane *lanes,
		   size_t n)
{
	size_t best = SHARE_NONE;

	if (e->holder != SHARE_NONE)
		return e->holder < n && pays(&lanes[e->holder], e) ? e->holder
								   : SHARE_NONE;
	for (size_t i = 0; i < n; i++)
		if (pays(&lanes[i], e) &&
		    (best == SHARE_NONE || better(&lanes[i], &lanes[best])))
			best = i;
	return best;
}

/* Moves what @lane may take, from entry @from on, to the front. */
static size_t gather(struct effect *e, size_t n, size_t from, size_t lane)
{
	size_t count = 0;

	for (size_t i = from; i < n; i++) {
		struct effect one = e[i];

		if (one.holder != SHARE_NONE && one.holder != lane)
			continue;
		for (size_t j = i; j > count; j--)
			e[j] = e[j - 1];
		e[count++] = one;
	}
	return count;
}

struct share share_take(struct effect *e, size_t n,
			const struct share_lane *lanes, size_t lane_count,
			const struct share_limits *limits)
{
	struct share s = { .lane = SHARE_NONE };
	const struct share_lane *l;
	uint64_t gas;
	size_t i = 0;

	while (i < n && (s.lane = pick(&e[i], lanes, lane_count)) == SHARE_NONE)
		i++;
	if (i == n)
		return s;
	l = &lanes[s.lane];
	gas = l->gas_max;
	if (l->free_wei < (double)gas * (double)l->max_fee)
		gas = (uint64_t)(l->free_wei / (double)l->max_fee);
	s.count = calls_take(e, gather(e, n, i, s.lane), limits->entries,
			     limits->bytes, gas);
	return s;
}

bool share_idle(const struct share_lane *lanes, size_t n)
{
	size_t waiting = 0;

	for (size_t i = 0; i < n; i++)
		waiting += lanes[i].sound ? lanes[i].unmined : 0;
	return waiting == 0;
}
