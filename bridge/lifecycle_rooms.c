/*
 * Which rooms are watched: asks the database for those that changed, and at
 * times for all of them, in pages.
 */
#include "bridge/lifecycle_int.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"

#define FULL_SYNC_MS 600000 /* rooms whose input was replaced */
#define PAGE         5000   /* rooms of one answer */

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
		w->pass = l->sync.pass;
		w->gone = false; /* disabled and enabled while asked about */
		return;
	}
	if (!cf_uid_ok(uid) || l->rooms.count >= LIFECYCLE_ROOMS_MAX)
		return;
	w = roomheap_add(&l->rooms, uid);
	w->pass = l->sync.pass;
	(void)snprintf(w->room, sizeof(w->room), "%s", db_text(r, row, "room"));
	w->has_viewers = db_bool(r, row, "has_viewers");
	w->watch.live = db_bool(r, row, "on_air");
	w->watch.since_ms = lifecycle_now_ms(l) - db_i64(r, row, "age_ms");
	/* After a start they do not all come at once. */
	roomheap_due(&l->rooms, w,
		     lifecycle_now_ms(l) +
			 (int64_t)(row % 997) * l->pace.fast_ms / 997);
}

static void on_rooms(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err);

static void ask_rooms(struct lifecycle *l)
{
	struct db_batch *batch = db_batch_new(l->b->db);

	l->sync.running = true;
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
	       P_TEXT(l->sync.full ? NULL : l->sync.since),
	       P_TEXT(l->sync.after), l->sync.full ? P_I64(PAGE) : P_NULL());
	db_run(batch, on_rooms, l);
}

static void on_rooms(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct lifecycle *l = (struct lifecycle *)arg;
	size_t i, rows;

	(void)n;
	l->sync.running = false;
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
	/* What changes while the pages come, comes again. */
	if (!*l->sync.after)
		(void)snprintf(l->sync.next_since, sizeof(l->sync.next_since),
			       "%s", db_text(results[1], 0, "at"));
	for (i = 0; i < rows; i++)
		take_room(l, results[2], i);
	if (l->sync.full && rows == PAGE) {
		(void)snprintf(l->sync.after, sizeof(l->sync.after), "%s",
			       db_text(results[2], rows - 1, "uid"));
		ask_rooms(l);
		return;
	}
	memcpy(l->sync.since, l->sync.next_since, sizeof(l->sync.since));
	if (l->sync.full)
		for (i = l->rooms.count; i-- > 0;)
			if (l->rooms.table[i]->pass != l->sync.pass &&
			    !l->rooms.table[i]->gone)
				forget(l, l->rooms.table[i]);
	lifecycle_pump(l);
}

void lifecycle_sync_rooms(struct lifecycle *l)
{
	if (l->sync.running)
		return;
	l->sync.after[0] = '\0';
	l->sync.full = !*l->sync.since ||
		       lifecycle_now_ms(l) - l->sync.full_ms >= FULL_SYNC_MS;
	if (l->sync.full) {
		l->sync.full_ms = lifecycle_now_ms(l);
		l->sync.pass++;
	}
	ask_rooms(l);
}
