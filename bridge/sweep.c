/*
 * Live inputs with our mark that no room has chosen: noted when seen, deleted
 * when seen twice, old enough, and never many at once. An input of a room that
 * is over, unknown to this database, becomes the room's again instead, so that
 * it ends in the usual way with its recordings noted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "bridge/control.h"
#include "core/log.h"

/* One deletion under way: owned by the bridge, ended by end(). */
struct sweep_delete {
	struct sweep_delete *next;
	struct bridge *b;
	bool enabled; /* because it refused to be deleted while disabled */
	char uid[CF_UID_SIZE];
};

#define SWEEP_AT_ONCE   1000 /* items noted in one transaction */
#define SWEEP_ITEM_TEXT 160  /* bytes of one */

/* A list on its way into the database; at most one. */
struct sweep_pass {
	struct bridge *b;
	struct cf_item after; /* noted last */
	bool begun;           /* there is one */
	char since[40];       /* the database's time of the first ones */
};

/* One that is listed long after its deletion was not deleted. */
static const char note_sql[] =
    "insert into bridge.orphan as o (uid, room_id, reason, term)"
    " select p.uid, p.room_id, p.reason, $3::bigint"
    " from bridge.sweep_plan($1::jsonb, $2::bigint, $4, $5::integer) p"
    " on conflict (uid) do update set seen = o.seen + 1,"
    " last_seen = now(), reason = excluded.reason, term = excluded.term,"
    " deleted_at = case when o.deleted_at > now() - interval '10 minutes'"
    "  then o.deleted_at end";

/* What is no orphan any more must be seen twice again. */
static const char forget_sql[] =
    "delete from bridge.orphan"
    " where last_seen < coalesce($1::timestamptz, now())"
    " and deleted_at is null";

static const char reclaim_sql[] =
    "insert into bridge.live_input (room_id, state, uid, created_block,"
    " created_hash, created_at, term)"
    " select distinct on (o.room_id) o.room_id, 'live', o.uid,"
    "  c.block_number, c.block_hash, now(), $1::bigint from bridge.orphan o"
    " join chain.registry_room_created c on c.room_id = o.room_id"
    " where o.deleted_at is null and o.seen >= 2"
    " and o.reason = 'room is over' order by o.room_id, o.uid"
    " on conflict do nothing";

static const char doomed_sql[] =
    "select o.uid, o.room_id, o.reason from bridge.orphan o"
    " where o.deleted_at is null and o.seen >= 2 and not exists"
    " (select from bridge.live_input l where l.uid = o.uid"
    "  and l.state <> 'deleted') order by o.first_seen limit $1::integer";

static void end(struct sweep_delete *d)
{
	struct sweep_delete **p = &d->b->sweeps;

	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	free(d);
}

static bool under_way(const struct bridge *b, const char *uid)
{
	for (const struct sweep_delete *d = b->sweeps; d; d = d->next)
		if (strcmp(d->uid, uid) == 0)
			return true;
	return false;
}

static void call(struct sweep_delete *d, enum cf_op op, cf_done_fn done)
{
	struct cf_request req = { .op = op, .uid = d->uid };

	cloudflare_call(d->b->cf, &req, done, d);
}

static void on_enabled(void *arg, struct cf_answer *a);

static void on_deleted(void *arg, struct cf_answer *a)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;
	struct db_batch *batch;

	if ((a->outcome == CF_REFUSED || a->outcome == CF_CONFLICT) &&
	    !d->enabled) {
		d->enabled = true;
		call(d, CF_ENABLE, on_enabled);
		return;
	}
	if (a->outcome == CF_DONE || a->outcome == CF_GONE) {
		d->b->orphans_deleted++;
		log_info("orphan_deleted", F_STR("uid", d->uid));
		batch = db_batch_new(d->b->db);
		DB_ADD(batch,
		       "update bridge.orphan set deleted_at = now(),"
		       " term = $2 where uid = $1",
		       P_TEXT(d->uid), P_I64(d->b->facts.term));
		db_run(batch, NULL, NULL);
	} else {
		log_odd("orphan_not_deleted", F_STR("uid", d->uid),
			F_STR("why", a->err ? a->err->msg : NULL));
	}
	end(d);
}

static void on_enabled(void *arg, struct cf_answer *a)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;

	if (a->outcome == CF_DONE)
		call(d, CF_DELETE, on_deleted);
	else
		on_deleted(d, a);
}

/* A room that never was: no event explains that its input goes. */
static bool may_delete(struct bridge *b, const char *reason)
{
	return control_take(b, strcmp(reason, "no such room") == 0
				   ? BREAKER_DELETION
				   : BREAKER_EXPLAINED);
}

static void begin(struct bridge *b, const struct db_result *r, size_t row)
{
	const char *uid = db_text(r, row, "uid");
	struct sweep_delete *d;

	/* Its answer may take longer than it is to the next sweep. */
	if (under_way(b, uid) || !may_delete(b, db_text(r, row, "reason")))
		return;
	d = (struct sweep_delete *)mem_zalloc(sizeof(*d));
	d->b = b;
	d->next = b->sweeps;
	b->sweeps = d;
	b->orphans_found++;
	memcpy(d->uid, uid, strnlen(uid, CF_UID_SIZE - 1));
	log_odd("orphan_found", F_STR("uid", d->uid),
		F_STR("room", db_text(r, row, "room_id")),
		F_STR("reason", db_text(r, row, "reason")));
	call(d, CF_DELETE, on_deleted);
}

static void on_noted(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	const struct db_result *r;
	size_t i;

	if (st != ST_OK) {
		if (st != ST_TRANSIENT)
			log_broken("sweep_failed", F_STR("why", err->msg));
		return;
	}
	r = results[n - 1];
	for (i = 0; i < db_rows(r); i++)
		begin(b, r, i);
	bridge_wake(b);
}

static void pass_free(struct sweep_pass *p)
{
	p->b->sweep_pass = NULL;
	free(p);
}

static void note_some(struct sweep_pass *p);

static void on_some_noted(void *arg, enum status st,
			  const struct db_result *const *results, size_t n,
			  const struct err *err)
{
	struct sweep_pass *p = (struct sweep_pass *)arg;

	(void)n;
	if (st != ST_OK) {
		if (st != ST_TRANSIENT)
			log_broken("sweep_failed", F_STR("why", err->msg));
		pass_free(p);
		return;
	}
	if (!*p->since)
		(void)snprintf(p->since, sizeof(p->since), "%s",
			       db_text(results[1], 0, "at"));
	note_some(p);
}

/* Some of what is listed, from after the item noted last, as JSON: false, it is
 * all. The list may be another one by now. */
static bool take_some(struct sweep_pass *p, struct buf *json)
{
	char uid[CF_UID_SIZE], room[CF_ITEM_ROOM_SIZE];
	const struct cf_item *items;
	size_t i = 0, end, n;

	items = inventory_items(p->b->inventory, &n);
	while (p->begun && i < n && inventory_order(&items[i], &p->after) <= 0)
		i++;
	end = n - i > SWEEP_AT_ONCE ? i + SWEEP_AT_ONCE : n;
	buf_add_byte(json, '[');
	for (; i < end; i++) {
		buf_printf(json,
			   "%s{\"uid\":\"%s\",\"room\":\"%s\",\"created\":"
			   "%" PRId64 "}",
			   json->len > 1 ? "," : "",
			   cf_item_uid(uid, &items[i]),
			   cf_item_room(room, &items[i]), items[i].created_s);
		p->after = items[i];
		p->begun = true;
	}
	buf_add_byte(json, ']');
	return end < n;
}

static void note_some(struct sweep_pass *p)
{
	struct bridge *b = p->b;
	struct db_batch *batch = db_batch_new(b->db);
	AUTO_BUF json = BUF_NULL;
	bool more;

	buf_init(&json, SWEEP_AT_ONCE * SWEEP_ITEM_TEXT);
	more = take_some(p, &json);
	DB_ADD(batch, note_sql, P_TEXT(buf_str(&json)),
	       P_I64(b->cfg->bridge.orphan_age_s), P_I64(b->facts.term),
	       P_TEXT(bridge_confirm_name(b->cfg)),
	       P_I64(b->cfg->chain.confirmations));
	if (more) {
		DB_ADD(batch, "select now()::text as at");
		db_run(batch, on_some_noted, p);
		return;
	}
	DB_ADD(batch, forget_sql, P_TEXT(*p->since ? p->since : NULL));
	DB_ADD(batch, reclaim_sql, P_I64(b->facts.term));
	DB_ADD(batch, doomed_sql, P_I64(b->cfg->bridge.sweep_max));
	db_run(batch, on_noted, b);
	pass_free(p);
}

static void on_listed(void *arg, bool ok, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	size_t n;

	if (!ok) {
		log_odd("sweep_list_failed",
			F_STR("why", err ? err->msg : NULL));
		return;
	}
	(void)inventory_items(b->inventory, &n);
	if (!inventory_complete(b->inventory)) {
		log_broken("sweep_list_cut", F_U64("ours", n),
			   F_STR("hint",
				 "Cloudflare's list counts more live inputs "
				 "than it shows: nothing is swept until it "
				 "shows all; if it stays so, ask Cloudflare"));
		return;
	}
	if (b->sweep_pass)
		return; /* the one before is not through yet */
	b->sweep_pass = (struct sweep_pass *)mem_zalloc(sizeof(*b->sweep_pass));
	b->sweep_pass->b = b;
	note_some(b->sweep_pass);
}

void sweep_run(struct bridge *b)
{
	if (b->paused)
		return;
	inventory_refresh(b->inventory, on_listed, b);
}

void sweep_stop(struct bridge *b)
{
	while (b->sweeps)
		end(b->sweeps);
	if (b->sweep_pass)
		pass_free(b->sweep_pass);
}
