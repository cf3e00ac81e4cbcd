/*
 * Verifying history: which blocks are next, and when. The comparing and
 * replacing is in verify_check.c. Never touches a block that a reorg may still
 * take away.
 */
#include "indexer/verify_int.h"

#include <inttypes.h>

#include "core/log.h"

#define TICK_MS     100
#define PASS_MS     60000 /* between passes of the daemon */
#define TRIES_MAX   6     /* then a chunk is given up */
#define TIP_WAIT_MS 10000
#define STRAY_MS    250

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
	v->in_pass = v->link_known = false;
	v->below = UINT64_MAX;
	v->strays = 0;
	if (v->opts.once)
		v->opts.on_done(v->opts.arg, &v->result);
}

/* Blocks of the span that are looked at for themselves, and not only for what
 * they link. */
static uint64_t span_blocks(const struct span *s)
{
	uint64_t to = s->prove_to < s->r.to ? s->prove_to : s->r.to;

	return to < s->r.from ? 0 : to - s->r.from + 1;
}

static void next_below(struct verify *v)
{
	uint64_t blocks = span_blocks(v->span);
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

void verify_chunk_done(struct verify *v)
{
	v->link_known = true;
	v->link = v->span->heads[0].parent;
	v->strays = 0;
	if (v->most < SPAN_PROVEN_MAX)
		v->most = v->most * 2 < SPAN_PROVEN_MAX ? v->most * 2
							: SPAN_PROVEN_MAX;
	next_below(v);
}

/* ---- fetching one chunk ---- */

static void give_up(struct verify *v)
{
	const struct span *s = v->span;
	bool lost = span_blocks(s) == 0; /* no way down to them */
	uint64_t from = lost ? v->low : s->r.from;
	uint64_t to = s->prove_to < s->r.to ? s->prove_to : s->r.to;

	log_odd("blocks_not_verified", F_U64("from", from), F_U64("to", to),
		F_STR("hint", "no endpoint proves them now; they stay as they "
			      "are"));
	v->result.unproven += to - from + 1;
	v->link_known = false;
	v->strays = 0;
	if (!lost) {
		next_below(v);
		return;
	}
	v->result.blocks += to - from + 1;
	span_free(v->span);
	v->span = NULL;
	end_pass(v);
}

/* The headers do not lead to the block above: those who told them are left,
 * and the way is looked for again, from what is known by then. */
static void look_again(struct verify *v)
{
	struct span *s = v->span;
	uint64_t high;

	v->stray = false;
	if (++v->strays >= TRIES_MAX) {
		give_up(v);
		return;
	}
	if (reach(v, &high) && s->r.to <= high) { /* else it may be a reorg */
		log_odd(
		    "verify_other_branch",
		    F_STR("endpoint", feed_label(v->opts.feed, s->endpoint)),
		    F_U64("height", s->r.to),
		    F_STR("hint", "it shows blocks that are not of the "
				  "chain that is followed; nothing was "
				  "changed"));
		feed_lied(v->opts.feed, s->endpoint);
		feed_doubt(v->opts.feed, s->endpoint);
	}
	span_free(v->span);
	v->span = NULL;
	v->link_known = false;
	v->state = VERIFY_RESTING;
	v->next_at = now(v) + (uint64_t)v->strays * STRAY_MS;
}

/* A refused span has become two: its upper half leads to the lower. */
static void keep_upper(struct verify *v)
{
	struct span *upper = v->span->next;

	span_free(v->span);
	v->span = upper;
	v->most = (size_t)(upper->r.to - upper->r.from) + 1;
}

static void changed(void *arg, struct span *s)
{
	struct verify *v = arg;

	/* What frees the span is not for inside it. */
	if (s->state != SPAN_READY)
		v->give_up |= s->tries >= TRIES_MAX;
	else if (hash32_eq(&s->last.hash, &v->span_hash))
		verify_check(v);
	else
		v->stray = true;
}

/* From @top, whose hash is known, down to @low at most; what is above @high is
 * there for the link alone. */
static void start_chunk(struct verify *v, uint64_t low, uint64_t high,
			uint64_t top)
{
	uint64_t from = top - low >= v->most ? top - v->most + 1 : low;

	log_debug("verify_chunk", F_U64("from", from), F_U64("to", top),
		  F_U64("prove_to", high));
	v->state = VERIFY_ASKING;
	v->give_up = v->stray = false;
	v->low = low;
	v->span = span_new(&v->span_opts, (struct range_span){ from, top });
	v->span->prove_to = high;
	span_send(v->span);
}

/* ---- choosing ---- */

static void begin_pass(struct verify *v, uint64_t blocks)
{
	if (v->in_pass)
		return;
	v->in_pass = true;
	progress_start(&v->progress, "verify", blocks, now(v));
}

/* The nearest block at or above @high whose hash is known: the one below what
 * was just looked at, or the database's. */
static void start_below(struct verify *v, uint64_t low, uint64_t high,
			const struct db_result *r)
{
	uint64_t top = (uint64_t)db_i64(r, 0, "top");
	const uint8_t *hash;
	size_t n;

	if (v->link_known && v->below > high && v->below - 1 <= top) {
		v->span_hash = v->link;
		start_chunk(v, low, high, v->below - 1);
		return;
	}
	hash = db_bytes(r, 0, "hash", &n);
	if (!hash || n != sizeof(v->span_hash.b) || top < high) {
		v->next_at = now(v) + STRAY_MS; /* the cursor went back */
		return;
	}
	memcpy(v->span_hash.b, hash, n);
	start_chunk(v, low, high, top);
}

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
	begin_pass(v, (uint64_t)db_i64(r, 0, "blocks"));
	start_below(v, (uint64_t)db_i64(r, 0, "low"),
		    (uint64_t)db_i64(r, 0, "high"), r);
}

#define WITH_LINK                                                              \
	" select w.*, k.number as top, k.hash from w, lateral (select "        \
	"number, "                                                             \
	"hash from ((select from_block - 1 as number, parent_hash as hash "    \
	"from chain.coverage where parent_hash is not null and from_block > "  \
	"w.high order by from_block limit 1) union all select number, hash "   \
	"from chain.cursor) known order by number limit 1) k"

/* After a backfill the head comes closer in a moment, and with it the last
 * blocks that were told: they would wait for the next pass. */
static bool is_early(const struct verify *v)
{
	const struct store_totals *t = &v->opts.store->totals;

	return t->cursor < t->head && now(v) < v->next_at + TIP_WAIT_MS;
}

static void choose(struct verify *v)
{
	struct db_batch *b;
	uint64_t high;

	if (!reach(v, &high) || (!v->in_pass && is_early(v)))
		return;
	if (v->in_pass && v->below <= high)
		high = v->below - 1;
	b = db_batch_new(v->opts.store->db);
	DB_ADD(b,
	       "with w as (select from_block as low, least(to_block, "
	       "$1::bigint) as high, (select sum(least(to_block, $1::bigint) "
	       "- from_block + 1)::bigint from chain.coverage where state = "
	       "'unverified' and from_block <= $1::bigint) as blocks "
	       "from chain.coverage where state = 'unverified' "
	       "and from_block <= $1::bigint order by from_block desc "
	       "limit 1)" WITH_LINK,
	       P_I64((int64_t)high));
	v->state = VERIFY_CHOOSING;
	db_run(b, chosen, v);
}

static void choose_once(struct verify *v)
{
	struct db_batch *b = db_batch_new(v->opts.store->db);
	uint64_t high = v->opts.to;

	if (v->in_pass && v->below <= high)
		high = v->below - 1;
	DB_ADD(b,
	       "with w as (select $1::bigint as low, $2::bigint as high, "
	       "$2::bigint - $1::bigint + 1 as blocks)" WITH_LINK,
	       P_I64((int64_t)v->opts.from), P_I64((int64_t)high));
	v->state = VERIFY_CHOOSING;
	db_run(b, chosen, v);
}

static void next_chunk(struct verify *v)
{
	if (v->state != VERIFY_RESTING || v->paused || now(v) < v->next_at)
		return;
	if (v->opts.once)
		choose_once(v);
	else
		choose(v);
}

static void on_tick(uv_timer_t *timer)
{
	struct verify *v = timer->data;

	if (v->state != VERIFY_ASKING) {
		next_chunk(v);
		return;
	}
	while (v->span->next)
		keep_upper(v);
	if (v->stray)
		look_again(v);
	else if (v->give_up)
		give_up(v);
	else if (v->span->state == SPAN_WAITING && now(v) >= v->span->retry_at)
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
	v->most = SPAN_PROVEN_MAX;
	v->below = UINT64_MAX;
	v->next_at = uv_now(opts->loop);
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
	free(v->healed.teller);
	uv_close((uv_handle_t *)v->timer, timer_closed);
	free(v);
}

void verify_pause(struct verify *v, bool paused)
{
	v->paused = paused;
}
