/*
 * The steps of one output: made once, switched, deleted. Its creation has no
 * idempotency at the provider, so the intention is committed before the POST
 * and a lost answer is matched by its target in the list. Logs name the host
 * of a target, never more of it.
 */
#include <string.h>

#include "bridge/output.h"
#include "bridge/refusal.h"
#include "core/log.h"

#define DOUBT_MAX_S 3600

static void store(struct job *j, const struct output_fact *fact,
		  const char *event)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	output_store(j, batch, fact);
	j->done_event = event;
	job_commit(j, batch);
}

static void store_state(struct job *j, const char *state, const char *event)
{
	store(
	    j,
	    &(struct output_fact){ .state = state, .doubt_s = OUTPUT_NO_DOUBT },
	    event);
}

static void refuse(struct job *j, enum target_fault fault, const char *why)
{
	log_odd("output_refused", F_STR("room", j->room),
		F_U64("output", j->output->id), F_U64("code", fault),
		F_STR("reason", target_fault_text(fault)), F_STR("why", why));
	store(j,
	      &(struct output_fact){ .state = "refused",
				     .code = (uint8_t)fault,
				     .doubt_s = OUTPUT_NO_DOUBT },
	      NULL);
}

void output_refuse(struct job *j)
{
	refuse(j, (enum target_fault)j->step.code, NULL);
}

/* It costs gas, so it goes with the refused rooms: in batches and within
 * their allowance. */
void output_tell(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);
	const char *reason =
	    j->step.code ? target_fault_text((enum target_fault)j->step.code)
			 : "served after all";

	DB_ADD(batch,
	       "insert into bridge.refusal (room_id, output_id, host, code,"
	       " reason, term) values ($1::numeric, $2, $3, $4, $5, $6)"
	       " on conflict (room_id, output_id) do update set"
	       " code = excluded.code, reason = excluded.reason,"
	       " noted_at = now(), sent_at = null, term = excluded.term",
	       P_TEXT(j->room), P_I64(j->output->id), P_BYTES(j->host, 20),
	       P_I64(j->step.code), P_TEXT(reason), P_I64(j->b->facts.term));
	refusal_noted(j->b);
	j->done_event = "output_refusal_noted";
	job_commit(j, batch);
}

void output_close(struct job *j)
{
	store_state(j, "deleted", "output_closed");
}

void output_reanchor(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);
	const struct output_job *o = j->output;

	DB_ADD(batch,
	       "update bridge.output set added_block = $3, added_hash = $4,"
	       " term = $5, updated_at = now()"
	       " where room_id = $1::numeric and output_id = $2",
	       P_TEXT(j->room), P_I64(o->id), P_I64(o->added_block),
	       P_BYTES(o->added_hash, 32), P_I64(j->b->facts.term));
	job_commit(j, batch);
}

/* How long a call that nobody waits for any more may still have an effect. */
static int64_t late_s(const struct bridge *b)
{
	return b->cfg->cloudflare.request_timeout_ms / 1000 + 1 +
	       b->cfg->cloudflare.list_stale_s;
}

/* The POST surely made nothing. */
static void nothing_made(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	output_store(j, batch,
		     &(struct output_fact){ .state = "absent",
					    .doubt_s = OUTPUT_NO_DOUBT });
	db_run(batch, NULL, NULL);
	job_bad_answer(j, a);
}

static void outcome_unknown(struct job *j, const struct cf_answer *a)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	DB_ADD(batch,
	       "update bridge.output set create_started_at = now()"
	       " where room_id = $1::numeric and output_id = $2"
	       " and state = 'create_pending'",
	       P_TEXT(j->room), P_I64(j->output->id));
	db_run(batch, NULL, NULL);
	job_bad_answer(j, a);
}

static void on_created(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct output_job *o = j->output;

	switch (a->outcome) {
	case CF_DONE:
		break;
	case CF_BAD_UID:
	case CF_REFUSED:
		refuse(j, TARGET_PROVIDER, a->err->msg);
		return;
	case CF_GONE:
	case CF_CONFLICT:
	case CF_DENIED:
	case CF_UNSENT:
		nothing_made(j, a);
		return;
	case CF_UNKNOWN:
	case CF_FOREIGN:
		outcome_unknown(j, a);
		return;
	}
	memcpy(o->uid, a->output.uid, sizeof(o->uid));
	store(j,
	      &(struct output_fact){
		  .state = "live",
		  .uid = o->uid,
		  .enabled = a->output.enabled,
		  .doubt_s = o->attempt > 1 ? late_s(j->b) : OUTPUT_NO_DOUBT },
	      "output_created");
}

static void on_intention(void *arg, enum status st,
			 const struct db_result *const *results, size_t n,
			 const struct err *err)
{
	struct job *j = (struct job *)arg;
	const struct target *t = j->output->target;
	struct cf_request req = {
		.op = CF_OUTPUT_CREATE,
		.uid = j->uid,
		.who = j->host,
		.target_url = t->url,
		.target_key = t->key,
		.output_on = j->wanted.output.state == OUTPUT_WANTED_ON,
	};

	(void)n;
	if (st != ST_OK || db_rows(results[0]) == 0) {
		if (st != ST_OK && st != ST_TRANSIENT)
			log_broken("step_not_stored", F_STR("room", j->room),
				   F_STR("why", err->msg));
		job_end(j);
		return;
	}
	j->output->attempt = (uint32_t)db_i64(results[0], 0, "attempt");
	log_info("output_creating", F_STR("room", j->room),
		 F_U64("output", j->output->id), F_STR("target", t->host),
		 F_U64("attempt", j->output->attempt));
	cloudflare_call(j->b->cf, &req, on_created, j);
}

void output_create(struct job *j)
{
	struct db_batch *batch = db_batch_new(j->b->db);

	/* Its live input may have gone since the row was read. */
	DB_ADD(batch,
	       "update bridge.output o set state = 'create_pending',"
	       " attempt = o.attempt + 1, create_started_at = now(),"
	       " target_host = $3, term = $4, updated_at = now()"
	       " from bridge.live_input l where o.room_id = $1::numeric"
	       " and o.output_id = $2 and o.state = 'absent'"
	       " and l.room_id = o.room_id and l.uid = o.input_uid"
	       " and l.state = 'live' returning o.attempt",
	       P_TEXT(j->room), P_I64(j->output->id),
	       P_TEXT(j->output->target->host), P_I64(j->b->facts.term));
	db_run(batch, on_intention, j);
}

/* ---- matching ---- */

static size_t without_slashes(const char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	return n;
}

/* One that no other output of the room has taken: to the same target, or any
 * where what it was sent to cannot be known any more. */
static bool matches(const struct output_job *o, const struct cf_output *c)
{
	size_t n = without_slashes(c->url);

	if (strstr(o->owned, c->uid))
		return false;
	return !o->target || (n == without_slashes(o->target->url) &&
			      memcmp(c->url, o->target->url, n) == 0 &&
			      strcmp(c->key, o->target->key) == 0);
}

/* A call may have its effect later than any reason says: the list is read
 * again after as long as it took so far, for an hour. */
static int64_t next_doubt_s(const struct output_job *o)
{
	return o->age_s > 0 && o->age_s < DOUBT_MAX_S ? o->age_s
						      : OUTPUT_NO_DOUBT;
}

static void delete_doubles(struct job *j);

static void on_double_deleted(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	log_odd("output_double_deleted", F_STR("room", j->room),
		F_U64("output", j->output->id),
		F_STR("uid", j->output->list.items[j->output->list_at].uid));
	j->output->list_at++;
	delete_doubles(j);
}

static void delete_doubles(struct job *j)
{
	struct output_job *o = j->output;
	struct cf_request req = { .op = CF_OUTPUT_DELETE,
				  .uid = j->uid,
				  .who = j->host };

	for (; o->target && o->list_at < o->list.count; o->list_at++) {
		const struct cf_output *c = &o->list.items[o->list_at];

		if (strcmp(c->uid, o->uid) == 0 || !matches(o, c))
			continue;
		req.output = c->uid;
		cloudflare_call(j->b->cf, &req, on_double_deleted, j);
		return;
	}
	store(j,
	      &(struct output_fact){ .state = "live",
				     .uid = o->uid,
				     .enabled = j->actual.output.enabled,
				     .doubt_s = next_doubt_s(o) },
	      NULL);
}

/* Ours is not in the list, or none was known to be. */
static void look_for(struct job *j)
{
	struct output_job *o = j->output;
	const struct cf_output *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < o->list.count; i++)
		if (matches(o, &o->list.items[i])) {
			first = first ? first : &o->list.items[i];
			n++;
		}
	if (first) {
		memcpy(o->uid, first->uid, sizeof(o->uid));
		store(j,
		      &(struct output_fact){ .state = "live",
					     .uid = o->uid,
					     .enabled = first->enabled,
					     .doubt_s =
						 n > 1 ? 0 : OUTPUT_NO_DOUBT },
		      "output_adopted");
	} else if (j->actual.output.state == OUTPUT_CREATE_PENDING &&
		   !o->give_up) {
		job_retry(j, "creation unanswered; not in the list yet");
	} else {
		if (j->actual.output.state == OUTPUT_LIVE)
			log_odd("output_gone", F_STR("room", j->room),
				F_U64("output", o->id), F_STR("uid", o->uid));
		store_state(j, "absent", NULL);
	}
}

static void on_listed(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	struct output_job *o = j->output;
	size_t i;

	if (a->outcome != CF_DONE) {
		job_bad_answer(j, a);
		return;
	}
	o->list = a->outputs;
	a->outputs = (struct cf_outputs){ 0 };
	for (i = 0; *o->uid && i < o->list.count; i++)
		if (strcmp(o->list.items[i].uid, o->uid) == 0) {
			j->actual.output.enabled = o->list.items[i].enabled;
			delete_doubles(j);
			return;
		}
	look_for(j);
}

void output_match(struct job *j)
{
	struct cf_request req = { .op = CF_OUTPUTS,
				  .uid = j->uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, on_listed, j);
}

/* ---- what is there ---- */

static void on_switched(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;
	bool on = j->step.kind == STEP_OUTPUT_ENABLE;

	if (a->outcome == CF_GONE) {
		log_odd("output_gone", F_STR("room", j->room),
			F_U64("output", j->output->id),
			F_STR("uid", j->output->uid));
		store_state(j, "absent", NULL);
		return;
	}
	if (a->outcome != CF_DONE) {
		job_bad_answer(j, a);
		return;
	}
	store(j,
	      &(struct output_fact){ .state = "live",
				     .uid = j->output->uid,
				     .enabled = on,
				     .doubt_s = OUTPUT_KEEP_DOUBT },
	      on ? "output_enabled" : "output_disabled");
}

static void call_output(struct job *j, enum cf_op op, cf_done_fn done)
{
	struct cf_request req = { .op = op,
				  .uid = j->uid,
				  .output = j->output->uid,
				  .who = j->host };

	cloudflare_call(j->b->cf, &req, done, j);
}

void output_switch(struct job *j)
{
	call_output(j,
		    j->step.kind == STEP_OUTPUT_ENABLE ? CF_OUTPUT_ENABLE
						       : CF_OUTPUT_DISABLE,
		    on_switched);
}

static void on_deleted(void *arg, struct cf_answer *a)
{
	struct job *j = (struct job *)arg;

	if (a->outcome != CF_DONE && a->outcome != CF_GONE) {
		job_bad_answer(j, a);
		return;
	}
	store_state(j, "deleted", "output_deleted");
}

void output_delete(struct job *j)
{
	call_output(j, CF_OUTPUT_DELETE, on_deleted);
}
