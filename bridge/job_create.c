/*
 * How a room comes by its live input: create it, or find the one that exists.
 * The intention is committed before the POST; whatever was lost after that is
 * found again by the mark in the input's meta. Never seals for another room.
 */
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "bridge/control.h"
#include "bridge/job.h"
#include "core/log.h"

void job_adopted(struct job *j, struct db_batch *batch,
		 const struct job_input *in, uint64_t rotated_epoch)
{
	const char *origin = j->b->facts.origin, *uid = in->uid;
	char hls[256], dash[256], webrtc[256];
	bool whip = j->ingest == INGEST_WEBRTC;

	(void)snprintf(hls, sizeof(hls), "%s%s/manifest/video.m3u8", origin,
		       uid);
	(void)snprintf(dash, sizeof(dash), "%s%s/manifest/video.mpd", origin,
		       uid);
	(void)snprintf(webrtc, sizeof(webrtc), "%s%s/webRTC/play", origin, uid);
	DB_ADD(batch,
	       "insert into bridge.live_input as l (room_id, state, uid,"
	       " created_block, created_hash, rotated_epoch, playback_hls,"
	       " playback_dash, playback_webrtc, created_at, term,"
	       " recording_days, days_due_at)"
	       " values ($1::numeric, $2, $3, $4, $5, $6, $7, $8, $9, now(),"
	       " $10, $11::integer, case when $11::integer <> $12::integer"
	       " then now() end) on conflict (room_id) do update set"
	       " state = excluded.state, uid = excluded.uid,"
	       " rotated_epoch = excluded.rotated_epoch,"
	       " playback_hls = excluded.playback_hls,"
	       " playback_dash = excluded.playback_dash,"
	       " playback_webrtc = excluded.playback_webrtc,"
	       " created_at = coalesce(l.created_at, now()),"
	       " credential_hash = null, provisioned_epoch = 0, failures = 0,"
	       " retry_at = null, last_error = null, term = excluded.term,"
	       " recording_days = excluded.recording_days,"
	       " days_due_at = excluded.days_due_at, days_failures = 0,"
	       " updated_at = now()",
	       P_TEXT(j->room), P_TEXT(in->enabled ? "live" : "disabled"),
	       P_TEXT(uid), P_I64(j->created_block),
	       P_BYTES(j->created_hash, 32), P_I64((int64_t)rotated_epoch),
	       P_TEXT(whip ? NULL : hls), P_TEXT(whip ? NULL : dash),
	       P_TEXT(whip ? webrtc : NULL), P_I64(j->b->facts.term),
	       P_I64(in->recording_days), P_I64(j->wanted.recording_days));
	(void)snprintf(j->uid, sizeof(j->uid), "%s", uid);
}

/* The POST surely made nothing: the next one needs no list first. */
static void nothing_created(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	job_set_absent(j, batch, NULL);
	db_run_joined(batch, NULL, NULL);
	job_bad_answer(j, a);
}

/* One room may be what the provider does not take. Where it takes none, one
 * after the other, it is the account: a plan, a quota, what the config asks
 * for. Then no more fail, for that is for good: they wait. */
static bool concerns_all(struct job *j, const struct cf_answer *a)
{
	struct circuit *c = &j->b->creations;
	uint64_t now = uv_now(j->b->loop);

	if (circuit_answered(c, now, true))
		log_broken("creations_refused", F_STR("why", a->err->msg),
			   F_U64("wait_ms", c->until_ms - now),
			   F_STR("hint",
				 "Cloudflare refuses every new live input: "
				 "look at the account's plan and limits and at "
				 "the config's cloudflare section; new rooms "
				 "wait, and one tries again and again"));
	return circuit_open(c);
}

static void creation_taken(struct bridge *b)
{
	if (circuit_answered(&b->creations, uv_now(b->loop), false))
		log_info("creations_taken_again");
}

/* The provider will never take this room. */
static void create_refused(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	log_odd("live_input_refused", F_STR("room", j->room),
		F_STR("why", a->err ? a->err->msg : NULL));
	job_set_absent(j, batch, NULL);
	job_queue(j, batch, "fail", 0, FAIL_PROVIDER);
	job_commit(j, batch);
}

static void outcome_unknown(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	DB_ADD(batch,
	       "update bridge.live_input set create_started_at = now()"
	       " where room_id = $1::numeric and state = 'create_pending'",
	       P_TEXT(j->room));
	db_run_joined(batch, NULL, NULL);
	job_bad_answer(j, a);
}

static void on_created(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct job_input made = { .uid = a->input.uid,
				  .enabled = true,
				  .recording_days = j->wanted.recording_days };
	struct db_batch *batch;
	struct err err;

	if (a->outcome == CF_DONE)
		creation_taken(j->b);
	else
		circuit_untold(&j->b->creations);
	switch (a->outcome) {
	case CF_DONE:
		break;
	case CF_REFUSED:
		if (concerns_all(j, a)) {
			nothing_created(j, a);
			return;
		}
		create_refused(j, a);
		return;
	case CF_BAD_UID:
		create_refused(j, a);
		return;
	case CF_GONE:
	case CF_CONFLICT:
	case CF_DENIED:
	case CF_UNSENT:
		nothing_created(j, a);
		return;
	case CF_UNKNOWN:
	case CF_FOREIGN:
		outcome_unknown(j, a);
		return;
	}
	if (*a->input.mark && !job_owns(j, &a->input)) {
		/* A repeated key answered with another room's input. */
		nothing_created(j, a);
		return;
	}
	log_info("live_input_created", F_STR("room", j->room),
		 F_STR("uid", a->input.uid));
	batch = db_batch_new(j->b->db);
	job_adopted(j, batch, &made, j->wanted.epoch);
	/* What the answer lacks may be in the next one. */
	if (!job_seal(j, batch, &a->input, &err))
		log_odd("credentials_not_told", F_STR("room", j->room),
			F_STR("why", err.msg));
	job_commit(j, batch);
}

static void on_intention(void *arg, enum status st,
			 const struct db_result *const *results, size_t n,
			 const struct err *err)
{
	struct job *j = (struct job *)arg;
	char host[HEX_ADDRESS_SIZE];
	struct cf_request req = { .op = CF_CREATE, .who = j->host };

	(void)n;
	if (st != ST_OK || db_rows(results[0]) == 0) {
		if (st != ST_OK && st != ST_TRANSIENT)
			log_broken("step_not_stored", F_STR("room", j->room),
				   F_STR("why", err->msg));
		circuit_untold(&j->b->creations);
		job_end(j);
		return;
	}
	j->attempt = (uint32_t)db_i64(results[0], 0, "attempt");
	if (j->actual.state == INPUT_NONE)
		log_info("room_wanted", F_STR("room", j->room),
			 F_HEX("host", j->host, 20),
			 F_U64("ingest", (uint64_t)j->ingest),
			 F_STR("title", j->title));
	req.name = *j->title ? j->title : j->room;
	req.room = j->room;
	req.host = hex_encode(host, j->host, 20);
	req.attempt = j->attempt;
	req.require_signed = j->signed_access;
	req.recording_days = j->wanted.recording_days;
	req.low_latency = j->ingest != INGEST_WEBRTC;
	log_info("live_input_creating", F_STR("room", j->room),
		 F_U64("attempt", j->attempt));
	cloudflare_call(j->b->cf, &req, on_created, j);
}

void job_create(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	circuit_sent(&j->b->creations);
	DB_ADD(batch,
	       "insert into bridge.live_input as l (room_id, state, attempt,"
	       " created_block, created_hash, create_started_at,"
	       " rotated_epoch, term) values ($1::numeric, 'create_pending',"
	       " 1, $2, $3, now(), $4, $5)"
	       " on conflict (room_id) do update set"
	       " state = 'create_pending', uid = null,"
	       " attempt = l.attempt + 1,"
	       " created_block = excluded.created_block,"
	       " created_hash = excluded.created_hash,"
	       " create_started_at = now(),"
	       " rotated_epoch = excluded.rotated_epoch,"
	       " credential_hash = null, provisioned_epoch = 0,"
	       " recordings_kept = false, created_at = null,"
	       " disabled_at = null, deleted_at = null,"
	       " term = excluded.term, updated_at = now()"
	       " where l.state in ('absent', 'deleted')"
	       " returning attempt",
	       P_TEXT(j->room), P_I64(j->created_block),
	       P_BYTES(j->created_hash, 32), P_I64((int64_t)j->wanted.epoch),
	       P_I64(j->b->facts.term));
	db_run_joined(batch, on_intention, j);
}

static void adopt(struct job *j, const struct cf_item *item,
		  uint64_t rotated_epoch)
{
	struct db_batch *batch = db_batch_new(j->b->db);
	char uid[CF_UID_SIZE];
	struct job_input listed = { .uid = cf_item_uid(uid, item),
				    .enabled = item->enabled,
				    .recording_days = item->recording_days };

	job_adopted(j, batch, &listed, rotated_epoch);
	j->done_event = "live_input_adopted";
	job_commit(j, batch);
}

/* Credentials of the first epoch are those the input was made with; which
 * later epoch they belong to only the chain can say. */
void job_adopt(struct job *j)
{
	const struct cf_item *item =
	    inventory_find(j->b->inventory, j->room, j->chain_uid, j->gone_uid);
	uint64_t epoch = 1;
	char uid[CF_UID_SIZE];

	if (!item) {
		job_end(j);
		return;
	}
	if (strcmp(cf_item_uid(uid, item), j->chain_uid) == 0 &&
	    j->wanted.provisioned_epoch > epoch)
		epoch = j->wanted.provisioned_epoch;
	adopt(j, item, epoch);
}

static void on_listed(void *arg, bool ok, const struct err *err)
{
	struct job *j = (struct job *)arg;
	const struct inventory *inv = j->b->inventory;
	const struct cf_item *item =
	    ok ? inventory_find(inv, j->room, j->chain_uid, j->gone_uid) : NULL;
	struct db_batch *batch;

	if (item) {
		adopt(j, item, j->actual.rotated_epoch);
		return;
	}
	if (!ok) {
		job_retry(j, err ? err->msg : "no list");
		return;
	}
	if (!j->actual.give_up) {
		job_retry(j, "creation unanswered; not in the list yet");
		return;
	}
	if (!inventory_complete(inv)) {
		job_retry(j, "creation unanswered; the list is cut short");
		return;
	}
	log_odd("live_input_not_created", F_STR("room", j->room));
	batch = db_batch_new(j->b->db);
	job_set_absent(j, batch, NULL);
	job_commit(j, batch);
}

void job_adopt_list(struct job *j)
{
	inventory_refresh(j->b->inventory, on_listed, j);
}

static void on_chain_input(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;
	uint64_t epoch = j->wanted.provisioned_epoch;
	struct job_input found = { .uid = a->input.uid,
				   .enabled = a->input.enabled,
				   .recording_days = a->input.recording_days };

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	if (a->outcome == CF_GONE)
		inventory_forget(j->b->inventory, j->chain_uid);
	/* Of a room that is over none is made again. */
	if (a->outcome == CF_GONE && j->actual.state != INPUT_LIVE &&
	    j->wanted.state == WANTED_OPEN &&
	    !control_take(j->b, BREAKER_MISSING)) {
		job_retry(j, "cloudflare does not know the live input");
		return;
	}
	batch = db_batch_new(j->b->db);
	if (a->outcome == CF_DONE && job_owns(j, &a->input)) {
		job_adopted(j, batch, &found, epoch);
		j->done_event = "live_input_adopted";
	} else if (j->actual.state == INPUT_LIVE) {
		/* Ours replaces the one that the chain names. */
		log_odd("live_input_replaced", F_STR("room", j->room),
			F_STR("uid", j->chain_uid));
		job_queue(j, batch, "reissue", j->wanted.epoch,
			  REISSUE_REPLACED);
	} else {
		log_odd("live_input_gone", F_STR("room", j->room),
			F_STR("uid", j->chain_uid));
		job_set_absent(j, batch, j->chain_uid);
	}
	job_commit(j, batch);
}

void job_adopt_chain(struct job *j)
{
	struct cf_request req = { .op = CF_GET,
				  .uid = j->chain_uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, on_chain_input, j);
}

void job_reanchor(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	DB_ADD(batch,
	       "update bridge.live_input set created_block = $2,"
	       " created_hash = $3, term = $4, updated_at = now()"
	       " where room_id = $1::numeric",
	       P_TEXT(j->room), P_I64(j->created_block),
	       P_BYTES(j->created_hash, 32), P_I64(j->b->facts.term));
	job_commit(j, batch);
}
