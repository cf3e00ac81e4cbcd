/*
 * Credentials of a live room: read, rotate, seal, compare with the chain. They
 * are in memory from the answer to the end of its callback and nowhere else.
 * And what else is changed of a live input that stays.
 */
#include <string.h>

#include "abi/hex.h"
#include "bridge/control.h"
#include "bridge/job.h"
#include "core/log.h"

#define HALF_ANSWERS_MAX 10 /* some nine minutes */

static void add_sealed(struct job *j, struct db_batch *batch, const char *uid,
		       const uint8_t *hash, const struct buf *envelope)
{
	struct err err;
	uint8_t uid16[16];

	if (hex_decode_bare(uid16, 16, uid, 32, "uid", &err) != ST_OK)
		abort(); /* cf_uid_ok() let it through */
	DB_ADD(batch,
	       "update bridge.live_input set credential_hash = $2,"
	       " half_answers = 0, term = $3,"
	       " updated_at = now() where room_id = $1::numeric",
	       P_TEXT(j->room), P_BYTES(hash, CREDENTIAL_HASH_SIZE),
	       P_I64(j->b->facts.term));
	DB_ADD(batch,
	       "insert into bridge.outbox as o (room_id, kind, epoch,"
	       " origin_id, input_uid, credential_hash, envelope, term)"
	       " values ($1::numeric, 'provision', $2, $3, $4, $5, $6, $7)"
	       " on conflict (room_id, kind, epoch) do update set"
	       " state = 'queued', origin_id = excluded.origin_id,"
	       " input_uid = excluded.input_uid,"
	       " credential_hash = excluded.credential_hash,"
	       " envelope = excluded.envelope, note = null,"
	       " term = excluded.term, updated_at = now()"
	       " where o.state <> 'in_tx'",
	       P_TEXT(j->room), P_I64((int64_t)j->wanted.epoch),
	       P_I64(j->b->facts.origin_id), P_BYTES(uid16, 16),
	       P_BYTES(hash, CREDENTIAL_HASH_SIZE),
	       P_BYTES(envelope->data, envelope->len), P_I64(j->b->facts.term));
	j->kick = true;
	j->done_event = "credentials_sealed";
}

static void never_sealed(struct job *j, struct db_batch *batch,
			 const struct err *err)
{
	log_odd("credentials_not_sealed", F_STR("room", j->room),
		F_STR("why", err->msg));
	job_queue(j, batch, "fail", 0, FAIL_PROVIDER);
}

bool job_seal(struct job *j, struct db_batch *batch, struct cf_input *in,
	      struct err *err)
{
	const struct config *cfg = j->b->cfg;
	struct credential_scope scope = {
		.chain_id = cfg->chain.chain_id,
		.contract20 = cfg->registry.address,
		.room = j->room,
		.epoch = j->wanted.epoch,
	};
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	AUTO_SECRET_BUF plain = BUF_NULL;
	AUTO_BUF envelope = BUF_NULL;
	enum status st;

	if (credentials_only(&in->credentials, j->ingest, err) != ST_OK)
		return false;
	buf_init(&plain, SEAL_PLAIN_MAX);
	buf_init(&envelope, SEAL_PLAIN_MAX + 256);
	credentials_hash(hash, &in->credentials);
	credentials_plaintext(&plain, &in->credentials, &scope);
	st = buf_check(&plain, "credentials", err);
	if (st == ST_OK)
		st = seal_box(&envelope, j->host_key, j->host_key_len,
			      plain.data, plain.len, err);
	if (st == ST_OK)
		add_sealed(j, batch, in->uid, hash, &envelope);
	else
		never_sealed(j, batch, err);
	return true;
}

/* The next one may be whole; a room that failed is failed for good. */
static void half_answer(struct job *j, struct db_batch *batch,
			const struct err *err)
{
	if (j->half_answers + 1 >= HALF_ANSWERS_MAX) {
		never_sealed(j, batch, err);
		job_commit(j, batch);
		return;
	}
	DB_ADD(batch,
	       "update bridge.live_input set half_answers = half_answers + 1"
	       " where room_id = $1::numeric",
	       P_TEXT(j->room));
	db_run_joined(batch, NULL, NULL);
	job_retry(j, err->msg);
}

/* The input we thought was there is not: the next step makes another. */
static void input_gone(struct job *j)
{
	struct db_batch *batch;

	inventory_forget(j->b->inventory, j->uid);
	if (!control_take(j->b, BREAKER_MISSING)) {
		job_retry(j, "cloudflare does not know the live input");
		return;
	}
	batch = db_batch_new(j->b->db);
	log_odd("live_input_gone", F_STR("room", j->room),
		F_STR("uid", j->uid));
	job_set_absent(j, batch, j->uid);
	job_commit(j, batch);
}

/* False: the answer is none, and the job has ended. Whatever step it was may
 * be repeated; a rotation too, as this epoch's envelope is not made. */
static bool answered(struct job *j, const struct cf_answer *a)
{
	if (a->outcome == CF_GONE)
		input_gone(j);
	else if (a->outcome != CF_DONE)
		job_bad_answer(j, a);
	return a->outcome == CF_DONE;
}

static void call_input(struct job *j, enum cf_op op, cf_done_fn done)
{
	struct cf_request req = { .op = op,
				  .uid = j->uid,
				  .who = j->host,
				  .recording_days = j->wanted.recording_days };

	cloudflare_call(j->b->cf, &req, done, j);
}

static void on_read(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;
	struct err err;

	if (!answered(j, a))
		return;
	batch = db_batch_new(j->b->db);
	if (job_seal(j, batch, &a->input, &err))
		job_commit(j, batch);
	else
		half_answer(j, batch, &err);
}

void job_read_and_seal(struct job *j)
{
	call_input(j, CF_GET, on_read);
}

static void on_rotated(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (!answered(j, a))
		return;
	batch = db_batch_new(j->b->db);
	DB_ADD(batch,
	       "update bridge.live_input set rotated_epoch = $2,"
	       " credential_hash = null, term = $3, updated_at = now()"
	       " where room_id = $1::numeric",
	       P_TEXT(j->room), P_I64((int64_t)j->wanted.epoch),
	       P_I64(j->b->facts.term));
	j->done_event = "credentials_rotated";
	job_commit(j, batch);
}

void job_rotate(struct job *j)
{
	call_input(j, CF_ROTATE, on_rotated);
}

static void add_settled(struct job *j, struct db_batch *batch)
{
	DB_ADD(batch,
	       "update bridge.live_input set provisioned_epoch = $2,"
	       " credential_hash = $3, failures = 0, retry_at = null,"
	       " last_error = null, term = $4, updated_at = now()"
	       " where room_id = $1::numeric",
	       P_TEXT(j->room), P_I64((int64_t)j->wanted.epoch),
	       P_BYTES(j->wanted.provisioned_hash, CREDENTIAL_HASH_SIZE),
	       P_I64(j->b->facts.term));
	j->done_event = "room_provisioned";
}

static void on_verified(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	struct db_batch *batch;
	struct err err;

	if (!answered(j, a))
		return;
	if (credentials_only(&a->input.credentials, j->ingest, &err) != ST_OK) {
		job_retry(j, err.msg);
		return;
	}
	credentials_hash(hash, &a->input.credentials);
	batch = db_batch_new(j->b->db);
	if (memcmp(hash, j->wanted.provisioned_hash, sizeof(hash)) == 0) {
		add_settled(j, batch);
	} else {
		log_odd("credentials_differ", F_STR("room", j->room),
			F_U64("epoch", j->wanted.epoch));
		job_queue(j, batch, "reissue", j->wanted.epoch,
			  REISSUE_CHANGED);
	}
	job_commit(j, batch);
}

void job_verify_hash(struct job *j)
{
	call_input(j, CF_GET, on_verified);
}

void job_settle(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	add_settled(j, batch);
	job_commit(j, batch);
}

static void on_enabled(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (!answered(j, a))
		return;
	batch = db_batch_new(j->b->db);
	DB_ADD(batch,
	       "update bridge.live_input set state = 'live',"
	       " disabled_at = null, recordings_kept = false, term = $2,"
	       " updated_at = now()"
	       " where room_id = $1::numeric and state = 'disabled'",
	       P_TEXT(j->room), P_I64(j->b->facts.term));
	j->done_event = "live_input_enabled";
	job_commit(j, batch);
}

void job_enable(struct job *j)
{
	call_input(j, CF_ENABLE, on_enabled);
}

/* Nobody waits for it, so it does not queue either. The operator's change
 * concerns every room, and leaves more for the others. */
bool job_days_may(const struct job *j)
{
	return cloudflare_may(j->b->cf, CF_SET_DAYS) &&
	       cloudflare_spare(j->b->cf, j->wanted.own_days ? 0.5 : 0.75);
}

static void on_days_set(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct db_batch *batch;

	if (!answered(j, a))
		return;
	log_info("live_input_days_set", F_STR("room", j->room),
		 F_STR("uid", j->uid), F_U64("days", j->wanted.recording_days));
	batch = db_batch_new(j->b->db);
	DB_ADD(batch,
	       "update bridge.live_input set recording_days = $2::integer,"
	       " days_due_at = null, days_failures = 0,"
	       " last_error = case when failures > 0 then last_error end,"
	       " term = $3, updated_at = now()"
	       " where room_id = $1::numeric and state = 'live' and uid = $4",
	       P_TEXT(j->room), P_I64(j->wanted.recording_days),
	       P_I64(j->b->facts.term), P_TEXT(j->uid));
	job_commit(j, batch);
}

static void on_intention(void *arg, enum status st,
			 const struct db_result *const *results, size_t n,
			 const struct err *err)
{
	struct job *j = (struct job *)arg;

	(void)n;
	if (st != ST_OK && st != ST_TRANSIENT)
		log_broken("step_not_stored", F_STR("room", j->room),
			   F_STR("why", err->msg));
	if (st != ST_OK || db_affected(results[0]) == 0 ||
	    !cloudflare_spare(j->b->cf, 0))
		job_end(j); /* the poll comes again */
	else
		call_input(j, CF_SET_DAYS, on_days_set);
}

/* From the call to its answer nobody knows which days there are: a crash, or an
 * answer that is lost, lets them be told again, also when the wish is back to
 * what it was. */
void job_set_days(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	DB_ADD(batch,
	       "update bridge.live_input set recording_days = null,"
	       " days_due_at = now(), term = $3, updated_at = now()"
	       " where room_id = $1::numeric and state = 'live' and uid = $2",
	       P_TEXT(j->room), P_TEXT(j->uid), P_I64(j->b->facts.term));
	db_run_joined(batch, on_intention, j);
}
