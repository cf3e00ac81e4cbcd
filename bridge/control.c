/*
 * Reads and writes the one row of bridge.control. It decides nothing.
 */
#include "bridge/control.h"

#include "abi/hex.h"
#include "core/buf.h"
#include "core/log.h"

const char control_sql[] =
    "select paused_at is not null as paused, paused_why,"
    " tripped_at is not null as tripped, tripped_why, greatest(0,"
    " coalesce(extract(epoch from allow_until - now()), 0) * 1000)::bigint"
    " as allow_ms from bridge.control";

static void read_pause(struct bridge *b, const struct db_result *r)
{
	bool paused = db_rows(r) > 0 && db_bool(r, 0, "paused");

	if (paused && !b->paused)
		log_odd("paused", F_STR("why", db_text(r, 0, "paused_why")),
			F_STR("hint", "chaincast resume"));
	else if (!paused && b->paused)
		log_info("resumed");
	b->paused = paused;
}

void control_read(struct bridge *b, const struct db_result *r)
{
	bool tripped;
	uint64_t allow;

	read_pause(b, r);
	lanes_pause(b->lanes, b->paused || !b->listed);
	if (db_rows(r) == 0)
		return;
	allow = (uint64_t)db_i64(r, 0, "allow_ms");
	b->allow_until_ms = allow ? uv_now(b->loop) + allow : 0;
	tripped = db_bool(r, 0, "tripped");
	if (b->trip_storing || tripped == b->breaker.tripped)
		return;
	breaker_reset(&b->breaker);
	b->breaker.tripped = tripped;
	if (tripped)
		log_odd("breaker_still_tripped",
			F_STR("why", db_text(r, 0, "tripped_why")),
			F_STR("hint", "chaincast resume"));
	else
		log_info("breaker_reset");
}

static void on_trip_stored(void *arg, enum status st,
			   const struct db_result *const *results, size_t n,
			   const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	(void)results;
	(void)n;
	b->trip_storing = false;
	if (st != ST_OK && st != ST_TRANSIENT)
		log_broken("trip_not_stored", F_STR("why", err->msg));
}

static void tripped(struct bridge *b, enum breaker_kind kind)
{
	struct db_batch *batch = db_batch_new(b->db);

	log_broken("breaker_tripped", F_STR("what", breaker_name(kind)),
		   F_U64("max_per_minute", b->breaker.max),
		   F_STR("hint", "none are done from here on; find out why, "
				 "then run: chaincast resume (--minutes N to "
				 "let them through)"));
	b->trip_storing = true;
	DB_ADD(batch,
	       "update bridge.control set tripped_at = now(), tripped_why = $1,"
	       " allow_until = null",
	       P_TEXT(breaker_name(kind)));
	db_run(batch, on_trip_stored, b);
}

static bool allowed(const struct bridge *b)
{
	return uv_now(b->loop) < b->allow_until_ms;
}

bool control_holds(const struct bridge *b)
{
	return b->breaker.tripped && !allowed(b);
}

bool control_take(struct bridge *b, enum breaker_kind kind)
{
	bool was = b->breaker.tripped;

	if (b->paused)
		return false;
	if (allowed(b) || breaker_take(&b->breaker, kind, uv_now(b->loop)))
		return true;
	if (!was)
		tripped(b, kind);
	return false;
}

bool control_take_many(struct bridge *b, enum breaker_kind kind, uint64_t n)
{
	bool was = b->breaker.tripped;

	if (b->paused)
		return false;
	if (allowed(b) || breaker_many(&b->breaker, kind, n))
		return true;
	if (!was)
		tripped(b, kind);
	return false;
}

bool control_may(struct bridge *b, const struct wanted *w,
		 const struct actual *a, struct step s)
{
	bool was = b->breaker.tripped;

	if (b->paused)
		return false;
	if (allowed(b) || breaker_step(&b->breaker, w, a, s, uv_now(b->loop)))
		return true;
	if (!was)
		tripped(b, breaker_kind_of(w, a, s));
	return false;
}

/* What the config denies now, so that the database can tell whose open rooms
 * are to end. */
static enum status deny(struct bridge *b, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	AUTO_BUF hosts = BUF_NULL;
	size_t i, n = b->cfg->policy.deny_host_count;

	buf_init(&hosts, 64 * n + 16);
	buf_add_byte(&hosts, '{');
	for (i = 0; i < n; i++) {
		char text[HEX_ADDRESS_SIZE];

		hex_encode(text, b->cfg->policy.deny_hosts[i], 20);
		buf_printf(&hosts, "%s\"\\\\x%s\"", i ? "," : "", text + 2);
	}
	buf_add_byte(&hosts, '}');
	return DB_QUERY(&r, b->db, err, "select bridge.deny($1::bytea[])",
			P_TEXT(buf_str(&hosts)));
}

enum status control_start(struct bridge *b, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL, *gone = NULL, *days = NULL;
	enum status st = DB_QUERY(
	    &r, b->db, err,
	    "select paused_at is not null as paused, paused_why,"
	    " coalesce(greatest(0, extract(epoch from limited_until"
	    " - now()) * 1000), 0)::bigint as limited_ms from bridge.control");

	/* The operator's rules may be others by now. */
	if (st == ST_OK)
		st = DB_QUERY(&gone, b->db, err,
			      "delete from bridge.refusal"
			      " where sent_at is null");
	if (st == ST_OK)
		st = deny(b, err);
	if (st == ST_OK)
		st = DB_QUERY(
		    &days, b->db, err,
		    "select bridge.recording_days_start($1::integer)",
		    P_I64(b->cfg->cloudflare.delete_recording_after_days));
	if (st != ST_OK)
		return st;
	read_pause(b, r);
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
