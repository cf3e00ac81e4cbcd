/*
 * Reads and writes the one row of bridge.control. It decides nothing.
 */
#include "bridge/control.h"

#include "core/log.h"

enum status control_start(struct bridge *b, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(
	    &r, b->db, err,
	    "select coalesce(greatest(0, extract(epoch from limited_until"
	    " - now()) * 1000), 0)::bigint as limited_ms from bridge.control");

	if (st != ST_OK)
		return st;
	b->limited_ms = db_rows(r) ? (uint64_t)db_i64(r, 0, "limited_ms") : 0;
	if (b->limited_ms)
		log_odd("cloudflare_still_limited",
			F_U64("wait_s", (b->limited_ms + 999) / 1000));
	return ST_OK;
}

void control_limited(void *arg, uint64_t wait_s)
{
	struct bridge *b = (struct bridge *)arg;
	struct db_batch *batch = db_batch_new(b->db);

	DB_ADD(batch,
	       "update bridge.control set limited_until ="
	       " now() + make_interval(secs => $1::integer)",
	       P_I64((int64_t)wait_s));
	db_run(batch, NULL, NULL);
}
