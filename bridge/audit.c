/*
 * What somebody rotated, disabled, deleted or set otherwise at the provider is
 * noticed here, for rooms where nothing else would look any more. It repairs
 * nothing and calls nothing that changes anything: it casts doubt on a room's
 * row.
 */
#include "bridge/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/job.h"
#include "core/backoff.h"
#include "core/log.h"

#define AUDIT_CHUNK    64
#define AUDIT_EMPTY_MS 60000 /* no room, no database: ask again after */
#define AUDIT_BUSY_MS  1000  /* others need the budget: ask again after */

struct audit_room {
	char room[CF_ROOM_SIZE], uid[CF_UID_SIZE];
	enum ingest ingest;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	int64_t recording_days; /* -1: the provider is being told */
};

struct audit {
	struct bridge *b;
	uv_timer_t *timer;
	uint64_t every_ms, pace_ms;
	char after[CF_ROOM_SIZE]; /* the room read last */
	struct audit_room rooms[AUDIT_CHUNK];
	size_t count, at;
	bool busy;                 /* a query or a call is under way */
	struct audit_room suspect; /* whose row is being doubted, and why */
	const char *why;
	uint64_t read, doubted;
};

static void on_timer(uv_timer_t *t);

static void later(struct audit *a, uint64_t ms)
{
	if (uv_timer_start(a->timer, on_timer, ms ? ms : 1, 0) != 0)
		abort();
}

static uint64_t at_most(uint64_t ms, uint64_t max)
{
	return ms < max ? ms : max;
}

static bool read_row(struct audit_room *out, const struct db_result *r,
		     size_t row)
{
	int64_t ingest = db_i64(r, row, "ingest");
	size_t len;
	const uint8_t *hash = db_bytes(r, row, "credential_hash", &len);

	if (len != sizeof(out->hash) || ingest < INGEST_RTMPS ||
	    ingest > INGEST_WEBRTC)
		return false;
	memcpy(out->hash, hash, len);
	out->ingest = (enum ingest)ingest;
	out->recording_days = db_i64(r, row, "recording_days");
	(void)snprintf(out->room, sizeof(out->room), "%s",
		       db_text(r, row, "room_id"));
	(void)snprintf(out->uid, sizeof(out->uid), "%s",
		       db_text(r, row, "uid"));
	return true;
}

/* Every room has the same share of the pass. */
static void set_pace(struct audit *a, uint64_t rooms)
{
	a->pace_ms = a->every_ms / (rooms ? rooms : 1);
	if (a->pace_ms == 0)
		a->pace_ms = 1;
}

static void on_chunk(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct audit *a = (struct audit *)arg;
	size_t rows, i;
	bool from_start = strcmp(a->after, "-1") == 0;

	(void)n;
	a->busy = false;
	a->count = a->at = 0;
	if (st != ST_OK) {
		if (st == ST_REJECTED)
			log_broken("audit_failed", F_STR("why", err->msg));
		later(a, AUDIT_EMPTY_MS);
		return;
	}
	rows = db_rows(results[0]);
	for (i = 0; i < rows && i < AUDIT_CHUNK; i++)
		a->count += read_row(&a->rooms[a->count], results[0], i);
	if (rows)
		(void)snprintf(a->after, sizeof(a->after), "%s",
			       db_text(results[0], rows - 1, "room_id"));
	set_pace(a, (uint64_t)db_i64(results[1], 0, "n"));
	if (a->count || rows) {
		later(a, a->count ? a->pace_ms : 1);
		return;
	}
	if (a->read)
		log_info("rooms_audited", F_U64("read", a->read),
			 F_U64("doubted", a->doubted));
	a->read = a->doubted = 0;
	(void)snprintf(a->after, sizeof(a->after), "-1");
	later(a, from_start ? at_most(a->every_ms, AUDIT_EMPTY_MS) : 1);
}

/* Rooms whose epoch in force is on chain and sealed: all that is known here is
 * what the last read of the input said. */
static void next_chunk(struct audit *a)
{
	struct db_batch *batch = db_batch_new(a->b->db);

	a->busy = true;
	DB_ADD(batch,
	       "select l.room_id::text as room_id, l.uid, l.credential_hash,"
	       " coalesce(l.recording_days, -1) as recording_days, c.ingest"
	       " from bridge.live_input l"
	       " join chain.registry_room_created c"
	       "  on c.room_id = l.room_id and c.block_hash = l.created_hash"
	       " where l.room_id > $1::numeric and l.state = 'live'"
	       " and l.provisioned_epoch > 0 and l.credential_hash is not null"
	       " order by l.room_id limit $2",
	       P_TEXT(a->after), P_I64(AUDIT_CHUNK));
	DB_ADD(batch, "select count(*) as n from bridge.live_input"
		      " where state = 'live'");
	db_run(batch, on_chunk, a);
}

/* The row is as it was when it was read, or has been dealt with since: then
 * nothing differs. */
static void on_doubted(void *arg, enum status st,
		       const struct db_result *const *results, size_t n,
		       const struct err *err)
{
	struct audit *a = (struct audit *)arg;

	(void)n;
	(void)err;
	a->busy = false;
	later(a, a->pace_ms);
	if (st != ST_OK || db_affected(results[0]) == 0)
		return; /* its turn comes again */
	a->doubted++;
	log_odd("live_input_differs", F_STR("room", a->suspect.room),
		F_STR("uid", a->suspect.uid), F_STR("why", a->why));
	bridge_wake(a->b);
}

static void run_doubt(struct audit *a, struct db_batch *batch,
		      const struct audit_room *r, const char *why)
{
	a->busy = true;
	a->suspect = *r;
	a->why = why;
	db_run(batch, on_doubted, a);
}

static void doubt(struct audit *a, const struct audit_room *r, const char *why,
		  bool disabled)
{
	struct db_batch *batch = db_batch_new(a->b->db);

	DB_ADD(batch,
	       "update bridge.live_input set"
	       " state = case when $5 then 'disabled' else state end,"
	       " provisioned_epoch = 0, credential_hash = null, term = $4,"
	       " updated_at = now() where room_id = $1::numeric and uid = $2"
	       " and state = 'live' and credential_hash = $3",
	       P_TEXT(r->room), P_TEXT(r->uid),
	       P_BYTES(r->hash, sizeof(r->hash)), P_I64(a->b->facts.term),
	       P_BOOL(disabled));
	run_doubt(a, batch, r, why);
}

/* Which days it should have is asked when its turn comes. */
static void other_days(struct audit *a, const struct audit_room *r,
		       int64_t days)
{
	struct db_batch *batch = db_batch_new(a->b->db);

	DB_ADD(batch,
	       "update bridge.live_input set recording_days = $3::integer,"
	       " days_due_at = now(), term = $5, updated_at = now()"
	       " where room_id = $1::numeric and uid = $2 and state = 'live'"
	       " and recording_days = $4::integer",
	       P_TEXT(r->room), P_TEXT(r->uid), P_I64(days),
	       P_I64(r->recording_days), P_I64(a->b->facts.term));
	run_doubt(a, batch, r, "other days");
}

static void compare(struct audit *a, const struct audit_room *r,
		    struct cf_input *in)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	struct err err;

	if (!in->enabled) {
		doubt(a, r, "disabled", true);
		return;
	}
	if (credentials_only(&in->credentials, r->ingest, &err) != ST_OK) {
		doubt(a, r, "no credentials", false);
		return;
	}
	credentials_hash(hash, &in->credentials);
	if (memcmp(hash, r->hash, sizeof(hash)) != 0)
		doubt(a, r, "other credentials", false);
	else if (r->recording_days >= 0 &&
		 in->recording_days != r->recording_days)
		other_days(a, r, in->recording_days);
}

static void on_input(void *arg, struct cf_answer *answer)
{
	struct audit *a = (struct audit *)arg;
	const struct audit_room *r = &a->rooms[a->at++];

	a->busy = false;
	later(a, a->pace_ms);
	if (job_exists(a->b, r->room))
		return; /* it is being seen to */
	switch (answer->outcome) {
	case CF_DONE:
		a->read++;
		compare(a, r, &answer->input);
		return;
	case CF_GONE:
		a->read++;
		doubt(a, r, "gone", false);
		return;
	case CF_FOREIGN:
		doubt(a, r, "another account", false);
		return;
	case CF_CONFLICT:
	case CF_REFUSED:
	case CF_DENIED:
	case CF_UNSENT:
	case CF_UNKNOWN:
	case CF_BAD_UID:
		return; /* nothing is known of it: its turn comes again */
	}
	abort();
}

static void on_timer(uv_timer_t *t)
{
	struct audit *a = (struct audit *)t->data;
	struct cf_request req = { .op = CF_GET };

	if (a->busy)
		return;
	if (a->at == a->count) {
		next_chunk(a);
		return;
	}
	if (!a->b->listed || a->b->paused || !cloudflare_spare(a->b->cf, 0.5)) {
		later(a, AUDIT_BUSY_MS);
		return;
	}
	a->busy = true;
	req.uid = a->rooms[a->at].uid;
	cloudflare_call(a->b->cf, &req, on_input, a);
}

/* A place among all room ids, which are below 2^96. */
static void random_place(char *out, size_t size)
{
	uint64_t v = (uint64_t)backoff_random() << 32 | backoff_random();

	(void)snprintf(out, size, "%" PRIu64 "%09" PRIu32, v,
		       backoff_random() % 1000000000);
}

struct audit *audit_new(struct bridge *b)
{
	struct audit *a = (struct audit *)mem_zalloc(sizeof(*a));

	a->b = b;
	a->every_ms = 1000ull * b->cfg->bridge.audit_every_s;
	a->timer = (uv_timer_t *)mem_zalloc(sizeof(*a->timer));
	a->timer->data = a;
	random_place(a->after, sizeof(a->after));
	if (uv_timer_init(b->loop, a->timer) != 0)
		abort();
	if (a->every_ms)
		later(a, at_most(a->every_ms, AUDIT_BUSY_MS));
	return a;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	uv_close((uv_handle_t *)a->timer, timer_closed);
	free(a);
}
