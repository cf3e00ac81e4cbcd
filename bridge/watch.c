/*
 * When a room is asked whether it is on air, and what its answers mean. Pure:
 * no clock, no I/O, no memory of its own.
 */
#include "bridge/watch.h"

#include <stdio.h>

#include "core/json.h"

#define WATCH_SHARE       10 /* idle for so long: asked each tenth of it */
#define WATCH_FAILURE_MAX 300000
#define WATCH_VIEWERS_MAX 1000000000u

enum watch_news watch_observe(struct watch *w, bool live, int64_t now_ms,
			      const struct watch_pace *p)
{
	bool known = w->known, was = w->live;

	w->known = true;
	w->failures = 0;
	if (live) {
		w->live = true;
		w->dropped = false;
		if (known && was)
			return WATCH_NOTHING;
		w->since_ms = now_ms;
		return WATCH_LIVE;
	}
	if (!was)
		return WATCH_NOTHING;
	if (known && !w->dropped) {
		w->dropped = true;
		w->off_ms = now_ms;
	}
	if (known && now_ms - w->off_ms < (int64_t)p->grace_ms)
		return WATCH_NOTHING;
	w->live = w->dropped = false;
	w->since_ms = now_ms;
	return known ? WATCH_OFFLINE : WATCH_MISSED;
}

void watch_failed(struct watch *w)
{
	if (w->failures < 30)
		w->failures++;
}

static uint32_t at_least_1(uint32_t ms)
{
	return ms ? ms : 1;
}

static uint32_t after_failures(uint32_t ms, unsigned failures)
{
	while (failures-- && ms < WATCH_FAILURE_MAX)
		ms *= 2;
	return ms < WATCH_FAILURE_MAX ? ms : WATCH_FAILURE_MAX;
}

uint32_t watch_wait_ms(const struct watch *w, int64_t now_ms,
		       const struct watch_pace *p)
{
	int64_t share = (now_ms - w->since_ms) / WATCH_SHARE;

	if (w->failures)
		return after_failures(at_least_1(p->fast_ms), w->failures);
	/* The answer that ends the grace should not come much later. */
	if (w->dropped && p->grace_ms / 2 < p->fast_ms)
		return at_least_1(p->grace_ms / 2);
	if (w->live || share <= (int64_t)p->fast_ms || p->idle_ms <= p->fast_ms)
		return at_least_1(p->fast_ms);
	return share < (int64_t)p->idle_ms ? (uint32_t)share : p->idle_ms;
}

enum status watch_parse(struct watch_answer *out, const char *text, size_t len,
			struct err *err)
{
	AUTO_JSON cJSON *root = NULL;
	struct watch_answer a = { 0 };
	enum status st = json_parse(&root, text, len, "lifecycle", err);
	const char *video;

	if (st == ST_OK)
		st = json_bool(&a.live, root, "live", err);
	if (st != ST_OK)
		return st;
	video = json_str_or(root, "videoUID", "");
	if (cf_uid_ok(video))
		(void)snprintf(a.video, sizeof(a.video), "%s", video);
	*out = a;
	return ST_OK;
}

enum status watch_parse_views(uint32_t *out, const char *text, size_t len,
			      struct err *err)
{
	AUTO_JSON cJSON *root = NULL;
	enum status st = json_parse(&root, text, len, "views", err);
	uint64_t n;

	if (st == ST_OK)
		st = json_u64(&n, root, "liveViewers", err);
	if (st != ST_OK)
		return st;
	*out = n < WATCH_VIEWERS_MAX ? (uint32_t)n : WATCH_VIEWERS_MAX;
	return ST_OK;
}
