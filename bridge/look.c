/*
 * Asks the database which rooms are not as they should be, on every block and
 * poll but never without a rest, and hands the answer to those who act on it.
 * It decides nothing about a room: that is reconcile.c.
 */
#include "bridge/look.h"

#include "bridge/backlog.h"
#include "bridge/bridgekey.h"
#include "bridge/control.h"
#include "bridge/output.h"
#include "core/log.h"

#define LOOK_ROOMS POLICY_TALLY_MAX
#define REST       2  /* a question has a third of the time */
#define FULL_PAUSE 20 /* what reads every room has a 20th of the time */

/* Up to which block no room waits that was created, ended or given other days:
 * not beyond what counts, and only a question about every room can raise it. */
static int64_t settled_after(const struct db_result *todo, bool full,
			     int64_t settled)
{
	int64_t h = db_i64(todo, 0, "h");

	if (full && !db_is_null(todo, 0, "first_event"))
		settled = db_i64(todo, 0, "first_event") - 1;
	else if (full)
		settled = h;
	return settled < h ? settled : h;
}

static void on_word(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	(void)n;
	(void)err;
	b->querying = false;
	if (st == ST_OK)
		control_read(b, results[0]);
	if (b->again)
		bridge_wake(b);
}

/* Before the lease, and where nothing else can be read, what an operator says:
 * the lanes wait for it. */
static void ask_word(struct bridge *b)
{
	struct db_batch *batch = db_batch_new(b->db);

	b->querying = true;
	DB_ADD(batch, control_sql);
	db_run(batch, on_word, b);
}

static void on_todo(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	b->querying = false;
	b->rest_ms = uv_now(b->loop) + REST * (uv_now(b->loop) - b->asked_ms);
	if (st != ST_OK) {
		if (st == ST_REJECTED)
			log_broken("todo_failed", F_STR("why", err->msg));
		ask_word(b); /* the poll comes again */
		return;
	}
	if (b->asked_full)
		b->full_ms = uv_now(b->loop) +
			     FULL_PAUSE * (uv_now(b->loop) - b->asked_ms);
	b->tally.count = 0;
	b->tally.rooms = 0;
	control_read(b, results[0]);
	if (!b->stopping && !b->paused && db_rows(results[1])) {
		b->settled =
		    settled_after(results[1], b->asked_full, b->settled);
		backlog_take(b, results[1]);
		bridgekey_read(b, results[2]);
		outputs_start(b, results[n - 1]);
	}
	if (b->again)
		bridge_wake(b);
}

void look_run(struct bridge *b)
{
	const char *confirm = config_confirm_name(b->cfg);
	struct db_batch *batch;

	b->again = false;
	if (!b->listed) {
		ask_word(b);
		return;
	}
	b->querying = true;
	b->asked_ms = uv_now(b->loop);
	b->asked_full = b->asked_ms >= b->full_ms;
	batch = db_batch_new(b->db);
	DB_ADD(batch, control_sql);
	DB_ADD(batch,
	       "select g.h, t.*"
	       " from bridge.fresh($1, $2::integer, $8) g left join lateral"
	       " bridge.todo(g.h, g.h1, $3::integer, $4, $5, $6, $7::integer)"
	       " t on true",
	       P_TEXT(confirm), P_I64(b->cfg->chain.confirmations),
	       P_I64(LOOK_ROOMS), P_I64(b->asked_full ? -1 : b->settled),
	       P_BOOL(control_holds(b)), P_BOOL(policy_counts(b->policy)),
	       P_I64(b->cfg->cloudflare.delete_recording_after_days),
	       P_I64((int64_t)lanes_node_head(b->lanes)));
	bridgekey_query(b, batch);
	outputs_query(b, batch);
	db_run(batch, on_todo, b);
}
