/*
 * Restream targets of rooms: which of them need a step, and what is known of
 * each. A target is opened here, lives as long as the job and is stored
 * nowhere: the database has the name of its host and a digest of the envelope.
 */
#include "bridge/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#define OUTPUTS_LIMIT 64 /* rooms looked at in one turn */

void output_job_free(struct output_job *o)
{
	if (!o)
		return;
	target_free(o->target);
	cf_outputs_wipe(&o->list);
	free(o->owned);
	free(o);
}

void outputs_query(struct bridge *b, struct db_batch *batch)
{
	DB_ADD(batch,
	       "select t.* from bridge.ready($1, $2::integer) g,"
	       " lateral bridge.todo_outputs(g.h, g.h1, $3::integer) t",
	       P_TEXT(config_confirm_name(b->cfg)),
	       P_I64(b->cfg->chain.confirmations), P_I64(OUTPUTS_LIMIT));
}

static enum output_wanted wanted_from(const char *s)
{
	if (strcmp(s, "on") == 0)
		return OUTPUT_WANTED_ON;
	if (strcmp(s, "off") == 0)
		return OUTPUT_WANTED_OFF;
	return strcmp(s, "gone") == 0 ? OUTPUT_WANTED_GONE
				      : OUTPUT_WANTED_UNKNOWN;
}

static enum output_state state_from(const char *s)
{
	static const char *const names[] = {
		"new", "absent", "create_pending", "live", "refused", "deleted"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(s, names[i]) == 0)
			return (enum output_state)i;
	return OUTPUT_NEW; /* no row */
}

static void copy_bytes(const struct db_result *r, size_t row, const char *col,
		       void *out, size_t n)
{
	size_t len;
	const uint8_t *p = db_bytes(r, row, col, &len);

	if (len == n)
		memcpy(out, p, n);
}

/* A process before us may have sent it as late as its death. */
static bool gave_up(const struct bridge *b, uint64_t pending_ms)
{
	uint64_t up = uv_now(b->loop) - b->started_ms;

	return (pending_ms < up ? pending_ms : up) >
	       b->cfg->cloudflare.request_timeout_ms +
		   1000ull * b->cfg->cloudflare.list_stale_s;
}

static void read_actual(struct job *j, const struct db_result *r, size_t row)
{
	struct actual_output *a = &j->actual.output;
	struct output_job *o = j->output;

	a->recorded = !db_is_null(r, row, "o_state");
	a->state = state_from(db_text(r, row, "o_state"));
	a->anchored = db_bool(r, row, "anchored");
	a->enabled = db_bool(r, row, "o_enabled");
	a->doubt = db_bool(r, row, "o_doubt");
	a->code = (uint8_t)db_i64(r, row, "o_code");
	a->told = (uint8_t)db_i64(r, row, "told");
	a->telling = db_bool(r, row, "telling");
	(void)snprintf(o->uid, sizeof(o->uid), "%s", db_text(r, row, "o_uid"));
	o->owned = mem_strdup(db_text(r, row, "owned"));
	o->age_s = db_i64(r, row, "o_pending_ms") / 1000;
	o->give_up = gave_up(j->b, (uint64_t)db_i64(r, row, "o_pending_ms"));
	o->added_block = db_i64(r, row, "added_block");
	copy_bytes(r, row, "added_hash", o->added_hash, 32);
	copy_bytes(r, row, "digest", o->digest, 32);
	if (strcmp(db_text(r, row, "o_input_uid"), j->uid) != 0 ||
	    (a->state == OUTPUT_REFUSED && db_bool(r, row, "again")))
		a->state = OUTPUT_NEW;
	/* Another target has its id since the chain was reorganised. */
	if (a->recorded && !db_bool(r, row, "same_target")) {
		if (a->state == OUTPUT_LIVE ||
		    a->state == OUTPUT_CREATE_PENDING)
			j->wanted.output.state = OUTPUT_WANTED_GONE;
		else
			a->state = OUTPUT_NEW;
	}
	if (a->state == OUTPUT_NEW)
		o->uid[0] = '\0';
}

/* Opens the target where a step may need it. */
static void read_target(struct job *j, const struct db_result *r, size_t row)
{
	struct target_scope scope = {
		.chain_id = j->b->cfg->chain.chain_id,
		.contract20 = j->b->cfg->registry.address,
		.host20 = j->host,
		.room = j->room,
	};
	const struct actual_output *a = &j->actual.output;
	struct wanted_output *w = &j->wanted.output;
	struct target *t;
	const uint8_t *sealed;
	size_t len;

	if ((a->state == OUTPUT_LIVE && !a->doubt) ||
	    !db_bool(r, row, "same_target"))
		return;
	sealed = db_bytes(r, row, "sealed_target", &len);
	t = (struct target *)mem_zalloc(sizeof(*t));
	w->fault = (uint8_t)unseal_target(t, j->b->unseal, sealed, len, &scope);
	if (w->fault == TARGET_GOOD) {
		j->output->target = t;
		if ((uint64_t)db_i64(r, row, "others") >=
		    j->b->cfg->restream.max_outputs)
			w->fault = TARGET_POLICY;
	} else {
		target_free(t);
	}
}

static void start(struct bridge *b, const struct db_result *r, size_t row)
{
	struct job *j = (struct job *)mem_zalloc(sizeof(*j));

	j->b = b;
	j->output = (struct output_job *)mem_zalloc(sizeof(*j->output));
	j->output->id = (uint32_t)db_i64(r, row, "output_id");
	(void)snprintf(j->room, sizeof(j->room), "%s",
		       db_text(r, row, "room_id"));
	(void)snprintf(j->uid, sizeof(j->uid), "%s", db_text(r, row, "li_uid"));
	copy_bytes(r, row, "host", j->host, sizeof(j->host));
	j->wanted.state = WANTED_OPEN;
	j->actual.state = INPUT_LIVE;
	j->wanted.output.id = j->output->id;
	j->wanted.output.state = wanted_from(db_text(r, row, "wanted"));
	read_actual(j, r, row);
	read_target(j, r, row);
	(void)job_start_output(j);
}

void outputs_start(struct bridge *b, const struct db_result *r)
{
	size_t i;

	for (i = 0; i < db_rows(r) && !b->stopping &&
		    b->output_job_count < BRIDGE_OUTPUT_JOBS_MAX;
	     i++)
		if (!job_output_exists(b, db_text(r, i, "room_id")))
			start(b, r, i);
}

void output_job_done(const struct job *j)
{
	const struct output_job *o = j->output;

	if (j->done_event)
		log_info(j->done_event, F_STR("room", j->room),
			 F_U64("output", o->id),
			 F_STR("uid", *o->uid ? o->uid : NULL),
			 F_STR("target", o->target ? o->target->host : NULL));
}

void output_job_failed(struct job *j, struct db_batch *batch, const char *why)
{
	const struct output_job *o = j->output;

	DB_ADD(batch,
	       "insert into bridge.output as o (room_id, output_id, state,"
	       " input_uid, target_digest, added_block, added_hash, failures,"
	       " retry_at, last_error, term)"
	       " values ($1::numeric, $2, 'new', $3, $4, $5, $6, 1,"
	       " now() + interval '1 second', $7, $8)"
	       " on conflict (room_id, output_id) do update set"
	       " failures = o.failures + 1,"
	       " retry_at = now() + make_interval(secs => least("
	       " case o.state when 'create_pending' then 15 else 300 end,"
	       " power(2, least(o.failures, 9))) * (0.75 + random() * 0.5)),"
	       " last_error = excluded.last_error, term = excluded.term,"
	       " updated_at = now()",
	       P_TEXT(j->room), P_I64(o->id), P_TEXT(j->uid),
	       P_BYTES(o->digest, 32), P_I64(o->added_block),
	       P_BYTES(o->added_hash, 32), P_TEXT(why),
	       P_I64(j->b->facts.term));
}

void output_store(struct job *j, struct db_batch *batch,
		  const struct output_fact *fact)
{
	const struct output_job *o = j->output;

	DB_ADD(batch,
	       "insert into bridge.output as o (room_id, output_id, state,"
	       " input_uid, uid, enabled, target_host, target_digest,"
	       " added_block, added_hash, code, doubt_at, term)"
	       " values ($1::numeric, $2, $3, $4, $5, $6, $7, $8, $9, $10,"
	       " $11::integer, case when $12::integer >= 0 then"
	       " now() + make_interval(secs => $12::integer) end,"
	       " $13) on conflict (room_id, output_id) do update set"
	       " state = excluded.state, input_uid = excluded.input_uid,"
	       " uid = excluded.uid, enabled = excluded.enabled,"
	       " target_host = case when o.target_digest ="
	       "  excluded.target_digest then coalesce(excluded.target_host,"
	       "  o.target_host) else excluded.target_host end,"
	       " target_digest = excluded.target_digest,"
	       " added_block = excluded.added_block,"
	       " added_hash = excluded.added_hash, code = excluded.code,"
	       " doubt_at = case when $12::integer = -2 then o.doubt_at"
	       "  else excluded.doubt_at end, failures = 0, retry_at = null,"
	       " last_error = null, term = excluded.term, updated_at = now()",
	       P_TEXT(j->room), P_I64(o->id), P_TEXT(fact->state),
	       P_TEXT(j->uid), P_TEXT(fact->uid), P_BOOL(fact->enabled),
	       P_TEXT(o->target ? o->target->host : NULL),
	       P_BYTES(o->digest, 32), P_I64(o->added_block),
	       P_BYTES(o->added_hash, 32),
	       fact->code ? P_I64(fact->code) : P_NULL(), P_I64(fact->doubt_s),
	       P_I64(j->b->facts.term));
}
