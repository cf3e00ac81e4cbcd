/*
 * Asks the delivery host which rooms are on air. When a room is asked next is
 * watch.c's, who comes first roomheap.c's decision; which rooms there are and
 * what becomes of the answers lie in lifecycle_rooms.c and lifecycle_store.c.
 * It asks for nothing that needs a token, and changes nothing there.
 */
#include "bridge/lifecycle_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/watch.h"
#include "core/log.h"

#define LIFECYCLE_CONNECTIONS 16
#define LIFECYCLE_TIMEOUT_MS  10000
#define LIFECYCLE_ANSWER_MAX  4096
#define TICK_MS               1000
#define TOUCH_MS              30000
#define ODD_FAILURES          5

static void ask(struct lifecycle *l, struct watched *w, bool views);

int64_t lifecycle_now_ms(const struct lifecycle *l)
{
	return (int64_t)uv_now(l->b->loop);
}

static void tell(struct lifecycle *l, struct watched *w,
		 const struct watch_answer *a)
{
	switch (
	    watch_observe(&w->watch, a->live, lifecycle_now_ms(l), &l->pace)) {
	case WATCH_NOTHING:
		return;
	case WATCH_LIVE:
		lifecycle_store_live(l, w, a->video);
		return;
	case WATCH_OFFLINE:
		lifecycle_store_gone(l, w, true);
		return;
	case WATCH_MISSED:
		lifecycle_store_gone(l, w, false);
		return;
	}
	abort();
}

static void failed(struct watched *w, const char *why)
{
	watch_failed(&w->watch);
	if (w->watch.failures == ODD_FAILURES)
		log_odd("lifecycle_unknown", F_STR("room", w->room),
			F_STR("why", why));
}

static bool viewers_due(const struct lifecycle *l, const struct watched *w)
{
	int64_t every = 1000 * (int64_t)l->b->cfg->media.views_every_s;

	return every && w->has_viewers && w->watch.live && !w->watch.dropped &&
	       (!w->viewers_ms || lifecycle_now_ms(l) - w->viewers_ms >= every);
}

static void take_answer(struct lifecycle *l, struct watched *w, bool views,
			enum status st, const struct http_response *res,
			const struct err *http_err)
{
	const char *text = (const char *)res->body.data;
	struct watch_answer a;
	struct err err = { 0 };
	uint32_t viewers;

	if (st != ST_OK)
		err = *http_err;
	else if (res->code != 200)
		st = err_set(&err, ST_REJECTED, "HTTP %ld", res->code);
	else
		st = views ? watch_parse_views(&viewers, text, res->body.len,
					       &err)
			   : watch_parse(&a, text, res->body.len, &err);
	if (views) {
		w->viewers_ms = lifecycle_now_ms(l);
		if (st == ST_OK)
			lifecycle_store_viewers(l, w, viewers);
	} else if (st == ST_OK) {
		tell(l, w, &a);
	} else {
		failed(w, err.msg);
	}
}

static void on_answer(void *arg, enum status st,
		      const struct http_response *res, const struct err *err)
{
	AUTO_FREE struct question *q = (struct question *)arg;
	struct lifecycle *l = q->l;
	struct watched *w = q->w;
	struct question **p = &l->questions;

	while (*p != q)
		p = &(*p)->next;
	*p = q->next;
	l->asking--;
	w->asking = false;
	if (w->gone) {
		roomheap_remove(&l->rooms, w);
	} else {
		take_answer(l, w, q->views, st, res, err);
		if (!q->views && viewers_due(l, w))
			ask(l, w, true);
		else
			roomheap_due(&l->rooms, w,
				     lifecycle_now_ms(l) +
					 watch_wait_ms(&w->watch,
						       lifecycle_now_ms(l),
						       &l->pace));
	}
	lifecycle_pump(l);
}

static void ask(struct lifecycle *l, struct watched *w, bool views)
{
	struct question *q = (struct question *)mem_zalloc(sizeof(*q));
	char url[2200];
	struct http_request req = {
		.method = "GET",
		.url = url,
		.timeout_ms = LIFECYCLE_TIMEOUT_MS,
		.max_response = LIFECYCLE_ANSWER_MAX,
	};

	(void)snprintf(url, sizeof(url), "%s%s/%s", l->base, w->uid,
		       views ? "views" : "lifecycle");
	q->l = l;
	q->w = w;
	q->views = views;
	q->next = l->questions;
	l->questions = q;
	l->asking++;
	w->asking = true;
	q->call = http_start(l->http, &req, on_answer, q);
}

static void on_timer(uv_timer_t *t)
{
	lifecycle_pump((struct lifecycle *)t->data);
}

void lifecycle_pump(struct lifecycle *l)
{
	const struct watched *first;
	int64_t wait = TICK_MS;

	while (l->asking < LIFECYCLE_AT_ONCE) {
		struct watched *w = roomheap_first(&l->rooms);

		if (!w || w->due_ms > lifecycle_now_ms(l))
			break;
		roomheap_take(&l->rooms, w);
		ask(l, w, false);
	}
	first = roomheap_first(&l->rooms);
	if (first && l->asking < LIFECYCLE_AT_ONCE)
		wait = first->due_ms - lifecycle_now_ms(l);
	if (uv_timer_start(l->timer, on_timer,
			   wait < 1         ? 1
			   : wait > TICK_MS ? TICK_MS
					    : (uint64_t)wait,
			   0) != 0)
		abort();
}

static void on_tick(uv_timer_t *t)
{
	struct lifecycle *l = (struct lifecycle *)t->data;

	if (l->b->stopping)
		return;
	lifecycle_sync_rooms(l);
	if (lifecycle_now_ms(l) - l->touched_ms >= TOUCH_MS)
		lifecycle_store_reach(l);
}

static uv_timer_t *timer_new(struct lifecycle *l)
{
	uv_timer_t *t = (uv_timer_t *)mem_zalloc(sizeof(*t));

	t->data = l;
	if (uv_timer_init(l->b->loop, t) != 0)
		abort();
	return t;
}

struct lifecycle *lifecycle_new(struct bridge *b)
{
	const struct config *cfg = b->cfg;
	const char *base = *cfg->media.delivery_url ? cfg->media.delivery_url
						    : b->facts.origin;
	struct lifecycle *l;
	size_t n = strlen(base);

	if (!cfg->media.watch)
		return NULL;
	l = (struct lifecycle *)mem_zalloc(sizeof(*l));
	l->b = b;
	l->base = (char *)mem_array(n + 2, 1);
	(void)snprintf(l->base, n + 2, "%s%s", base,
		       n && base[n - 1] == '/' ? "" : "/");
	l->pace = (struct watch_pace){
		.fast_ms = cfg->media.watch_fast_ms,
		.idle_ms = cfg->media.watch_idle_ms,
		.grace_ms = cfg->media.offline_after_ms,
	};
	l->http = http_new(b->loop, LIFECYCLE_CONNECTIONS);
	l->timer = timer_new(l);
	l->ticker = timer_new(l);
	if (uv_timer_start(l->ticker, on_tick, 1, TICK_MS) != 0)
		abort();
	return l;
}

void lifecycle_view(const struct lifecycle *l, struct lifecycle_view *out)
{
	const struct watched *first = roomheap_first(&l->rooms);
	int64_t every = 1000 * (int64_t)l->b->cfg->media.views_every_s;

	*out = (struct lifecycle_view){ .rooms = l->rooms.count };
	if (first && first->due_ms < lifecycle_now_ms(l))
		out->late_ms = lifecycle_now_ms(l) - first->due_ms;
	for (size_t i = 0; i < l->rooms.count; i++) {
		const struct watched *w = l->rooms.table[i];
		int64_t late = lifecycle_now_ms(l) - w->viewers_ms - every;

		if (!w->watch.live)
			continue;
		out->live++;
		if (every && w->viewers_ms && w->has_viewers &&
		    !w->watch.dropped && late > out->viewers_late_ms)
			out->viewers_late_ms = late;
	}
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void lifecycle_free(struct lifecycle *l)
{
	struct question *q;

	if (!l)
		return;
	while ((q = l->questions)) {
		l->questions = q->next;
		http_cancel(q->call);
		free(q);
	}
	lifecycle_store_free(l);
	http_free(l->http);
	uv_close((uv_handle_t *)l->timer, timer_closed);
	uv_close((uv_handle_t *)l->ticker, timer_closed);
	roomheap_deinit(&l->rooms);
	free(l->base);
	free(l);
}
