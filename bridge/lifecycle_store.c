/*
 * Stores what was seen of rooms on air. An answer of the database that does not
 * come is made good by the room's next answer.
 */
#include "bridge/lifecycle_int.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/log.h"

/* What was stored of a room; rooms come and go meanwhile. */
struct stored {
	struct stored *next;
	struct lifecycle *l;
	char uid[CF_UID_SIZE], room[CF_ITEM_ROOM_SIZE], video[CF_UID_SIZE];
	bool live;
};

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

void lifecycle_store_live(struct lifecycle *l, const struct watched *w,
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

void lifecycle_store_gone(struct lifecycle *l, const struct watched *w,
			  bool seen)
{
	struct stored *s = stored_new(l, w);
	struct db_batch *batch = db_batch_new(l->b->db);

	DB_ADD(batch, "select on_air_s from bridge.live_gone($1, $2, $3)",
	       P_TEXT(w->uid),
	       seen ? P_I64(lifecycle_now_ms(l) - w->watch.off_ms) : P_NULL(),
	       P_I64(l->b->facts.term));
	db_run(batch, on_stored, s);
}

void lifecycle_store_viewers(struct lifecycle *l, const struct watched *w,
			     uint32_t n)
{
	struct db_batch *batch = db_batch_new(l->b->db);

	DB_ADD(batch,
	       "select bridge.viewers_seen($1, $2::numeric, $3::integer)",
	       P_TEXT(w->uid), P_TEXT(w->room), P_I64(n));
	db_run(batch, NULL, NULL);
}

/* How far the periods of rooms on air reach, should we die. */
void lifecycle_store_reach(struct lifecycle *l)
{
	struct db_batch *batch;
	AUTO_BUF uids = BUF_NULL;
	size_t i;

	l->touched_ms = lifecycle_now_ms(l);
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

void lifecycle_store_free(struct lifecycle *l)
{
	struct stored *s;

	while ((s = l->stored)) {
		l->stored = s->next;
		free(s);
	}
}
