/*
 * The live tip: takes announced heads, obeys follow_next(), commits each block
 * with its events. One thing at a time; whatever fails is asked again. Decides
 * nothing about reorgs itself.
 */
#include "indexer/live_int.h"

#include <inttypes.h>

#include "core/backoff.h"
#include "core/log.h"
#include "indexer/note.h"

#define TICK_MS        50
#define RETRY_MS       150
#define CONFIRM_BLOCKS 3 /* a shorter branch must last so many block times */
#define CONFIRM_MIN_MS 1000

static void drive(struct live *l)
{
	const struct follow_block *tip = follow_tail_tip(l->opts.tail);

	if (l->busy || uv_now(l->opts.loop) < l->wait_until)
		return;
	if (!l->settled && tip) {
		if (l->has_target && l->target.number < tip->number) {
			l->branch_head = l->target.number;
			live_judge(l, &l->target);
		} else {
			live_fetch_range(l, tip->number, tip->number);
		}
		return;
	}
	if (!l->settled)
		live_fetch_tags(l);
	l->settled = true;
	if (l->paused || !l->has_target)
		return;
	l->branch_head = l->target.number;
	if (!tip && l->target.number < l->opts.start)
		l->has_target = false;
	else if (!tip)
		live_fetch_range(l, l->opts.start, l->target.number);
	else if (l->target.number > tip->number + 1)
		live_fetch_range(l, tip->number + 1, l->target.number);
	else
		live_judge(l, &l->target);
}

void live_retry(struct live *l, const char *why)
{
	log_debug("live_retry", F_STR("reason", why));
	l->busy = false;
	l->queue_count = 0;
	l->wait_until = uv_now(l->opts.loop) + RETRY_MS;
	/* The target may be gone: what is the head now? Not each time, or the
	 * question would always meet one backend of two and its sequel the
	 * other, which is behind. */
	if (backoff_random() % 2 == 0) {
		l->has_target = false;
		feed_ask_head(l->opts.feed);
	}
}

static void rolled_back(void *arg)
{
	struct live *l = arg;

	if (l->undo_to + 1 == l->opts.start)
		l->opts.tail->count = 0;
	else
		follow_tail_cut(l->opts.tail, l->undo_to);
	l->confirm_since = 0;
	l->busy = false;
	drive(l);
}

static void undo(struct live *l)
{
	uint64_t to = l->undo_to;
	const struct follow_block *tip = follow_tail_tip(l->opts.tail);
	const struct follow_block *at = follow_tail_get(l->opts.tail, to);

	log_info("reorg", F_U64("height", to), F_U64("depth", tip->number - to),
		 F_HEX("old_tip", tip->hash.b, 32),
		 F_U64("new_head", l->branch_head));
	l->busy = true;
	store_roll_back(l->opts.store, to, at ? &at->hash : NULL, rolled_back,
			l);
}

/* An endpoint that was led elsewhere meanwhile shows another chain: it says
 * once more who it is before we give up. */
static void too_deep(struct live *l, unsigned endpoint)
{
	struct err err;

	if (!l->deep_asked) {
		l->deep_asked = true;
		l->best = 0; /* its word, too */
		feed_doubt(l->opts.feed, endpoint);
		live_retry(l, "a branch that begins too deep");
		return;
	}
	err_set(&err, ST_FATAL,
		"the chain differs from the stored one below block %" PRIu64
		", more than indexer.max_reorg_depth (%" PRIu32
		") blocks back: run chaincast reindex --from fork, which "
		"drops the blocks that differ, and start again",
		l->undo_to + 1, l->opts.config->indexer.max_reorg_depth);
	l->busy = true;
	l->opts.on_fatal(l->opts.arg, &err);
}

void live_confirmed(struct live *l, unsigned endpoint)
{
	if (l->deep)
		too_deep(l, endpoint);
	else
		undo(l);
}

static bool patient(const struct live *l)
{
	uint64_t ms =
	    (uint64_t)CONFIRM_BLOCKS * l->opts.config->chain.block_time_ms;

	if (ms < CONFIRM_MIN_MS)
		ms = CONFIRM_MIN_MS;
	return l->confirm_since &&
	       uv_now(l->opts.loop) - l->confirm_since >= ms;
}

/* Nothing new, or nothing to be done yet. */
static void rest(struct live *l, bool again)
{
	l->busy = false;
	l->queue_count = 0;
	l->has_target = false;
	l->wait_until = uv_now(l->opts.loop) + (again ? RETRY_MS : 0);
	if (again)
		feed_ask_head(l->opts.feed);
}

static void seen_again(struct live *l, const struct head *cand)
{
	const struct follow_block *tip = follow_tail_tip(l->opts.tail);

	if (cand->number == tip->number) {
		l->settled = true;
		l->deep_asked = false;
		l->confirm_since = 0;
	}
	if (l->has_target && l->target.number > cand->number) {
		l->busy = false;
		drive(l);
		return;
	}
	rest(l, !l->settled);
}

static void append(struct live *l, const struct head *cand)
{
	l->confirm_since = 0;
	l->deep_asked = false;
	if (!l->queue_count && cand->proof != HEAD_PROVEN &&
	    feed_recomputes(l->opts.feed)) {
		/* Some providers leave fields out of what they announce. */
		live_fetch_range(l, cand->number, cand->number);
		return;
	}
	if (!l->queue_count) {
		l->queue[0] = *cand;
		l->queue_count = 1;
	}
	live_fetch_logs(l);
}

void live_judge(struct live *l, const struct head *cand)
{
	struct follow_in in = {
		.tail = l->opts.tail,
		.start = l->opts.start,
		.max_depth = l->opts.config->indexer.max_reorg_depth,
		.head = l->branch_head,
		.patient = patient(l),
	};
	struct follow_block b = { cand->number, cand->hash, cand->parent };
	struct follow_step step = follow_next(&in, &b);

	switch (step.action) {
	case FOLLOW_APPEND:
		append(l, cand);
		return;
	case FOLLOW_ROLLBACK:
	case FOLLOW_TOO_DEEP:
		l->queue_count = 0;
		l->deep = step.action == FOLLOW_TOO_DEEP;
		live_confirm(l, cand, step.number);
		return;
	case FOLLOW_FETCH:
		l->queue_count = 0;
		live_fetch_range(l, step.number, cand->number);
		return;
	case FOLLOW_FETCH_PARENT:
		l->queue_count = 0;
		live_fetch_parent(l, &cand->parent);
		return;
	case FOLLOW_WAIT:
		seen_again(l, cand);
		return;
	case FOLLOW_CONFIRM:
		if (!l->confirm_since)
			l->confirm_since = uv_now(l->opts.loop);
		rest(l, true);
		return;
	}
	abort();
}

void live_got_heads(struct live *l)
{
	struct head first = l->queue[0];

	if (!l->settled) {
		l->queue_count = 0; /* a look at the tip, nothing to append */
		l->branch_head = first.number;
	}
	live_judge(l, &first);
}

/* ---- committing ---- */

static void log_note(void *arg, const struct row_note *n)
{
	(void)arg;
	note_log(LOG_LVL_INFO, n);
}

static void committed(void *arg)
{
	struct live *l = arg;

	rows_each(l->rows, log_note, l);
	rows_free(l->rows);
	l->rows = NULL;
	for (size_t i = 0; i < l->queue_count; i++) {
		const struct head *h = &l->queue[i];
		struct follow_block b = { h->number, h->hash, h->parent };

		follow_tail_push(l->opts.tail, &b);
		log_debug("block_stored", F_U64("height", h->number),
			  F_HEX("hash", h->hash.b, 32),
			  F_STR("cover", cover_name(prove_cover(l->prove, i))),
			  F_U64("logs", prove_logs(l->prove, i)->count));
	}
	l->queue_count = 0;
	prove_free(l->prove);
	l->prove = NULL;
	l->busy = false;
	if (l->has_target &&
	    l->target.number == follow_tail_tip(l->opts.tail)->number &&
	    hash32_eq(&l->target.hash, &follow_tail_tip(l->opts.tail)->hash))
		l->has_target = false;
	drive(l);
}

void live_commit(struct live *l)
{
	const struct head *last = &l->queue[l->queue_count - 1];
	struct store_append a = {
		.from = l->queue[0].number,
		.to = last->number,
		.hash = last->hash,
		.head = l->branch_head,
		.safe = l->safe,
		.finalized = l->finalized,
		.endpoint = feed_label(l->opts.feed, l->endpoint),
	};

	l->busy = true;
	l->rows = rows_new(l->opts.schema);
	for (size_t i = 0; i < l->queue_count; i++) {
		const struct head *h = &l->queue[i];
		const struct logs *logs = prove_logs(l->prove, i);
		struct cover_span c = {
			.from = h->number,
			.to = h->number,
			.state = prove_cover(l->prove, i),
			.linked = true, /* to the tip; what follows, to it */
			.parent = h->parent,
			.hash = h->hash,
		};

		rows_add_block(l->rows, h, logs->items, logs->count);
		store_append_cover(&a, &c);
	}
	a.rows = l->rows;
	store_append(l->opts.store, &a, committed, l);
	live_fetch_tags(l);
}

/* ---- life ---- */

void live_head(struct live *l, const struct head *head)
{
	if (head->number > l->best)
		l->best = head->number;
	l->target = *head;
	l->has_target = true;
	drive(l);
}

bool live_idle(const struct live *l)
{
	return !l->busy;
}

bool live_settled(const struct live *l)
{
	return l->settled;
}

uint64_t live_best(const struct live *l)
{
	return l->best;
}

void live_limit(struct live *l, uint64_t top)
{
	if (l->best > top)
		l->best = top;
}

void live_settle(struct live *l)
{
	l->settled = false;
	drive(l);
}

void live_pause(struct live *l, bool paused)
{
	l->paused = paused;
	drive(l);
}

static void on_tick(uv_timer_t *timer)
{
	drive(timer->data);
}

struct live *live_new(const struct live_opts *opts)
{
	struct live *l = mem_zalloc(sizeof(*l));

	l->opts = *opts;
	l->safe = l->finalized = STORE_UNKNOWN;
	l->paused = true;
	l->timer = mem_zalloc(sizeof(*l->timer));
	uv_timer_init(opts->loop, l->timer);
	l->timer->data = l;
	uv_timer_start(l->timer, on_tick, TICK_MS, TICK_MS);
	return l;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void live_free(struct live *l)
{
	if (!l)
		return;
	feed_cancel(l->opts.feed, l);
	prove_free(l->prove);
	rows_free(l->rows);
	uv_close((uv_handle_t *)l->timer, timer_closed);
	free(l);
}
