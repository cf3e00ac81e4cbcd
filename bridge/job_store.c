/*
 * What steps of every kind write: that one failed and when the room is tried
 * again, that it has no live input, what the chain is to be told of it.
 */
#include "bridge/job.h"

#include "bridge/output.h"
#include "core/log.h"

static void on_retry_stored(void *arg, enum status st,
			    const struct db_result *const *results, size_t n,
			    const struct err *err)
{
	(void)st;
	(void)results;
	(void)n;
	(void)err;
	job_end((struct job *)arg);
}

/* All of the room waits; but its stop does for its own failures only, and for
 * how long its recordings stay, which a provider may well not take, nothing
 * does. */
static const char retry_sql[] =
    "update bridge.live_input l set failures = n.failures + 1,"
    " retry_at = now() + make_interval(secs => least("
    " case l.state when 'create_pending' then 15 else 300 end,"
    " power(2, least(n.failures, 9))) * (0.75 + random() * 0.5)),"
    " retry_stops = $4, last_error = $2, term = $3, updated_at = now()"
    " from (select case when i.retry_stops = $4 then i.failures else 0 end"
    " as failures from bridge.live_input i"
    " where i.room_id = $1::numeric) n where l.room_id = $1::numeric";
static const char days_retry_sql[] =
    "update bridge.live_input set days_failures = days_failures + 1,"
    " days_due_at = now() + make_interval(secs => least(14400,"
    " power(2, least(days_failures, 14))) * (0.75 + random() * 0.5)),"
    " last_error = $2, term = $3, updated_at = now()"
    " where room_id = $1::numeric";

void job_retry(struct job *j, const char *why)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	log_odd("step_failed", F_STR("room", j->room),
		F_STR("step", step_name(j->step.kind)), F_STR("why", why));
	if (j->output) {
		output_job_failed(j, batch, why);
		db_run_joined(batch, on_retry_stored, j);
		return;
	}
	/* The wait is kept in the row, which a lost database does not have. */
	if (j->step.kind == STEP_ADOPT_CHAIN && j->actual.state == INPUT_NONE)
		job_set_absent(j, batch, NULL);
	if (j->step.kind == STEP_SET_DAYS)
		DB_ADD(batch, days_retry_sql, P_TEXT(j->room), P_TEXT(why),
		       P_I64(j->b->facts.term));
	else
		DB_ADD(batch, retry_sql, P_TEXT(j->room), P_TEXT(why),
		       P_I64(j->b->facts.term),
		       P_BOOL(j->stop || j->wanted.denied));
	db_run_joined(batch, on_retry_stored, j);
}

void job_bad_answer(struct job *j, const struct cf_answer *a)
{
	const char *why = a->err ? a->err->msg : "no reason";

	if (a->outcome == CF_FOREIGN) {
		log_broken("wrong_cloudflare_account", F_STR("room", j->room),
			   F_STR("why", why));
		bridge_stop(j->b, 1);
	} else if (a->outcome == CF_DENIED) {
		log_broken("cloudflare_token_denied", F_STR("room", j->room),
			   F_STR("why", why));
	}
	job_retry(j, why);
}

void job_set_absent(struct job *j, struct db_batch *batch, const char *gone)
{
	DB_ADD(batch,
	       "insert into bridge.live_input as l (room_id, state,"
	       " created_block, created_hash, term, gone_uid)"
	       " values ($1::numeric, 'absent', $2, $3, $4, $5)"
	       " on conflict (room_id) do update set state = 'absent',"
	       " uid = null, credential_hash = null, provisioned_epoch = 0,"
	       " playback_hls = null, playback_dash = null,"
	       " playback_webrtc = null, term = excluded.term,"
	       " gone_uid = coalesce(excluded.gone_uid, l.gone_uid),"
	       " updated_at = now() where l.state <> 'deleted'",
	       P_TEXT(j->room), P_I64(j->created_block),
	       P_BYTES(j->created_hash, 32), P_I64(j->b->facts.term),
	       P_TEXT(gone));
}

void job_queue(struct job *j, struct db_batch *batch, const char *kind,
	       uint64_t epoch, uint8_t code)
{
	DB_ADD(batch,
	       "insert into bridge.outbox as o (room_id, kind, epoch, code,"
	       " term) values ($1::numeric, $2, $3, $4, $5)"
	       " on conflict (room_id, kind, epoch) do update set"
	       " state = 'queued', code = excluded.code, note = null,"
	       " term = excluded.term, updated_at = now()"
	       " where o.state = 'dropped' or (o.state = 'done'"
	       " and o.kind = 'end')",
	       P_TEXT(j->room), P_TEXT(kind), P_I64((int64_t)epoch),
	       P_I64(code), P_I64(j->b->facts.term));
	j->kick = true;
}
