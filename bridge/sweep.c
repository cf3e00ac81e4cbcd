/*
 * Live inputs with our mark that no room has chosen: noted when seen, deleted
 * when seen twice, old enough, and never many at once. An input of a room that
 * is over, unknown to this database, becomes the room's again instead, so that
 * it ends in the usual way with its recordings noted.
 */
#include <inttypes.h>
#include <string.h>

#include "bridge/bridge.h"
#include "core/log.h"

#define SWEEP_CAP 20

struct sweep_delete {
	struct bridge *b;
	char uid[CF_UID_SIZE];
};

static const char note_sql[] =
    "with ready as (select * from bridge.ready($4, $5::integer)),"
    " item as (select * from jsonb_to_recordset($1::jsonb)"
    "  as i(uid text, room numeric, created bigint)),"
    " known as (select i.*, l.state, l.uid as chosen,"
    "  exists (select from chain.registry_room_created c"
    "   where c.room_id = i.room) as created_there,"
    "  exists (select from chain.registry_room_ended e, ready"
    "   where e.room_id = i.room and e.block_number <= ready.h)"
    "  or exists (select from chain.registry_room_failed f, ready"
    "   where f.room_id = i.room and f.block_number <= ready.h) as is_over"
    "  from item i left join bridge.live_input l on l.room_id = i.room"
    "  where exists (select from ready) and i.created > 0"
    "  and i.created < extract(epoch from now()) - $2::bigint)"
    " insert into bridge.orphan as o (uid, room_id, reason, term)"
    " select uid, room, case when is_over then 'room is over'"
    "  when created_there then 'not the chosen one'"
    "  else 'no such room' end, $3::bigint from known"
    " where (state in ('live', 'disabled') and chosen <> uid)"
    "  or ((state is null or state in ('absent', 'deleted'))"
    "   and (is_over or not created_there))"
    " on conflict (uid) do update set seen = o.seen + 1,"
    " last_seen = now(), reason = excluded.reason, term = excluded.term";

/* What is no orphan any more must be seen twice again. */
static const char forget_sql[] =
    "delete from bridge.orphan where last_seen < now()"
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
    "  and l.state <> 'deleted') order by o.first_seen limit 20";

static void on_deleted(void *arg, struct cf_answer *a)
{
	struct sweep_delete *d = (struct sweep_delete *)arg;
	struct db_batch *batch;

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
	free(d);
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
	for (i = 0; i < db_rows(r) && i < SWEEP_CAP; i++) {
		struct sweep_delete *d =
		    (struct sweep_delete *)mem_zalloc(sizeof(*d));
		struct cf_request req = { .op = CF_DELETE, .uid = d->uid };
		const char *uid = db_text(r, i, "uid");

		d->b = b;
		b->orphans_found++;
		memcpy(d->uid, uid, strnlen(uid, CF_UID_SIZE - 1));
		log_odd("orphan_found", F_STR("uid", d->uid),
			F_STR("room", db_text(r, i, "room_id")),
			F_STR("reason", db_text(r, i, "reason")));
		cloudflare_call(b->cf, &req, on_deleted, d);
	}
	bridge_wake(b);
}

static void on_listed(void *arg, bool ok, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;
	const struct cf_item *items;
	struct db_batch *batch;
	AUTO_BUF json = BUF_NULL;
	size_t i, n;

	if (!ok) {
		log_odd("sweep_list_failed",
			F_STR("why", err ? err->msg : NULL));
		return;
	}
	items = inventory_items(b->inventory, &n);
	if (!inventory_complete(b->inventory)) {
		log_broken("sweep_list_cut", F_U64("ours", n));
		return;
	}
	buf_init(&json, 64 * 1024 * 1024);
	buf_add_byte(&json, '[');
	for (i = 0; i < n; i++)
		buf_printf(
		    &json,
		    "%s{\"uid\":\"%s\",\"room\":\"%s\",\"created\":%" PRId64
		    "}",
		    i ? "," : "", items[i].uid, items[i].room,
		    items[i].created_s);
	buf_add_byte(&json, ']');
	if (json.overflow)
		return;
	batch = db_batch_new(b->db);
	DB_ADD(batch, note_sql, P_TEXT(buf_str(&json)),
	       P_I64(b->cfg->bridge.orphan_age_s), P_I64(b->facts.term),
	       P_TEXT(bridge_confirm_name(b->cfg)),
	       P_I64(b->cfg->chain.confirmations));
	DB_ADD(batch, forget_sql);
	DB_ADD(batch, reclaim_sql, P_I64(b->facts.term));
	DB_ADD(batch, doomed_sql);
	db_run(batch, on_noted, b);
}

void sweep_run(struct bridge *b)
{
	inventory_refresh(b->inventory, on_listed, b);
}
