/*
 * Backfill: keeps a queue of block spans in chain order. Each is fetched on its
 * own time and committed when it is first in line, several together while they
 * are small. Never looks closer to the head than it was told.
 */
#include "indexer/backfill.h"

#include "core/log.h"
#include "indexer/note.h"
#include "indexer/progress.h"

#define TICK_MS      100
#define SPANS_AHEAD  2 /* kept, per request in flight */
#define STRAYS_MAX   10
#define WRITES_MAX   2 /* one is committed while the next is sent */
#define READY_BYTES  ((size_t)2 * 1024 * 1024) /* fetched, not committed */
#define COMMIT_BYTES ((size_t)2 * 1024 * 1024) /* of answers, in one commit */

/* One commit: spans [first, last] of the queue. */
struct write {
	struct backfill *b;
	struct rows *rows;
	uint64_t from, to;
	struct follow_block last;
};

struct backfill {
	struct backfill_opts opts;
	struct span_opts span_opts;
	struct span *first; /* in chain order, not yet committed */
	unsigned spans, writes;
	uint64_t next; /* first block of no span yet */
	bool all_queued, pumping;
	bool below_known; /* the hash before the first span's blocks */
	struct hash32 below;
	unsigned strays; /* spans in a row that do not follow it */
	bool any;        /* was committed; up to: */
	struct follow_block last;
	struct progress progress;
	uv_timer_t *timer;
};

static void pump(struct backfill *b);

static void log_note(void *arg, const struct row_note *n)
{
	(void)arg;
	/* History at debug: a line per event of years helps nobody. */
	note_log(LOG_LVL_DEBUG, n);
}

/* ---- committing in order ---- */

static void committed(void *arg)
{
	struct write *w = arg;
	struct backfill *b = w->b;

	b->writes--;
	b->any = true;
	b->last = w->last;
	rows_each(w->rows, log_note, b);
	progress_add(&b->progress, w->to, w->to - w->from + 1,
		     rows_count(w->rows), uv_now(b->opts.loop));
	rows_free(w->rows);
	free(w);
	if (!b->first && b->all_queued && !b->writes)
		b->opts.on_done(b->opts.arg, &b->last);
	else
		pump(b);
}

/* A span proves itself, not that it is of our chain: its first block must
 * follow the last one before it. */
static bool follows(const struct backfill *b, const struct span *s)
{
	return b->span_opts.how == SPAN_TOLD || !b->below_known ||
	       hash32_eq(&s->heads[0].parent, &b->below);
}

static void add_covers(struct write *w, struct store_append *a,
		       const struct span *s)
{
	for (size_t i = 0; i < s->cover_count; i++) {
		struct cover_span c = s->covers[i];

		c.linked = w->b->span_opts.how == SPAN_PROVEN;
		/* Of a block between told ones nobody knows where it belongs;
		 * the verifier will. */
		if (!c.linked)
			c.state = COVER_UNVERIFIED;
		store_append_cover(a, &c);
	}
}

static void add_span(struct write *w, struct store_append *a,
		     const struct span *s)
{
	for (size_t i = 0; i < s->block_count; i++) {
		const struct span_block *b = &s->blocks[i];

		rows_add_block(w->rows, &b->head, b->logs.items, b->logs.count);
	}
	/* What a branch may begin on must be found again after a restart. */
	if (s->r.to == w->b->opts.to &&
	    (!s->block_count ||
	     s->blocks[s->block_count - 1].head.number != s->r.to))
		rows_add_block(w->rows, &s->last, NULL, 0);
	add_covers(w, a, s);
	a->to = s->r.to;
	a->hash = s->last.hash;
	w->to = s->r.to;
	w->last = (struct follow_block){ s->last.number, s->last.hash,
					 s->last.parent };
	w->b->below = s->last.hash;
	w->b->below_known = true;
}

static void commit_ready(struct backfill *b)
{
	struct write *w = mem_zalloc(sizeof(*w));
	struct store_append a = {
		.from = b->first->r.from,
		.head = b->opts.head,
		.safe = STORE_UNKNOWN,
		.finalized = STORE_UNKNOWN,
		.history = true,
		.endpoint = feed_label(b->opts.feed, b->first->endpoint),
	};
	unsigned endpoint = b->first->endpoint;
	size_t bytes = 0;

	w->b = b;
	w->from = b->first->r.from;
	w->rows = rows_new(b->opts.schema);
	rows_keep_notes(w->rows, false);
	a.rows = w->rows;
	a.range_limit = range_news(&b->opts.ranges[endpoint]);
	while (b->first && b->first->state == SPAN_READY &&
	       b->first->endpoint == endpoint && bytes < COMMIT_BYTES &&
	       follows(b, b->first)) {
		struct span *s = b->first;

		add_span(w, &a, s);
		bytes += s->bytes;
		b->first = s->next;
		b->spans--;
		span_free(s);
	}
	b->strays = 0;
	b->writes++;
	store_append(b->opts.store, &a, committed, w);
}

static size_t ready_bytes(const struct backfill *b, bool in_line)
{
	size_t bytes = 0;

	for (const struct span *s = b->first; s; s = s->next) {
		if (s->state == SPAN_READY)
			bytes += s->bytes;
		else if (in_line)
			break;
	}
	return bytes;
}

/* The first span branches off what is stored: another endpoint may know the
 * chain better, or what is stored is not of it. */
static void send_back(struct backfill *b)
{
	struct span *s = b->first;

	if (++b->strays == STRAYS_MAX)
		log_odd(
		    "history_branches", F_U64("height", s->r.from),
		    F_STR("endpoint", feed_label(b->opts.feed, s->endpoint)),
		    F_STR("hint", "these blocks do not follow the stored "
				  "ones: asked again; if every endpoint "
				  "says so, run chaincast reindex --from "
				  "fork"));
	feed_lied(b->opts.feed, s->endpoint);
	feed_doubt(b->opts.feed, s->endpoint);
	s->tries = b->strays < STRAYS_MAX / 2 ? b->strays : STRAYS_MAX / 2;
	span_again(s, "its first block does not follow the stored ones");
}

/* A commit costs the same for few rows as for many: while one is under way,
 * a second is worth it only when it is full. */
static bool worth_a_commit(struct backfill *b)
{
	if (!b->first || b->first->state != SPAN_READY)
		return false;
	if (!follows(b, b->first)) {
		send_back(b);
		return false;
	}
	return !b->writes ||
	       (b->writes < WRITES_MAX && ready_bytes(b, true) >= COMMIT_BYTES);
}

/* ---- fetching ---- */

static struct range_span next_span(const struct backfill *b,
				   const struct range *range)
{
	uint64_t last = b->opts.to;

	if (b->span_opts.how == SPAN_PROVEN &&
	    last - b->next >= SPAN_PROVEN_MAX)
		last = b->next + SPAN_PROVEN_MAX - 1;
	return range_next(range, b->next, last);
}

static void queue_more(struct backfill *b, unsigned *asking)
{
	unsigned most = b->opts.config->indexer.backfill_concurrency;
	unsigned endpoint = feed_best_bulk(b->opts.feed);
	struct span **at = &b->first;

	if (endpoint == FEED_NONE)
		return;
	while (*at)
		at = &(*at)->next;
	while (!b->all_queued && *asking < most &&
	       b->spans < most * SPANS_AHEAD &&
	       ready_bytes(b, false) < READY_BYTES) {
		struct range *range = &b->opts.ranges[endpoint];
		struct span *s = span_new(&b->span_opts, next_span(b, range));

		s->range = range;
		b->all_queued = s->r.to == b->opts.to;
		b->next = s->r.to + 1;
		b->spans++;
		*at = s;
		at = &s->next;
		span_send(s);
		(*asking)++;
	}
}

static void pump(struct backfill *b)
{
	unsigned most = b->opts.config->indexer.backfill_concurrency;
	uint64_t now = uv_now(b->opts.loop);
	unsigned asking = 0;

	if (b->pumping)
		return;
	b->pumping = true; /* a span that fails at once says so from inside */
	for (struct span *s = b->first; s; s = s->next)
		asking += s->state == SPAN_ASKING;
	for (struct span *s = b->first; s && asking < most; s = s->next)
		if (s->state == SPAN_WAITING && now >= s->retry_at) {
			span_send(s);
			asking++;
		}
	queue_more(b, &asking);
	while (worth_a_commit(b))
		commit_ready(b);
	b->pumping = false;
}

static void changed(void *arg, struct span *s)
{
	struct backfill *b = arg;
	unsigned n = 0;

	(void)s;
	for (const struct span *i = b->first; i; i = i->next)
		n++; /* a split adds one */
	b->spans = n;
	pump(b);
}

void backfill_limit(struct backfill *b, uint64_t top)
{
	if (b->opts.to <= top || b->writes || b->pumping)
		return;
	log_odd("backfill_given_up", F_U64("to", b->opts.to),
		F_U64("head", top),
		F_STR("reason", "no endpoint of this chain has come so far"),
		F_STR("hint", "it goes on from what is committed; see which "
			      "endpoint was excluded or fell back"));
	b->opts.on_done(b->opts.arg, b->any ? &b->last : NULL);
}

void backfill_kick(struct backfill *b)
{
	pump(b);
}

static void on_tick(uv_timer_t *timer)
{
	pump(timer->data);
}

/* ---- life ---- */

struct backfill *backfill_new(const struct backfill_opts *opts)
{
	struct backfill *b = mem_zalloc(sizeof(*b));
	const struct config *cfg = opts->config;

	b->opts = *opts;
	b->span_opts = (struct span_opts){
		.feed = opts->feed,
		.filter = opts->filter,
		.how = cfg->indexer.verify_history == CONFIG_VERIFY_FIRST
			   ? SPAN_PROVEN
			   : SPAN_TOLD,
		.changed = changed,
		.arg = b,
	};
	b->next = opts->from;
	b->below_known = opts->below != NULL;
	if (opts->below)
		b->below = *opts->below;
	progress_start(&b->progress, "backfill", opts->to - opts->from + 1,
		       uv_now(opts->loop));
	b->timer = mem_zalloc(sizeof(*b->timer));
	uv_timer_init(opts->loop, b->timer);
	b->timer->data = b;
	uv_timer_start(b->timer, on_tick, 0, TICK_MS);
	return b;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void backfill_free(struct backfill *b)
{
	struct span *next;

	if (!b)
		return;
	for (struct span *s = b->first; s; s = next) {
		next = s->next;
		span_free(s);
	}
	uv_close((uv_handle_t *)b->timer, timer_closed);
	free(b);
}
