/*
 * How a room's live input goes: disabled at once, its recordings noted (or
 * deleted, where the host does not keep them), then deleted. A provider that
 * has forgotten the input already is as good as one that obeyed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bridge/job.h"
#include "bridge/recordings.h"
#include "core/log.h"

static void set_state(struct job *j, struct db_batch *batch, const char *sql)
{
	DB_ADD(batch, sql, P_TEXT(j->room), P_I64(j->b->facts.term));
}

static bool stored(const struct job *j, enum status st, const struct err *err)
{
	if (st != ST_OK && st != ST_TRANSIENT)
		log_broken("step_not_stored", F_STR("room", j->room),
			   F_STR("why", err->msg));
	return st == ST_OK;
}

static const char disabled_sql[] =
    "update bridge.live_input set state = 'disabled', disabled_at = now(),"
    " failures = 0, retry_at = null, term = $2, updated_at = now()"
    " where room_id = $1::numeric and state = 'live'";
static const char deleted_sql[] =
    "update bridge.live_input set state = 'deleted', deleted_at = now(),"
    " failures = 0, retry_at = null, last_error = null,"
    " days_due_at = null, term = $2,"
    " updated_at = now() where room_id = $1::numeric";
static const char kept_sql[] =
    "update bridge.live_input set recordings_kept = true, term = $2,"
    " updated_at = now() where room_id = $1::numeric";
/* Those that are not listed any more were deleted before, by us or another. */
static const char discarded_sql[] =
    "update bridge.recording set deleted_at = now(), term = $3"
    " where room_id = $1::numeric and input_uid = $2"
    " and deleted_at is null";
/* What waits for the chain no longer fits a room that is over. */
static const char drop_sql[] =
    "update bridge.outbox set state = 'dropped', note = 'room is over',"
    " term = $2, updated_at = now()"
    " where room_id = $1::numeric and state in ('queued', 'reverted')"
    " and kind in ('provision', 'reissue', 'refuse_output', 'end')";

/* An output is a part of its live input. */
static const char outputs_sql[] =
    "update bridge.output set state = 'deleted', uid = null,"
    " enabled = false, doubt_at = null, term = $2, updated_at = now()"
    " where room_id = $1::numeric and state <> 'deleted'";

static void on_disabled(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	batch = db_batch_new(j->b->db);
	set_state(j, batch, disabled_sql);
	j->done_event = "live_input_disabled";
	j->actual.state = INPUT_DISABLED;
	j->goes_on = true;
	job_commit(j, batch);
}

void job_disable(struct job *j)
{
	struct cf_request req = { .op = CF_DISABLE,
				  .uid = j->uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, on_disabled, j);
}

/* @discarded: none is left at the provider */
static void finish_recordings(struct job *j, struct db_batch *batch,
			      bool discarded)
{
	if (discarded)
		DB_ADD(batch, discarded_sql, P_TEXT(j->room), P_TEXT(j->uid),
		       P_I64(j->b->facts.term));
	set_state(j, batch, kept_sql);
	j->done_event =
	    j->keep_recording ? "recordings_noted" : "recordings_discarded";
	j->actual.recordings_kept = true;
	j->goes_on = true;
	job_commit(j, batch);
}

static void discard_next(struct job *j);

static void on_discarded(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	j->video_at++;
	discard_next(j);
}

static void discard_next(struct job *j)
{
	struct cf_request req = { .op = CF_VIDEO_DELETE, .who = j->host };

	if (j->video_at == j->videos.count) {
		finish_recordings(j, db_batch_new(j->b->db), true);
		return;
	}
	req.uid = j->videos.items[j->video_at].uid;
	cloudflare_call(j->b->cf, &req, on_discarded, j);
}

static void on_noted(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct job *j = (struct job *)arg;

	(void)results;
	(void)n;
	if (stored(j, st, err))
		discard_next(j);
	else
		job_end(j);
}

static void note_video(struct job *j, struct db_batch *batch,
		       const struct cf_video *v)
{
	char duration[32];

	(void)snprintf(duration, sizeof(duration), "%.3f", v->duration_s);
	DB_ADD(batch,
	       "insert into bridge.recording as r (video_uid, room_id,"
	       " input_uid, provider_state, duration_s, recorded_at, term)"
	       " values ($1, $2::numeric, $3, $4, $5::double precision,"
	       " to_timestamp($6::bigint), $7)"
	       " on conflict (video_uid) do update set"
	       " provider_state = excluded.provider_state,"
	       " duration_s = coalesce(excluded.duration_s, r.duration_s),"
	       " term = excluded.term",
	       P_TEXT(v->uid), P_TEXT(j->room), P_TEXT(j->uid),
	       P_TEXT(*v->state ? v->state : NULL),
	       P_TEXT(v->duration_s < 0 ? NULL : duration),
	       v->created_s ? P_I64(v->created_s) : P_NULL(),
	       P_I64(j->b->facts.term));
}

/* A provider may let nobody touch a disabled input until it is enabled: the
 * room is over for good, so that is done on its way out. Its keys work again
 * meanwhile. So the row says live before it is enabled: whatever ends the job
 * there, the next one disables first. */
static const char opened_sql[] =
    "update bridge.live_input set state = 'live', term = $2,"
    " updated_at = now() where room_id = $1::numeric and state = 'disabled'";
static const char shut_sql[] =
    "update bridge.live_input set state = 'disabled', term = $2,"
    " updated_at = now() where room_id = $1::numeric and state = 'live'";

static void videos_known(struct job *j);

static void on_shut_stored(void *arg, enum status st,
			   const struct db_result *const *results, size_t n,
			   const struct err *err)
{
	struct job *j = (struct job *)arg;

	(void)results;
	(void)n;
	if (!stored(j, st, err))
		job_end(j);
	else if (j->failure.status != ST_OK)
		job_retry(j, j->failure.msg);
	else
		videos_known(j);
}

static void on_shut(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	batch = db_batch_new(j->b->db);
	set_state(j, batch, shut_sql);
	db_run_joined(batch, on_shut_stored, j);
}

/* Disabled again: what had to be enabled has failed, or is done. */
static void shut(struct job *j)
{
	struct cf_request req = { .op = CF_DISABLE,
				  .uid = j->uid,
				  .who = j->host };

	j->enabled = false;
	cloudflare_call(j->b->cf, &req, on_shut, j);
}

static void failed(struct job *j, const struct cf_answer *a)
{
	if (!j->enabled) {
		job_bad_answer(j, a);
		return;
	}
	j->failure = *a->err;
	shut(j);
}

static void on_enabled(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;

	if (a->outcome != CF_DONE)
		failed(j, a);
	else if (j->step.kind == STEP_DELETE)
		job_delete(j);
	else
		job_collect(j);
}

static void on_opened(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct job *j = (struct job *)arg;
	struct cf_request req = { .op = CF_ENABLE,
				  .uid = j->uid,
				  .who = j->host };

	(void)n;
	if (!stored(j, st, err) || db_affected(results[0]) == 0) {
		job_end(j); /* the poll comes again */
		return;
	}
	j->enabled = true;
	cloudflare_call(j->b->cf, &req, on_enabled, j);
}

static bool enable_first(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch;

	if (j->enabled ||
	    (a->outcome != CF_REFUSED && a->outcome != CF_CONFLICT))
		return false;
	batch = db_batch_new(j->b->db);
	set_state(j, batch, opened_sql);
	db_run_joined(batch, on_opened, j);
	return true;
}

static void videos_known(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);
	size_t i;

	for (i = 0; i < j->videos.count; i++)
		note_video(j, batch, &j->videos.items[i]);
	if (j->keep_recording || j->videos.count == 0)
		finish_recordings(j, batch, !j->keep_recording);
	else
		db_run_joined(batch, on_noted, j);
}

static void on_videos(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (enable_first(j, a))
		return;
	if (a->outcome == CF_GONE) {
		batch = db_batch_new(j->b->db);
		set_state(j, batch, shut_sql);
		finish_recordings(j, batch, false);
		return;
	}
	if (a->outcome != CF_DONE) {
		failed(j, a);
		return;
	}
	j->videos = recordings_take(a, j->room, j->uid, true);
	if (j->enabled)
		shut(j);
	else
		videos_known(j);
}

void job_collect(struct job *j)
{
	struct cf_request req = { .op = CF_VIDEOS,
				  .uid = j->uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, on_videos, j);
}

static void on_deleted(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (enable_first(j, a))
		return;
	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		failed(j, a);
		return;
	}
	batch = db_batch_new(j->b->db);
	set_state(j, batch, deleted_sql);
	set_state(j, batch, drop_sql);
	set_state(j, batch, outputs_sql);
	j->done_event = "live_input_deleted";
	job_commit(j, batch);
}

void job_delete(struct job *j)
{
	struct cf_request req = { .op = CF_DELETE,
				  .uid = j->uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, on_deleted, j);
}

void job_close(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	set_state(j, batch, deleted_sql);
	set_state(j, batch, drop_sql);
	set_state(j, batch, outputs_sql);
	j->done_event = "room_closed";
	job_commit(j, batch);
}

/* The host of an open room is denied: the chain is told that it ends. */
void job_end_room(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	log_info("room_denied", F_STR("room", j->room),
		 F_HEX("host", j->host, 20),
		 F_STR("reason", policy_reason(POLICY_DENIED)));
	set_state(j, batch, drop_sql);
	job_queue(j, batch, "end", 0, 0);
	job_commit(j, batch);
}
