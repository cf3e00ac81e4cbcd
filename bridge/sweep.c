/*
 * Live inputs with our mark that no room has chosen: noted when seen, deleted
 * when seen twice, old enough, and never many at once; those of rooms that
 * never were, if there are many, only when an operator says so. An input of a
 * room that is over, unknown to this database, becomes the room's again
 * instead, so that it ends in the usual way with its recordings noted.
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
	bool enabled; /* perhaps: it refused to be deleted while disabled */
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
    " from bridge.sweep_plan($1::jsonb, $2::bigint, $4, $5::integer,"
    "  $6) p"
    " on conflict (uid) do update set seen = o.seen + 1,"
    " last_seen = now(), reason = excluded.reason, term = excluded.term,"
    " deleted_at = case when o.deleted_at > now() - interval '10 minutes'"
    "  then o.deleted_at end"
    " returning uid, room_id, reason, seen = 2 as found";

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

#define DOOMED                                                                 \
	" where o.deleted_at is null and o.seen >= 2 and not exists"           \
	" (select from bridge.live_input l where l.uid = o.uid"                \
	"  and l.state <> 'deleted')"

static const char never_sql[] =
    "select count(*) as n from bridge.orphan o" DOOMED
    " and o.reason = 'no such room'";

/* $2: also those that no event explains */
static const char doomed_sql[] =
    "update bridge.orphan t set tried_at = now(), term = $3"
    " from (select o.uid from bridge.orphan o" DOOMED
    "  and ($2 or o.reason <> 'no such room')"
    "  order by o.enabled desc, o.tried_at nulls first, o.first_seen"
    "  limit $1::integer) d"
    " where t.uid = d.uid returning t.uid, t.reason, t.enabled";

static const char deleted_sql[] =
    "update bridge.orphan set deleted_at = now(), enabled = false, term = $2"
    " where uid = $1";
static const char opened_sql[] =
    "update bridge.orphan set enabled = true, term = $2 where uid = $1";
static const char shut_sql[] =
    "update bridge.orphan set enabled = false, term = $2 where uid = $1";

static bool stored(enum status st, const struct err *err)
{
	if (st != ST_OK && st != ST_TRANSIENT)
		log_broken("sweep_failed", F_STR("why", err->msg));
	return st == ST_OK;
}

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

/* Its row, then what comes next; NULL: nothing does. */
static void note(struct sweep_delete *d, const char *sql, db_done_fn done)
{
	struct db_batch *batch = db_batch_new(d->b->db);

	DB_ADD(batch, sql, P_TEXT(d->uid), P_I64(d->b->facts.term));
	db_run(batch, done, done ? d : NULL);
}

/* What cannot be deleted is not left enabled. */
static void on_shut(void *arg, struct cf_answer *a)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;

	if (a->outcome == CF_DONE || a->outcome == CF_GONE)
		note(d, shut_sql, NULL);
	end(d);
}

static void on_opened(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err);

static void on_deleted(void *arg, struct cf_answer *a)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;

	if ((a->outcome == CF_REFUSED || a->outcome == CF_CONFLICT) &&
	    !d->enabled) {
		d->enabled = true;
		note(d, opened_sql, on_opened);
		return;
	}
	if (a->outcome == CF_DONE || a->outcome == CF_GONE) {
		d->b->orphans_deleted++;
		log_info("orphan_deleted", F_STR("uid", d->uid));
		inventory_forget(d->b->inventory, d->uid);
		note(d, deleted_sql, NULL);
		end(d);
		return;
	}
	log_odd("orphan_not_deleted", F_STR("uid", d->uid),
		F_STR("why", a->err ? a->err->msg : NULL));
	if (d->enabled)
		call(d, CF_DISABLE, on_shut);
	else
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

static void on_opened(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;

	(void)results;
	(void)n;
	if (stored(st, err))
		call(d, CF_ENABLE, on_enabled);
	else
		end(d);
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
	d->enabled = db_bool(r, row, "enabled");
	memcpy(d->uid, uid, strnlen(uid, CF_UID_SIZE - 1));
	call(d, CF_DELETE, on_deleted);
}

/* Once each, however often it cannot be deleted. */
static void tell_found(struct bridge *b, const struct db_result *noted)
{
	for (size_t i = 0; i < db_rows(noted); i++) {
		if (!db_bool(noted, i, "found"))
			continue;
		b->orphans_found++;
		log_odd("orphan_found", F_STR("uid", db_text(noted, i, "uid")),
			F_STR("room", db_text(noted, i, "room_id")),
			F_STR("reason", db_text(noted, i, "reason")));
	}
}

static void on_doomed(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	size_t i;

	(void)n;
	if (!stored(st, err))
		return;
	for (i = 0; i < db_rows(results[0]); i++)
		begin(b, results[0], i);
}

/* A database of yesterday, or another one, knows none of many rooms. */
static void on_noted(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	struct db_batch *batch;
	uint64_t never;
	bool may;

	if (!stored(st, err))
		return;
	tell_found(b, results[0]);
	never = (uint64_t)db_i64(results[n - 1], 0, "n");
	may = control_take_many(b, BREAKER_DELETION, never);
	if (!may && never)
		log_odd("orphans_wait", F_U64("count", never),
			F_STR("why", "no event explains them"),
			F_STR("hint",
			      "see chaincast sweep --dry-run; if they are to "
			      "go: chaincast resume --minutes N, for as many "
			      "sweeps as bridge.sweep_max at a time takes"));
	batch = db_batch_new(b->db);
	DB_ADD(batch, doomed_sql, P_I64(b->cfg->bridge.sweep_max), P_BOOL(may),
	       P_I64(b->facts.term));
	db_run(batch, on_doomed, b);
	bridge_wake(b); /* some may have become a room's again */
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
	if (!stored(st, err)) {
		pass_free(p);
		return;
	}
	tell_found(p->b, results[0]);
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
	       P_TEXT(config_confirm_name(b->cfg)),
	       P_I64(b->cfg->chain.confirmations),
	       P_I64((int64_t)lanes_node_head(b->lanes)));
	if (more) {
		DB_ADD(batch, "select now()::text as at");
		db_run(batch, on_some_noted, p);
		return;
	}
	DB_ADD(batch, forget_sql, P_TEXT(*p->since ? p->since : NULL));
	DB_ADD(batch, reclaim_sql, P_I64(b->facts.term));
	DB_ADD(batch, never_sql);
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
	if (b->paused || !b->listed)
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
