/*
 * Switches between history and head: a backfill while more than twice the
 * reorg depth is missing, live following else. Indexes that would slow the
 * first history down are made at its end. Talks to no node and no database
 * itself.
 */
#include "indexer/sync.h"

#include "core/log.h"
#include "indexer/backfill.h"
#include "indexer/catchup.h"
#include "indexer/live.h"
#include "indexer/verify.h"

#define TICK_MS 100

struct sync {
	struct sync_opts opts;
	struct live *live;
	struct backfill *backfill;
	struct verify *verify;
	struct catchup *catchup;
	bool deferred, indexing; /* indexes are to be made; are being made */
	uint64_t indexing_since;
	bool tip_checked; /* since history was found to be missing */
	uv_timer_t *timer;
};

static void choose(struct sync *s);

static void backfill_done(void *arg, const struct follow_block *last)
{
	struct sync *s = arg;

	s->tip_checked = false;
	if (last)
		follow_tail_push(s->opts.tail, last);
	backfill_free(s->backfill);
	s->backfill = NULL;
	if (s->verify)
		verify_pause(s->verify, false);
	catchup_pause(s->catchup, false);
	choose(s);
}

static uint64_t first_missing(const struct sync *s)
{
	const struct follow_block *tip = follow_tail_tip(s->opts.tail);

	return tip ? tip->number + 1 : s->opts.start;
}

static void start_backfill(struct sync *s)
{
	uint64_t head = live_best(s->live);
	const struct follow_block *tip = follow_tail_tip(s->opts.tail);
	struct backfill_opts opts = {
		.loop = s->opts.loop,
		.config = s->opts.config,
		.schema = s->opts.schema,
		.filter = s->opts.filter,
		.feed = s->opts.feed,
		.store = s->opts.store,
		.ranges = s->opts.ranges,
		.from = first_missing(s),
		.to = head - s->opts.config->indexer.max_reorg_depth,
		.head = head,
		.below = tip ? &tip->hash : NULL,
		.on_done = backfill_done,
		.arg = s,
	};

	log_info("backfill_started", F_U64("from", opts.from),
		 F_U64("to", opts.to), F_U64("head", head));
	if (s->verify)
		verify_pause(s->verify, true);
	catchup_pause(s->catchup, true);
	s->backfill = backfill_new(&opts);
}

/* ---- indexes ---- */

static void indexes_deferred(void *arg)
{
	struct sync *s = arg;

	s->indexing = false;
	s->deferred = true;
	start_backfill(s);
}

static void indexes_made(void *arg)
{
	struct sync *s = arg;

	s->indexing = s->deferred = false;
	log_info("indexes_made",
		 F_U64("ms", uv_now(s->opts.loop) - s->indexing_since));
	choose(s);
}

static void make_indexes(struct sync *s)
{
	s->indexing = true;
	s->indexing_since = uv_now(s->opts.loop);
	log_info("indexes_begun",
		 F_STR("hint", "the history is there; its secondary indexes "
			       "are made now"));
	store_build_indexes(s->opts.store, indexes_made, s);
}

/* ---- history or head ---- */

/* History starts over where more than twice the reorg depth is missing. */
static bool far_behind(const struct sync *s, uint64_t head)
{
	uint64_t depth = s->opts.config->indexer.max_reorg_depth;

	return head > depth && head - depth >= first_missing(s) + depth;
}

static void choose(struct sync *s)
{
	uint64_t head;

	if (s->backfill || s->indexing || !live_settled(s->live) ||
	    !live_idle(s->live))
		return;
	head = live_best(s->live);
	if (!head)
		return; /* none announced yet */
	if (!far_behind(s, head)) {
		s->tip_checked = false;
		live_pause(s->live, s->deferred);
		if (s->deferred)
			make_indexes(s);
		return;
	}
	live_pause(s->live, true);
	if (!s->tip_checked) {
		/* The chain may have left our tip while we were held up or cut
		 * off, and history would be put on top of it. */
		s->tip_checked = true;
		live_settle(s->live);
	} else if (follow_tail_tip(s->opts.tail)) {
		start_backfill(s);
	} else {
		s->indexing = true;
		store_defer_indexes(s->opts.store, indexes_deferred, s);
	}
}

void sync_head(struct sync *s, const struct head *head)
{
	if (far_behind(s, head->number))
		live_pause(s->live, true); /* so that it comes to rest */
	live_head(s->live, head);
	choose(s);
}

void sync_kick(struct sync *s)
{
	if (s->backfill)
		backfill_kick(s->backfill);
}

bool sync_in_history(const struct sync *s)
{
	return s->backfill || s->indexing;
}

/* Once an endpoint is known to be of another chain its head is forgotten, and
 * nobody waits for the blocks up to there. */
static void on_tick(uv_timer_t *timer)
{
	struct sync *s = timer->data;
	uint64_t top = feed_top(s->opts.feed);

	live_limit(s->live, top);
	if (s->backfill)
		backfill_limit(s->backfill, top);
	choose(s);
}

/* ---- life ---- */

static void start_catchup(struct sync *s)
{
	struct catchup_opts opts = {
		.loop = s->opts.loop,
		.config = s->opts.config,
		.schema = s->opts.schema,
		.feed = s->opts.feed,
		.store = s->opts.store,
		.ranges = s->opts.ranges,
	};

	s->catchup = catchup_new(&opts);
}

/* A block is right when it has the rows of what was left, too. */
static void start_verify(struct sync *s)
{
	struct verify_opts opts = {
		.loop = s->opts.loop,
		.config = s->opts.config,
		.schema = s->opts.all,
		.filter = s->opts.all_filter,
		.feed = s->opts.feed,
		.store = s->opts.store,
	};

	if (s->opts.config->indexer.verify_history != CONFIG_VERIFY_OFF)
		s->verify = verify_new(&opts);
}

struct sync *sync_new(const struct sync_opts *opts)
{
	struct sync *s = mem_zalloc(sizeof(*s));
	struct live_opts lo = {
		.loop = opts->loop,
		.config = opts->config,
		.schema = opts->schema,
		.filter = opts->filter,
		.feed = opts->feed,
		.store = opts->store,
		.tail = opts->tail,
		.start = opts->start,
		.on_fatal = opts->on_fatal,
		.arg = opts->arg,
	};

	s->opts = *opts;
	s->deferred = opts->indexes_deferred;
	s->live = live_new(&lo);
	start_catchup(s);
	start_verify(s);
	s->timer = mem_zalloc(sizeof(*s->timer));
	uv_timer_init(opts->loop, s->timer);
	s->timer->data = s;
	uv_timer_start(s->timer, on_tick, TICK_MS, TICK_MS);
	return s;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void sync_free(struct sync *s)
{
	if (!s)
		return;
	verify_free(s->verify);
	catchup_free(s->catchup);
	backfill_free(s->backfill);
	live_free(s->live);
	uv_close((uv_handle_t *)s->timer, timer_closed);
	free(s);
}
