/*
 * Lists rooms' recordings with calls that nothing else needs, and sees to what
 * the lists say. It never touches a live input, and deletes only recordings of
 * rooms that are over, whose hosts do not keep them.
 */
#include "bridge/recordings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"

#define RECORDINGS_TICK_MS 1000
#define RECORDINGS_AT_ONCE 8
#define JSON_MAX           (1024 * 1024)

/* One list under way, then its deletions. */
struct look {
	struct recordings *r;
	char uid[CF_UID_SIZE], room[CF_ROOM_SIZE];
	uint8_t host[20];
	bool over, discard;
	struct cf_videos videos;
	size_t at;
	char deleted[CF_UID_SIZE];
};

struct recordings {
	struct bridge *b;
	uv_timer_t *timer;
	struct look looks[RECORDINGS_AT_ONCE];
	size_t open; /* of the looks */
	bool asking, enrolled;
};

static void look_end(struct look *k)
{
	struct recordings *r = k->r;

	cf_videos_deinit(&k->videos);
	*k = (struct look){ 0 };
	r->open--;
}

static void say_refused(const char *what, enum status st, const struct err *err)
{
	if (st != ST_TRANSIENT && st != ST_AGAIN)
		log_broken("recordings_not_stored", F_STR("what", what),
			   F_STR("why", err->msg));
}

/* ---- what is not kept ---- */

static void discard_next(struct look *k);

static void on_discard_stored(void *arg, enum status st,
			      const struct db_result *const *results, size_t n,
			      const struct err *err)
{
	struct look *k = (struct look *)arg;

	(void)n;
	if (st != ST_OK) {
		say_refused("deletion", st, err);
		look_end(k);
		return;
	}
	if (db_affected(results[0]))
		log_info("recording_deleted", F_STR("room", k->room),
			 F_STR("video", k->deleted),
			 F_STR("why", "the host does not keep recordings"));
	discard_next(k);
}

static void on_discarded(void *arg, struct cf_answer *a)
{
	struct look *k = (struct look *)arg;
	struct db_batch *batch;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		log_odd("recording_not_deleted", F_STR("room", k->room),
			F_STR("video", k->deleted),
			F_STR("why", a->err ? a->err->msg : NULL));
		discard_next(k); /* listed again, it is deleted again */
		return;
	}
	batch = db_batch_new(k->r->b->db);
	DB_ADD(batch,
	       "update bridge.recording set deleted_at = now(), term = $2"
	       " where video_uid = $1 and deleted_at is null",
	       P_TEXT(k->deleted), P_I64(k->r->b->facts.term));
	db_run(batch, on_discard_stored, k);
}

static void discard_next(struct look *k)
{
	struct cf_request req = { .op = CF_VIDEO_DELETE, .who = k->host };

	if (!k->discard || k->at == k->videos.count) {
		look_end(k);
		return;
	}
	memcpy(k->deleted, k->videos.items[k->at++].uid, CF_UID_SIZE);
	req.uid = k->deleted;
	cloudflare_call(k->r->b->cf, &req, on_discarded, k);
}

/* ---- lists ---- */

static void on_seen(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct look *k = (struct look *)arg;
	size_t i;

	(void)n;
	if (st != ST_OK) {
		say_refused("list", st, err);
		look_end(k);
		return;
	}
	for (i = 0; i < db_rows(results[0]); i++)
		log_info(db_bool(results[0], i, "is_new") ? "recording_found"
							  : "recording_changed",
			 F_STR("room", k->room),
			 F_STR("video", db_text(results[0], i, "video_uid")),
			 F_STR("state", db_text(results[0], i, "state")));
	discard_next(k);
}

static void add_number(struct buf *json, const char *name, int64_t v)
{
	if (v)
		buf_printf(json, ",\"%s\":%" PRId64, name, v);
}

static void add_video(struct buf *json, const struct cf_video *v)
{
	buf_printf(json, "%s{\"uid\":\"%s\"", json->len > 1 ? "," : "", v->uid);
	if (*v->state)
		buf_printf(json, ",\"state\":\"%s\"", v->state);
	if (v->duration_s >= 0)
		buf_printf(json, ",\"duration\":%.3f", v->duration_s);
	add_number(json, "size", v->size_bytes);
	add_number(json, "created", v->created_s);
	add_number(json, "ready", v->ready_s);
	add_number(json, "deletes", v->deletes_s);
	buf_add_byte(json, '}');
}

static void on_list_failed(struct look *k, const struct err *why)
{
	struct db_batch *batch = db_batch_new(k->r->b->db);

	log_odd("recordings_not_listed", F_STR("room", k->room),
		F_STR("why", why ? why->msg : NULL));
	DB_ADD(batch,
	       "update bridge.recording_look set failures = failures + 1,"
	       " due_at = now() + make_interval(secs => least(600,"
	       " power(2, least(failures, 9)))) where input_uid = $1",
	       P_TEXT(k->uid));
	db_run(batch, NULL, NULL);
	look_end(k);
}

struct cf_videos recordings_take(struct cf_answer *a, const char *room,
				 const char *uid, bool unnamed)
{
	struct cf_videos v = a->videos;
	size_t others = cf_videos_of(&v, uid, unnamed);

	a->videos = (struct cf_videos){ 0 };
	if (others)
		log_broken("recordings_of_others", F_STR("room", room),
			   F_STR("uid", uid), F_U64("left_out", others),
			   F_STR("hint",
				 "Cloudflare lists what is not of this live "
				 "input; it is left alone"));
	return v;
}

static void on_list(void *arg, struct cf_answer *a)
{
	struct look *k = (struct look *)arg;
	struct bridge *b = k->r->b;
	struct db_batch *batch;
	AUTO_BUF json = BUF_NULL;
	size_t i;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		on_list_failed(k, a->err);
		return;
	}
	/* By this filter what names no live input was uploaded by hand. */
	k->videos = recordings_take(a, k->room, k->uid, false);
	buf_init(&json, JSON_MAX);
	buf_add_byte(&json, '[');
	for (i = 0; i < k->videos.count; i++)
		add_video(&json, &k->videos.items[i]);
	buf_add_byte(&json, ']');
	batch = db_batch_new(b->db);
	DB_ADD(batch,
	       "select * from bridge.recordings_seen($1, $2::numeric, $3,"
	       " $4::jsonb, $5, $6::integer, $7)",
	       P_TEXT(k->uid), P_TEXT(k->room), P_BOOL(k->over),
	       P_TEXT(buf_str(&json)), P_TEXT(b->facts.origin),
	       P_I64(b->cfg->media.recordings_every_s), P_I64(b->facts.term));
	db_run(batch, on_seen, k);
}

static struct look *free_look(struct recordings *r)
{
	for (size_t i = 0; i < RECORDINGS_AT_ONCE; i++)
		if (!r->looks[i].r)
			return &r->looks[i];
	return NULL;
}

static bool under_way(const struct recordings *r, const char *uid)
{
	for (size_t i = 0; i < RECORDINGS_AT_ONCE; i++)
		if (strcmp(r->looks[i].uid, uid) == 0)
			return true;
	return false;
}

static void look_start(struct recordings *r, const struct db_result *res,
		       size_t row)
{
	struct cf_request req = { .op = CF_RECORDINGS };
	const char *uid = db_text(res, row, "input_uid");
	struct look *k = free_look(r);
	const uint8_t *host;
	size_t len;

	if (!k || !cf_uid_ok(uid) || under_way(r, uid))
		return;
	k->r = r;
	r->open++;
	memcpy(k->uid, uid, CF_UID_SIZE);
	(void)snprintf(k->room, sizeof(k->room), "%s",
		       db_text(res, row, "room"));
	k->over = db_bool(res, row, "over");
	k->discard = db_bool(res, row, "discard");
	host = db_bytes(res, row, "host", &len);
	if (len == sizeof(k->host))
		memcpy(k->host, host, len);
	req.uid = k->uid;
	req.who = k->host;
	cloudflare_call(r->b->cf, &req, on_list, k);
}

static void on_due(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct recordings *r = (struct recordings *)arg;
	const struct db_result *told;
	size_t i;

	r->asking = false;
	if (st != ST_OK) {
		say_refused("due", st, err);
		return;
	}
	told = results[0];
	/* Not before the copy of the chain is complete. */
	if (n == 3)
		r->enrolled = db_rows(results[2]) > 0;
	for (i = 0; i < db_rows(told); i++)
		log_info("recording_ready",
			 F_STR("room", db_text(told, i, "room")),
			 F_STR("video", db_text(told, i, "video_uid")));
	if (db_rows(told))
		lanes_kick(r->b->lanes);
	for (i = 0; i < db_rows(results[1]); i++)
		look_start(r, results[1], i);
}

/* Rooms come first: half of the burst is left to them. */
static size_t calls_spare(const struct recordings *r)
{
	if (!r->b->listed || !cloudflare_may(r->b->cf, CF_RECORDINGS) ||
	    !cloudflare_spare(r->b->cf, 0.5))
		return 0;
	return RECORDINGS_AT_ONCE - r->open;
}

static void on_tick(uv_timer_t *t)
{
	struct recordings *r = (struct recordings *)t->data;
	const char *confirm = config_confirm_name(r->b->cfg);
	int64_t depth = r->b->cfg->chain.confirmations;
	struct db_batch *batch;

	if (r->asking || r->b->stopping || r->b->paused)
		return;
	r->asking = true;
	batch = db_batch_new(r->b->db);
	DB_ADD(batch,
	       "select room_id::text as room, video_uid"
	       " from bridge.recordings_announce($1::integer, $2,"
	       " $3::integer, $4)",
	       P_I64(r->b->facts.origin_id), P_TEXT(confirm), P_I64(depth),
	       P_I64(r->b->facts.term));
	DB_ADD(batch,
	       "select input_uid, room_id::text as room, host, over, discard"
	       " from bridge.recordings_due($1, $2::integer, $3::integer)",
	       P_TEXT(confirm), P_I64(depth), P_I64((int64_t)calls_spare(r)));
	if (!r->enrolled)
		DB_ADD(batch,
		       "select bridge.recordings_enrol()"
		       " from bridge.ready($1, $2::integer)",
		       P_TEXT(confirm), P_I64(depth));
	db_run(batch, on_due, r);
}

struct recordings *recordings_new(struct bridge *b)
{
	struct recordings *r = (struct recordings *)mem_zalloc(sizeof(*r));

	r->b = b;
	r->timer = (uv_timer_t *)mem_zalloc(sizeof(*r->timer));
	r->timer->data = r;
	if (uv_timer_init(b->loop, r->timer) != 0 ||
	    uv_timer_start(r->timer, on_tick, RECORDINGS_TICK_MS,
			   RECORDINGS_TICK_MS) != 0)
		abort();
	return r;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void recordings_free(struct recordings *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RECORDINGS_AT_ONCE; i++)
		cf_videos_deinit(&r->looks[i].videos);
	uv_close((uv_handle_t *)r->timer, timer_closed);
	free(r);
}
