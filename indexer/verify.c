/*
 * Verifying history: which blocks are next, and when. The comparing and
 * replacing is in verify_check.c. Never touches a block that a reorg may still
 * take away.
 */
#include "indexer/verify_int.h"

#include <inttypes.h>

#include "core/log.h"

#define TICK_MS   100
#define PASS_MS   60000 /* between passes of the daemon */
#define TRIES_MAX 6     /* a command gives a chunk up after so many */

static void next_chunk(struct verify *v);

static uint64_t now(const struct verify *v)
{
	return uv_now(v->opts.loop);
}

/* The highest block that may be looked at; false: there is none. */
static bool reach(const struct verify *v, uint64_t *out)
{
	const struct store *s = v->opts.store;
	uint64_t depth = v->opts.config->indexer.max_reorg_depth;

	if (!s->totals.any || s->totals.cursor < depth)
		return false;
	*out = s->totals.cursor - depth;
	return true;
}

static void end_pass(struct verify *v)
{
	v->state = VERIFY_RESTING;
	v->next_at = now(v) + PASS_MS;
	v->in_pass = false;
	if (v->opts.once)
		v->opts.on_done(v->opts.arg, &v->result);
}

void verify_chunk_done(struct verify *v)
{
	uint64_t blocks = v->span->r.to - v->span->r.from + 1;
	uint32_t rate = v->opts.config->indexer.verify_rate;
	bool last = v->span->r.from == v->opts.from && v->opts.once;

	v->result.blocks += blocks;
	v->below = v->span->r.from;
	progress_add(&v->progress, v->span->r.from, blocks, v->span->log_count,
		     now(v));
	span_free(v->span);
	v->span = NULL;
	v->state = VERIFY_RESTING;
	v->next_at = now(v);
	if (!v->opts.once && rate)
		v->next_at += blocks * 1000 / rate;
	if (last)
		end_pass(v);
	else
		next_chunk(v);
}

/* ---- fetching one chunk ---- */

static void give_up(struct verify *v)
{
	log_odd("blocks_not_verified", F_U64("from", v->span->r.from),
		F_U64("to", v->span->r.to),
		F_STR("hint", "no endpoint proves them now; they stay as they "
			      "are"));
	v->result.unproven += v->span->r.to - v->span->r.from + 1;
	verify_chunk_done(v);
}

static void changed(void *arg, struct span *s)
{
	struct verify *v = arg;

	if (s->state == SPAN_READY)
		verify_check(v);
	else if (s->tries >= TRIES_MAX)
		v->give_up = true; /* not from inside the span */
}

static void start_chunk(struct verify *v, uint64_t low, uint64_t high)
{
	uint64_t from =
	    high - low >= SPAN_PROVEN_MAX ? high - SPAN_PROVEN_MAX + 1 : low;

	v->state = VERIFY_ASKING;
	v->give_up = false;
	v->span = span_new(&v->span_opts, (struct range_span){ from, high });
	span_send(v->span);
}

/* ---- choosing ---- */

static void chosen(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct verify *v = arg;
	const struct db_result *r;

	(void)n;
	v->state = VERIFY_RESTING;
	if (st != ST_OK) {
		v->opts.store->on_broken(v->opts.store->arg, err);
		return;
	}
	r = results[0];
	if (!db_rows(r)) {
		end_pass(v);
		return;
	}
	if (!v->in_pass) {
		v->in_pass = true;
		progress_start(&v->progress, "verify",
			       (uint64_t)db_i64(r, 0, "blocks"), now(v));
	}
	snprintf(v->told_by, sizeof(v->told_by), "%s",
		 db_text(r, 0, "endpoint"));
	start_chunk(v, (uint64_t)db_i64(r, 0, "low"),
		    (uint64_t)db_i64(r, 0, "high"));
}

static void choose(struct verify *v)
{
	struct db_batch *b;
	uint64_t high;

	if (!reach(v, &high))
		return;
	if (v->in_pass && v->below <= high)
		high = v->below - 1;
	b = db_batch_new(v->opts.store->db);
	DB_ADD(b,
	       "select from_block as low, least(to_block, $1::bigint) as high, "
	       "endpoint, (select sum(least(to_block, $1::bigint) - from_block "
	       "+ 1)::bigint from chain.coverage where state = 'unverified' "
	       "and from_block <= $1::bigint) as blocks "
	       "from chain.coverage where state = 'unverified' "
	       "and from_block <= $1::bigint order by from_block desc limit 1",
	       P_I64((int64_t)high));
	v->state = VERIFY_CHOOSING;
	db_run(b, chosen, v);
}

static void next_chunk(struct verify *v)
{
	if (v->state != VERIFY_RESTING || v->paused || now(v) < v->next_at)
		return;
	if (!v->opts.once) {
		choose(v);
		return;
	}
	if (!v->in_pass) {
		v->in_pass = true;
		v->below = v->opts.to + 1;
		progress_start(&v->progress, "verify",
			       v->opts.to - v->opts.from + 1, now(v));
	}
	start_chunk(v, v->opts.from, v->below - 1);
}

static void on_tick(uv_timer_t *timer)
{
	struct verify *v = timer->data;

	if (v->state != VERIFY_ASKING || v->span->state != SPAN_WAITING)
		next_chunk(v);
	else if (v->give_up)
		give_up(v);
	else if (now(v) >= v->span->retry_at)
		span_send(v->span);
}

/* ---- life ---- */

struct verify *verify_new(const struct verify_opts *opts)
{
	struct verify *v = mem_zalloc(sizeof(*v));

	v->opts = *opts;
	v->span_opts = (struct span_opts){
		.feed = opts->feed,
		.filter = opts->filter,
		.how = SPAN_PROVEN,
		.changed = changed,
		.arg = v,
	};
	v->state = VERIFY_RESTING;
	v->timer = mem_zalloc(sizeof(*v->timer));
	uv_timer_init(opts->loop, v->timer);
	v->timer->data = v;
	uv_timer_start(v->timer, on_tick, 0, TICK_MS);
	return v;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void verify_free(struct verify *v)
{
	if (!v)
		return;
	span_free(v->span);
	rows_free(v->rows);
	uv_close((uv_handle_t *)v->timer, timer_closed);
	free(v);
}

void verify_pause(struct verify *v, bool paused)
{
	v->paused = paused;
}
