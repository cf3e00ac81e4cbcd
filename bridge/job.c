/*
 * One room's steps: decides, starts, and ends each in one of three ways. What
 * is known of the room comes from job_read.c; what a step does is in
 * job_create.c, job_live.c and job_stop.c, what they all write in job_store.c.
 */
#include "bridge/job.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/backlog.h"
#include "bridge/control.h"
#include "bridge/output.h"
#include "bridge/refusal.h"
#include "bridge/report.h"
#include "core/log.h"

/* The operator's policy is asked about rooms that nothing is known of yet. */
static void judge(struct job *j)
{
	struct policy_load load = j->load;

	if (j->wanted.state != WANTED_OPEN || j->actual.state != INPUT_NONE)
		return;
	policy_tally_load(&load, &j->b->tally, j->host);
	j->verdict = policy_judge(j->b->policy, j->host, &load);
	j->wanted.refused = j->verdict != POLICY_ACCEPT;
}

static void job_perform(struct job *j);

/* Whether the endpoint that the step asks first is asked at all now. */
static bool provider_may(const struct job *j, enum step_kind kind)
{
	const struct bridge *b = j->b;

	switch (kind) {
	case STEP_CREATE:
		return circuit_may(&b->creations, uv_now(b->loop)) &&
		       cloudflare_may(b->cf, CF_CREATE);
	case STEP_ADOPT_LIST:
		return cloudflare_may(b->cf, CF_LIST);
	case STEP_ADOPT_CHAIN:
	case STEP_READ_AND_SEAL:
	case STEP_VERIFY_HASH:
		return cloudflare_may(b->cf, CF_GET);
	case STEP_ROTATE:
		return cloudflare_may(b->cf, CF_ROTATE);
	case STEP_ENABLE:
		return cloudflare_may(b->cf, CF_ENABLE);
	case STEP_DISABLE:
		return cloudflare_may(b->cf, CF_DISABLE);
	case STEP_SET_DAYS:
		return job_days_may(j);
	case STEP_COLLECT_RECORDINGS:
		return cloudflare_may(b->cf, CF_VIDEOS);
	case STEP_DELETE:
		return cloudflare_may(b->cf, CF_DELETE);
	case STEP_OUTPUT_CREATE:
		return cloudflare_may(b->cf, CF_OUTPUT_CREATE);
	case STEP_OUTPUT_MATCH:
		return cloudflare_may(b->cf, CF_OUTPUTS);
	case STEP_OUTPUT_ENABLE:
		return cloudflare_may(b->cf, CF_OUTPUT_ENABLE);
	case STEP_OUTPUT_DISABLE:
		return cloudflare_may(b->cf, CF_OUTPUT_DISABLE);
	case STEP_OUTPUT_DELETE:
		return cloudflare_may(b->cf, CF_OUTPUT_DELETE);
	case STEP_NONE:
	case STEP_FAIL:
	case STEP_ADOPT:
	case STEP_REANCHOR:
	case STEP_SETTLE:
	case STEP_REISSUE:
	case STEP_CLOSE:
	case STEP_END:
	case STEP_OUTPUT_REANCHOR:
	case STEP_OUTPUT_REFUSE:
	case STEP_OUTPUT_CLOSE:
	case STEP_OUTPUT_TELL:
		return true;
	}
	abort();
}

static void begin_step(struct job *j)
{
	j->started_ms = uv_now(j->b->loop);
	log_debug("room_step", F_STR("room", j->room),
		  F_STR("step", step_name(j->step.kind)),
		  F_U64("output", j->output ? j->output->id : 0));
	job_perform(j);
}

static void begin(struct job *j)
{
	j->next = j->b->jobs;
	j->b->jobs = j;
	begin_step(j);
}

bool job_start_output(struct job *j)
{
	struct bridge *b = j->b;

	j->step = reconcile_next(&j->wanted, &j->actual);
	if (j->step.kind == STEP_NONE || !provider_may(j, j->step.kind) ||
	    b->output_job_count >= BRIDGE_OUTPUT_JOBS_MAX) {
		output_job_free(j->output);
		free(j);
		return false;
	}
	b->output_job_count++;
	begin(j);
	return true;
}

/* Rooms whose calls wait for the budget must not keep another host's first
 * room out, nor its first end. */
static bool has_slot(const struct bridge *b, const struct job *job)
{
	unsigned same = 0, days = 0;

	if (job->stop ? b->stop_job_count >= BRIDGE_STOP_JOBS_MAX
		      : b->job_count >= BRIDGE_JOBS_MAX)
		return false;
	for (const struct job *j = b->jobs; j; j = j->next) {
		same += j->stop == job->stop && !j->output &&
			memcmp(j->host, job->host, sizeof(j->host)) == 0;
		days += j->step.kind == STEP_SET_DAYS;
	}
	if (job->stop)
		return same < BRIDGE_HOST_STOP_MAX;
	return same < BRIDGE_HOST_JOBS_MAX &&
	       (job->step.kind != STEP_SET_DAYS || days < BRIDGE_DAYS_JOBS_MAX);
}

void job_free(struct job *j)
{
	free(j);
}

enum job_turn job_try(struct job *j)
{
	struct bridge *b = j->b;

	judge(j);
	j->step = reconcile_next(&j->wanted, &j->actual);
	j->stop = step_stops(j->step.kind) || j->wanted.stopping ||
		  j->wanted.state == WANTED_VANISHED;
	if (j->step.kind != STEP_NONE && provider_may(j, j->step.kind) &&
	    !has_slot(b, j))
		return JOB_WAITS;
	if (j->step.kind == STEP_NONE || !provider_may(j, j->step.kind) ||
	    !control_may(b, &j->wanted, &j->actual, j->step)) {
		job_free(j);
		return JOB_NOTHING;
	}
	*(j->stop ? &b->stop_job_count : &b->job_count) += 1;
	if (j->step.kind == STEP_CREATE && j->actual.state == INPUT_NONE)
		policy_tally_add(&b->tally, j->host);
	begin(j);
	return JOB_BEGUN;
}

bool job_exists(const struct bridge *b, const char *room)
{
	const struct job *j;

	for (j = b->jobs; j; j = j->next)
		if (!j->output && strcmp(j->room, room) == 0)
			return true;
	return false;
}

bool job_output_exists(const struct bridge *b, const char *room)
{
	const struct job *j;

	for (j = b->jobs; j; j = j->next)
		if (j->output && strcmp(j->room, room) == 0)
			return true;
	return false;
}

static void step_over(const struct job *j)
{
	report_step(j->b->report, step_name(j->step.kind),
		    uv_now(j->b->loop) - j->started_ms);
}

void job_end(struct job *j)
{
	struct bridge *b = j->b;
	struct job **p = &b->jobs;

	step_over(j);
	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	*(j->output ? &b->output_job_count
	  : j->stop ? &b->stop_job_count
		    : &b->job_count) -= 1;
	cf_videos_deinit(&j->videos);
	output_job_free(j->output);
	free(j);
	backlog_run(b);
}

/* The next step of a room that needs no look at the database between: it keeps
 * its slot. */
static bool go_on(struct job *j)
{
	struct bridge *b = j->b;
	struct step next;

	if (!j->goes_on || b->stopping || b->paused ||
	    uv_now(b->loop) - j->read_ms >= BACKLOG_MS)
		return false;
	next = reconcile_next(&j->wanted, &j->actual);
	if (next.kind == STEP_NONE || !provider_may(j, next.kind) ||
	    !control_may(b, &j->wanted, &j->actual, next))
		return false;
	step_over(j);
	j->goes_on = j->kick = false;
	j->done_event = NULL;
	j->step = next;
	begin_step(j);
	return true;
}

/* The room may have ended since what opened its live input began: its events
 * count as news once more. */
static void unsettle(const struct job *j)
{
	struct bridge *b = j->b;

	if (step_opens(j->step.kind) && j->created_block <= b->settled)
		b->settled = j->created_block - 1;
}

static void on_commit(void *arg, enum status st,
		      const struct db_result *const *results, size_t n,
		      const struct err *err)
{
	struct job *j = (struct job *)arg;
	struct bridge *b = j->b;

	(void)results;
	(void)n;
	if (st == ST_OK) {
		unsettle(j);
		if (j->output)
			output_job_done(j);
		else if (j->done_event)
			log_info(j->done_event, F_STR("room", j->room),
				 F_STR("uid", *j->uid ? j->uid : NULL),
				 F_U64("epoch", j->wanted.epoch));
		if (j->done_event &&
		    strcmp(j->done_event, "live_input_deleted") == 0)
			log_info("room_closed", F_STR("room", j->room));
		if (j->kick)
			lanes_kick(b->lanes);
		if (go_on(j))
			return;
		bridge_wake(b);
	} else if (st != ST_TRANSIENT) {
		/* The poll comes again; a lost database ends the process. */
		log_broken("step_not_stored", F_STR("room", j->room),
			   F_STR("step", step_name(j->step.kind)),
			   F_STR("why", err->msg));
	}
	job_end(j);
}

void job_commit(struct job *j, struct db_batch *batch)
{
	db_run_joined(batch, on_commit, j);
}

bool job_owns(const struct job *j, const struct cf_input *in)
{
	return strcmp(in->mark, j->b->facts.deployment) == 0 &&
	       strcmp(in->room, j->room) == 0;
}

static void job_outbox_code(struct job *j, const char *kind, const char *event,
			    uint64_t epoch)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	log_info(event, F_STR("room", j->room), F_U64("code", j->step.code),
		 F_U64("epoch", j->wanted.epoch));
	job_queue(j, batch, kind, epoch, j->step.code);
	job_commit(j, batch);
}

/* Refusals cost gas, so they go in batches and within an allowance. */
static void job_refuse(struct job *j)
{
	const char *reason = j->step.code == FAIL_POLICY
				 ? policy_reason(j->verdict)
			     : j->step.code == FAIL_KEY_OFF_CURVE
				 ? "the host key is not on its curve"
				 : "the host key is malformed";
	struct db_batch *batch = db_batch_new(j->b->db);

	log_info("room_refused", F_STR("room", j->room),
		 F_HEX("host", j->host, 20), F_U64("code", j->step.code),
		 F_STR("reason", reason));
	DB_ADD(batch,
	       "insert into bridge.refusal (room_id, host, code, reason, term)"
	       " values ($1::numeric, $2, $3, $4, $5)"
	       " on conflict (room_id, output_id) do update set"
	       " code = excluded.code,"
	       " reason = excluded.reason, noted_at = now(), sent_at = null,"
	       " term = excluded.term",
	       P_TEXT(j->room), P_BYTES(j->host, 20), P_I64(j->step.code),
	       P_TEXT(reason), P_I64(j->b->facts.term));
	refusal_noted(j->b);
	j->b->rooms_refused++;
	job_commit(j, batch);
}

static void job_perform(struct job *j)
{
	static void (*const steps[])(struct job *) = {
		[STEP_CREATE] = job_create,
		[STEP_ADOPT] = job_adopt,
		[STEP_ADOPT_LIST] = job_adopt_list,
		[STEP_ADOPT_CHAIN] = job_adopt_chain,
		[STEP_REANCHOR] = job_reanchor,
		[STEP_ROTATE] = job_rotate,
		[STEP_READ_AND_SEAL] = job_read_and_seal,
		[STEP_VERIFY_HASH] = job_verify_hash,
		[STEP_SETTLE] = job_settle,
		[STEP_ENABLE] = job_enable,
		[STEP_DISABLE] = job_disable,
		[STEP_SET_DAYS] = job_set_days,
		[STEP_COLLECT_RECORDINGS] = job_collect,
		[STEP_DELETE] = job_delete,
		[STEP_CLOSE] = job_close,
		[STEP_END] = job_end_room,
		[STEP_OUTPUT_REANCHOR] = output_reanchor,
		[STEP_OUTPUT_REFUSE] = output_refuse,
		[STEP_OUTPUT_CREATE] = output_create,
		[STEP_OUTPUT_MATCH] = output_match,
		[STEP_OUTPUT_ENABLE] = output_switch,
		[STEP_OUTPUT_DISABLE] = output_switch,
		[STEP_OUTPUT_DELETE] = output_delete,
		[STEP_OUTPUT_CLOSE] = output_close,
		[STEP_OUTPUT_TELL] = output_tell,
	};

	if (j->step.kind == STEP_FAIL)
		job_refuse(j);
	else if (j->step.kind == STEP_REISSUE)
		job_outbox_code(j, "reissue", "credentials_reissued",
				j->wanted.epoch);
	else
		steps[j->step.kind](j);
}
