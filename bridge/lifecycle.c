/*
 * Asks the delivery host which rooms are on air and stores what it says. When
 * a room is asked next is watch.c's, who comes first roomheap.c's decision. It
 * asks for nothing that needs a token, and changes nothing there.
 */
#include "bridge/lifecycle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/roomheap.h"
#include "bridge/watch.h"
#include "core/buf.h"
#include "core/log.h"

#define LIFECYCLE_CONNECTIONS 16
#define LIFECYCLE_TIMEOUT_MS  10000
#define LIFECYCLE_ANSWER_MAX  4096
#define SYNC_MS               1000
#define FULL_SYNC_MS          600000 /* rooms whose input was replaced */
#define PAGE                  5000   /* rooms of one answer */
#define TOUCH_MS              30000
#define ODD_FAILURES          5

/* One question under way. */
struct question {
	struct question *next;
	struct lifecycle *l;
	struct watched *w;
	struct http_call *call;
	bool views;
};

struct lifecycle {
	struct bridge *b;
	struct http *http;
	uv_timer_t *timer, *sync;
	struct roomheap rooms;
	struct watch_pace pace;
	char *base; /* ends in a slash */
	struct question *questions;
	struct stored *stored; /* on their way to the database */
	size_t asking;
	bool syncing, full; /* the list under way is of all rooms */
	unsigned pass;
	char since[40],
	    next_since[40];      /* the database's time of the last list */
	char after[CF_UID_SIZE]; /* of a list in pages: the last so far */
	int64_t full_ms, touched_ms;
};

/* What was stored of a room; rooms come and go meanwhile. */
struct stored {
	struct stored *next;
	struct lifecycle *l;
	char uid[CF_UID_SIZE], room[CF_ITEM_ROOM_SIZE], video[CF_UID_SIZE];
	bool live;
};

static void pump(struct lifecycle *l);
static void ask(struct lifecycle *l, struct watched *w, bool views);

static int64_t now_ms(const struct lifecycle *l)
{
	return (int64_t)uv_now(l->b->loop);
}

/* ---- what was seen is stored ---- */

static void on_stored(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	AUTO_FREE struct stored *s = (struct stored *)arg;
	struct watched *w = roomheap_find(&s->l->rooms, s->uid);
	struct stored **p = &s->l->stored;

	(void)n;
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	if (st != ST_OK) {
		if (st == ST_REJECTED)
			log_broken("live_not_stored", F_STR("room", s->room),
				   F_STR("why", err->msg));
		if (w) { /* the next answer tells it again */
			w->watch.known = false;
			w->watch.live = !s->live;
		}
		return;
	}
	if (db_rows(results[0]) == 0)
		return;
	if (!s->live)
		log_info("room_offline", F_STR("room", s->room),
			 F_I64("on_air_s", db_i64(results[0], 0, "on_air_s")));
	else if (db_bool(results[0], 0, "is_new"))
		log_info("room_live", F_STR("room", s->room),
			 F_STR("video", *s->video ? s->video : NULL));
}

static struct stored *stored_new(struct lifecycle *l, const struct watched *w)
{
	struct stored *s = (struct stored *)mem_zalloc(sizeof(*s));

	s->l = l;
	memcpy(s->uid, w->uid, sizeof(s->uid));
	memcpy(s->room, w->room, sizeof(s->room));
	s->next = l->stored;
	l->stored = s;
	return s;
}

static void store_live(struct lifecycle *l, const struct watched *w,
		       const char *video)
{
	struct stored *s = stored_new(l, w);
	struct db_batch *batch = db_batch_new(l->b->db);

	s->live = true;
	memcpy(s->video, video, sizeof(s->video));
	DB_ADD(batch,
	       "select is_new from bridge.live_seen($1, $2::numeric, $3, $4)",
	       P_TEXT(w->uid), P_TEXT(w->room), P_TEXT(*video ? video : NULL),
	       P_I64(l->b->facts.term));
	db_run(batch, on_stored, s);
}

static void store_gone(struct lifecycle *l, const struct watched *w, bool seen)
{
	struct stored *s = stored_new(l, w);
	struct db_batch *batch = db_batch_new(l->b->db);

	DB_ADD(batch, "select on_air_s from bridge.live_gone($1, $2, $3)",
	       P_TEXT(w->uid),
	       seen ? P_I64(now_ms(l) - w->watch.off_ms) : P_NULL(),
	       P_I64(l->b->facts.term));
	db_run(batch, on_stored, s);
}

static void store_viewers(struct lifecycle *l, const struct watched *w,
			  uint32_t n)
{
	struct db_batch *batch = db_batch_new(l->b->db);

	DB_ADD(batch,
	       "select bridge.viewers_seen($1, $2::numeric, $3::integer)",
	       P_TEXT(w->uid), P_TEXT(w->room), P_I64(n));
	db_run(batch, NULL, NULL);
}

/* How far the periods of rooms on air reach, should we die. */
static void touch(struct lifecycle *l)
{
	struct db_batch *batch;
	AUTO_BUF uids = BUF_NULL;
	size_t i;

	l->touched_ms = now_ms(l);
	buf_init(&uids, (size_t)LIFECYCLE_ROOMS_MAX * CF_UID_SIZE + 16);
	buf_add_byte(&uids, '{');
	for (i = 0; i < l->rooms.count; i++) {
		const struct watched *w = l->rooms.table[i];

		if (w->watch.known && w->watch.live && !w->watch.dropped &&
		    !w->watch.failures)
			buf_printf(&uids, "%s%s", uids.len > 1 ? "," : "",
				   w->uid);
	}
	buf_add_byte(&uids, '}');
	batch = db_batch_new(l->b->db);
	DB_ADD(batch,
	       "update bridge.live_period set last_seen_at = now()"
	       " where ended_at is null and input_uid = any ($1::text[])",
	       P_TEXT(buf_str(&uids)));
	DB_ADD(batch, "delete from bridge.viewer_sample"
		      " where at < now() - interval '30 days'");
	db_run(batch, NULL, NULL);
}

/* ---- questions ---- */

static void tell(struct lifecycle *l, struct watched *w,
		 const struct watch_answer *a)
{
	switch (watch_observe(&w->watch, a->live, now_ms(l), &l->pace)) {
	case WATCH_NOTHING:
		return;
	case WATCH_LIVE:
		store_live(l, w, a->video);
		return;
	case WATCH_OFFLINE:
		store_gone(l, w, true);
		return;
	case WATCH_MISSED:
		store_gone(l, w, false);
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
	       (!w->viewers_ms || now_ms(l) - w->viewers_ms >= every);
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
		w->viewers_ms = now_ms(l);
		if (st == ST_OK)
			store_viewers(l, w, viewers);
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
				     now_ms(l) + watch_wait_ms(&w->watch,
							       now_ms(l),
							       &l->pace));
	}
	pump(l);
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

/* ---- which rooms ---- */

static void forget(struct lifecycle *l, struct watched *w)
{
	w->gone = true;
	roomheap_take(&l->rooms, w);
	if (!w->asking)
		roomheap_remove(&l->rooms, w);
}

static void take_room(struct lifecycle *l, const struct db_result *r,
		      size_t row)
{
	const char *uid = db_text(r, row, "uid");
	struct watched *w = roomheap_find(&l->rooms, uid);

	if (!db_bool(r, row, "live")) {
		if (w && !w->gone)
			forget(l, w);
		return;
	}
	if (w) {
		w->pass = l->pass;
		w->gone = false; /* disabled and enabled while asked about */
		return;
	}
	if (!cf_uid_ok(uid) || l->rooms.count >= LIFECYCLE_ROOMS_MAX)
		return;
	w = roomheap_add(&l->rooms, uid);
	w->pass = l->pass;
	(void)snprintf(w->room, sizeof(w->room), "%s", db_text(r, row, "room"));
	w->has_viewers = db_bool(r, row, "has_viewers");
	w->watch.live = db_bool(r, row, "on_air");
	w->watch.since_ms = now_ms(l) - db_i64(r, row, "age_ms");
	/* After a start they do not all come at once. */
	roomheap_due(&l->rooms, w,
		     now_ms(l) + (int64_t)(row % 997) * l->pace.fast_ms / 997);
}

static void on_rooms(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err);

static void ask_rooms(struct lifecycle *l)
{
	struct db_batch *batch = db_batch_new(l->b->db);

	l->syncing = true;
	DB_ADD(batch,
	       "select room_id::text as room, on_air_s"
	       " from bridge.live_over($1)",
	       P_I64(l->b->facts.term));
	DB_ADD(batch, "select now()::text as at");
	DB_ADD(batch,
	       "select uid, room_id::text as room, live, has_viewers, on_air,"
	       " age_ms from bridge.live_rooms($1::timestamptz)"
	       " where uid > $2 collate \"C\""
	       " order by uid collate \"C\" limit $3",
	       P_TEXT(l->full ? NULL : l->since), P_TEXT(l->after),
	       l->full ? P_I64(PAGE) : P_NULL());
	db_run(batch, on_rooms, l);
}

static void on_rooms(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct lifecycle *l = (struct lifecycle *)arg;
	size_t i, rows;

	(void)n;
	l->syncing = false;
	if (st != ST_OK) {
		if (st == ST_REJECTED)
			log_broken("live_rooms_failed", F_STR("why", err->msg));
		return;
	}
	rows = db_rows(results[2]);
	for (i = 0; i < db_rows(results[0]); i++)
		log_info("room_offline",
			 F_STR("room", db_text(results[0], i, "room")),
			 F_I64("on_air_s", db_i64(results[0], i, "on_air_s")));
	if (!*l->after) /* what changes while the pages come, comes again */
		(void)snprintf(l->next_since, sizeof(l->next_since), "%s",
			       db_text(results[1], 0, "at"));
	for (i = 0; i < rows; i++)
		take_room(l, results[2], i);
	if (l->full && rows == PAGE) {
		(void)snprintf(l->after, sizeof(l->after), "%s",
			       db_text(results[2], rows - 1, "uid"));
		ask_rooms(l);
		return;
	}
	memcpy(l->since, l->next_since, sizeof(l->since));
	if (l->full)
		for (i = l->rooms.count; i-- > 0;)
			if (l->rooms.table[i]->pass != l->pass &&
			    !l->rooms.table[i]->gone)
				forget(l, l->rooms.table[i]);
	pump(l);
}

static void sync_rooms(struct lifecycle *l)
{
	l->after[0] = '\0';
	l->full = !*l->since || now_ms(l) - l->full_ms >= FULL_SYNC_MS;
	if (l->full) {
		l->full_ms = now_ms(l);
		l->pass++;
	}
	ask_rooms(l);
}

/* ---- the clock ---- */

static void on_timer(uv_timer_t *t)
{
	pump((struct lifecycle *)t->data);
}

static void pump(struct lifecycle *l)
{
	const struct watched *first;
	int64_t wait = SYNC_MS;

	while (l->asking < LIFECYCLE_AT_ONCE) {
		struct watched *w = roomheap_first(&l->rooms);

		if (!w || w->due_ms > now_ms(l))
			break;
		roomheap_take(&l->rooms, w);
		ask(l, w, false);
	}
	first = roomheap_first(&l->rooms);
	if (first && l->asking < LIFECYCLE_AT_ONCE)
		wait = first->due_ms - now_ms(l);
	if (uv_timer_start(l->timer, on_timer,
			   wait < 1         ? 1
			   : wait > SYNC_MS ? SYNC_MS
					    : (uint64_t)wait,
			   0) != 0)
		abort();
}

static void on_sync_timer(uv_timer_t *t)
{
	struct lifecycle *l = (struct lifecycle *)t->data;

	if (l->b->stopping)
		return;
	if (!l->syncing)
		sync_rooms(l);
	if (now_ms(l) - l->touched_ms >= TOUCH_MS)
		touch(l);
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
	l->sync = timer_new(l);
	if (uv_timer_start(l->sync, on_sync_timer, 1, SYNC_MS) != 0)
		abort();
	return l;
}

void lifecycle_view(const struct lifecycle *l, struct lifecycle_view *out)
{
	const struct watched *first = roomheap_first(&l->rooms);
	int64_t every = 1000 * (int64_t)l->b->cfg->media.views_every_s;

	*out = (struct lifecycle_view){ .rooms = l->rooms.count };
	if (first && first->due_ms < now_ms(l))
		out->late_ms = now_ms(l) - first->due_ms;
	for (size_t i = 0; i < l->rooms.count; i++) {
		const struct watched *w = l->rooms.table[i];
		int64_t late = now_ms(l) - w->viewers_ms - every;

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
	struct stored *s;

	if (!l)
		return;
	while ((s = l->stored)) {
		l->stored = s->next;
		free(s);
	}
	while ((q = l->questions)) {
		l->questions = q->next;
		http_cancel(q->call);
		free(q);
	}
	http_free(l->http);
	uv_close((uv_handle_t *)l->timer, timer_closed);
	uv_close((uv_handle_t *)l->sync, timer_closed);
	roomheap_deinit(&l->rooms);
	free(l->base);
	free(l);
}
