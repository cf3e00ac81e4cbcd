/*
 * What leases say about who works: by two lists a while apart, and by one
 * lease that was asked for itself. Pure: it asks nobody and compares no clocks.
 */
#include "bridge/lease.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return *a && strcmp(a, b) == 0;
}

static bool concerns(const struct lease_view *v, const struct cf_lease *l)
{
	return cf_lease_concerns(l, v->deployment, v->signer);
}

static const struct cf_lease *find(const struct cf_lease *list, size_t n,
				   const char *uid)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].uid, uid) == 0)
			return &list[i];
	return NULL;
}

bool lease_of_others(const struct lease_view *v, const struct cf_lease *l)
{
	return concerns(v, l) && !(same(l->deployment, v->deployment) &&
				   same(l->holder, v->holder));
}

bool lease_moved(const struct cf_lease *was, const struct cf_lease *is)
{
	return was->beat != is->beat || strcmp(was->holder, is->holder) != 0;
}

/* The one of before, if it has not counted since. */
static bool stands_still(const struct lease_view *v, const struct cf_lease *l)
{
	const struct cf_lease *was = find(v->before, v->before_count, l->uid);

	return was && !lease_moved(was, l);
}

/* All see the same one as the older: what is unreadable is the oldest. */
static bool is_older(const struct cf_lease *a, const struct cf_lease *b)
{
	if (a->created_s != b->created_s)
		return a->created_s < b->created_s;
	return strcmp(a->uid, b->uid) < 0;
}

static const struct cf_lease *older(const struct cf_lease *a,
				    const struct cf_lease *b)
{
	return a && is_older(a, b) ? a : b;
}

enum lease_verdict lease_judge(const struct lease_view *v,
			       const struct cf_lease **which)
{
	const struct cf_lease *ours = NULL, *left = NULL, *other = NULL;

	*which = NULL;
	for (size_t i = 0; i < v->now_count; i++) {
		const struct cf_lease *l = &v->now[i];

		if (!concerns(v, l))
			continue;
		if (!lease_of_others(v, l))
			ours = older(ours, l);
		else if (!v->waited || !stands_still(v, l))
			other = l;
		else if (same(l->deployment, v->deployment))
			left = older(left, l);
	}
	if (other) {
		*which = other;
		return v->waited ? LEASE_HELD : LEASE_WAIT;
	}
	*which = ours ? ours : left;
	return *which ? LEASE_TAKE : LEASE_MAKE;
}

/* A list may be older than the one before it: only more is news. */
const struct cf_lease *lease_elder(const struct lease_view *v,
				   const struct cf_lease *own)
{
	for (size_t i = 0; i < v->now_count; i++) {
		const struct cf_lease *l = &v->now[i], *was;

		if (!concerns(v, l) || strcmp(l->uid, own->uid) == 0 ||
		    !is_older(l, own))
			continue;
		was = find(v->before, v->before_count, l->uid);
		if (was && l->beat > was->beat)
			return l;
	}
	return NULL;
}

bool lease_is_eldest(const struct lease_view *v, const struct cf_lease *own)
{
	for (size_t i = 0; i < v->now_count; i++)
		if (concerns(v, &v->now[i]) && is_older(&v->now[i], own))
			return false;
	return find(v->now, v->now_count, own->uid) != NULL;
}

size_t lease_remember(struct cf_lease before[static CF_LEASES_MAX], size_t n,
		      const struct lease_view *v, const struct cf_lease *own)
{
	struct cf_lease all[CF_LEASES_MAX] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < v->now_count; i++) {
		const struct cf_lease *was = find(before, n, v->now[i].uid);

		if (strcmp(v->now[i].uid, own->uid) != 0)
			all[count++] = was ? *was : v->now[i];
	}
	memcpy(before, all, count * sizeof(*all));
	return count;
}

bool lease_as_written(const struct cf_lease *own, const struct cf_lease *read)
{
	return same(own->holder, read->holder) &&
	       (read->beat == own->beat || read->beat + 1 == own->beat);
}
