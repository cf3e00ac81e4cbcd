/*
 * Catching up with what was named late: asks the database what is missing
 * next, fetches it by spans, commits in order. Never touches a row that is
 * there, and never stops the rest: what does not fit is asked for again.
 */
#include "indexer/catchup.h"

#include <assert.h>

#include "core/backoff.h"
#include "core/log.h"
#include "indexer/followed.h"
#include "indexer/note.h"
#include "indexer/progress.h"

#define TICK_MS      100
#define RETRY_MS     250
#define RETRY_MAX_MS 10000
#define READY_BYTES  ((size_t)2 * 1024 * 1024) /* fetched, not committed */
#define COMMIT_BYTES ((size_t)1024 * 1024)     /* of answers, in one commit */

enum catchup_state {
	CATCHUP_RESTING = 1, /* until next_at */
	CATCHUP_LOOKING,     /* what is missing next */
	CATCHUP_READING,
	CATCHUP_DONE,
};

struct catchup {
	struct catchup_opts opts;
	enum catchup_state state;
	bool paused, writing, pumping;
	uint64_t next_at;
	unsigned tries;

	/* While CATCHUP_READING: the piece [next, to] and who misses it. */
	struct schema *part;
	struct filter *filter;
	struct span_opts span_opts;
	bool near_tip;
	struct span *first; /* in chain order, not yet committed */
	unsigned spans;
	uint64_t next, to;
	struct rows *rows; /* of the write under way */
	uint64_t written_from, written_to;
	struct progress progress;
	uv_timer_t *timer;
};

static void pump(struct catchup *c);

static uint64_t now(const struct catchup *c)
{
	return uv_now(c->opts.loop);
}

/* Half of what a backfill may: the head goes first. */
static unsigned concurrency(const struct catchup *c)
{
	return (c->opts.config->indexer.backfill_concurrency + 1) / 2;
}

static void end_piece(struct catchup *c)
{
	struct span *next;

	for (struct span *s = c->first; s; s = next) {
		next = s->next;
		span_free(s);
	}
	c->first = NULL;
	c->spans = 0;
	rows_free(c->rows);
	filter_free(c->filter);
	schema_free(c->part);
	c->rows = NULL;
	c->filter = NULL;
	c->part = NULL;
	c->state = CATCHUP_RESTING;
	c->next_at = now(c);
}

/* ---- committing in order ---- */

static void log_note(void *arg, const struct row_note *n)
{
	(void)arg;
	note_log(LOG_LVL_DEBUG, n);
}

/* A reorg came between, or the endpoint is on another branch. */
static void refused(struct catchup *c, const struct err *err)
{
	log_info("catch_up_again", F_U64("from", c->written_from),
		 F_U64("to", c->written_to), F_STR("reason", err->msg));
	end_piece(c);
	c->next_at +=
	    backoff_ms(c->tries++, RETRY_MS, RETRY_MAX_MS, backoff_random());
}

static void written(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct catchup *c = arg;

	(void)results;
	(void)n;
	c->writing = false;
	if (st == ST_AGAIN ||
	    (st == ST_REJECTED && strstr(err->msg, "CX004"))) {
		refused(c, err);
		return;
	}
	if (st != ST_OK) {
		c->opts.store->on_broken(c->opts.store->arg, err);
		return;
	}
	c->tries = 0;
	rows_each(c->rows, log_note, c);
	progress_add(&c->progress, c->written_to,
		     c->written_to - c->written_from + 1, rows_count(c->rows),
		     now(c));
	rows_free(c->rows);
	c->rows = NULL;
	if (c->written_to == c->to)
		end_piece(c);
	else
		pump(c);
}

static void add_span(struct catchup *c, const struct span *s)
{
	for (size_t i = 0; i < s->block_count; i++) {
		const struct span_block *b = &s->blocks[i];

		rows_add_block(c->rows, &b->head, b->logs.items, b->logs.count);
	}
}

static void commit_ready(struct catchup *c)
{
	AUTO(db_batch) struct db_batch *b = NULL;
	unsigned endpoint = c->first->endpoint;
	struct hash32 hash = { 0 };
	size_t bytes = 0;
	struct err err;

	c->written_from = c->first->r.from;
	c->rows = rows_new(c->part);
	rows_keep_notes(c->rows, false);
	while (c->first && c->first->state == SPAN_READY &&
	       c->first->endpoint == endpoint && bytes < COMMIT_BYTES) {
		struct span *s = c->first;

		add_span(c, s);
		bytes += s->bytes;
		c->written_to = s->r.to;
		hash = s->last.hash;
		c->first = s->next;
		c->spans--;
		span_free(s);
	}
	b = store_begin(c->opts.store, c->written_to);
	if (rows_copy_late(c->rows, b, &err) != ST_OK) {
		c->opts.store->on_broken(c->opts.store->arg, &err);
		return;
	}
	DB_ADD(b,
	       "select chain.caught_up($1::bigint, $2::bigint, $3, "
	       "$4::boolean, $5)",
	       P_I64((int64_t)c->written_from), P_I64((int64_t)c->written_to),
	       P_BYTES(hash.b, sizeof(hash.b)), P_BOOL(c->near_tip),
	       P_TEXT(feed_label(c->opts.feed, endpoint)));
	c->writing = true;
	db_run(STEAL(b), written, c);
}

/* ---- fetching ---- */

static struct range_span next_span(const struct catchup *c,
				   const struct range *range)
{
	uint64_t last = c->to;

	if (c->span_opts.how == SPAN_TOLD)
		return range_next(range, c->next, last);
	if (last - c->next >= SPAN_PROVEN_MAX)
		last = c->next + SPAN_PROVEN_MAX - 1;
	return (struct range_span){ c->next, last };
}

static size_t ready_bytes(const struct catchup *c)
{
	size_t bytes = 0;

	for (const struct span *s = c->first; s; s = s->next)
		bytes += s->state == SPAN_READY ? s->bytes : 0;
	return bytes;
}

static void queue_more(struct catchup *c, unsigned asking)
{
	unsigned endpoint = feed_best(c->opts.feed);
	struct span **at = &c->first;

	if (endpoint == FEED_NONE || c->paused)
		return;
	while (*at)
		at = &(*at)->next;
	while (c->next <= c->to && asking < concurrency(c) &&
	       c->spans < 2 * concurrency(c) && ready_bytes(c) < READY_BYTES) {
		struct range *range = &c->opts.ranges[endpoint];
		struct span *s = span_new(&c->span_opts, next_span(c, range));

		if (s->how == SPAN_TOLD)
			s->range = range;
		c->next = s->r.to + 1;
		c->spans++;
		*at = s;
		at = &s->next;
		span_send(s);
		asking++;
	}
}

static void pump(struct catchup *c)
{
	unsigned asking = 0;

	if (c->pumping || c->state != CATCHUP_READING)
		return;
	c->pumping = true; /* a span that fails at once says so from inside */
	c->spans = 0;      /* they split */
	for (struct span *s = c->first; s; s = s->next) {
		asking += s->state == SPAN_ASKING;
		c->spans++;
	}
	for (struct span *s = c->first; s && asking < concurrency(c);
	     s = s->next)
		if (s->state == SPAN_WAITING && now(c) >= s->retry_at) {
			span_send(s);
			asking++;
		}
	queue_more(c, asking);
	if (c->first && c->first->state == SPAN_READY && !c->writing)
		commit_ready(c);
	c->pumping = false;
}

static void changed(void *arg, struct span *s)
{
	(void)s;
	pump(arg);
}

/* ---- what is missing ---- */

static void add_pairs(struct catchup *c, const struct db_result *r)
{
	size_t n;

	for (size_t i = 0; i < db_rows(r); i += n) {
		const char *name = db_text(r, i, "table_name");
		struct address *a = mem_array(db_rows(r) - i, sizeof(*a));
		const struct schema_contract *of;
		const struct schema_table *t =
		    followed_table(c->opts.schema, name, &of);

		for (n = 0; i + n < db_rows(r) &&
			    strcmp(db_text(r, i + n, "table_name"), name) == 0;
		     n++) {
			size_t len;
			const uint8_t *p = db_bytes(r, i + n, "address", &len);

			if (p && len == sizeof(a[n].b))
				memcpy(a[n].b, p, len);
		}
		assert(t); /* what the config no longer names is left */
		schema_add(c->part, t, a, n, of->from, UINT64_MAX);
		free(a);
	}
}

static void start_piece(struct catchup *c, uint64_t from, uint64_t to,
			const struct db_result *pairs)
{
	const struct config *cfg = c->opts.config;
	const struct store *store = c->opts.store;
	uint64_t depth = cfg->indexer.max_reorg_depth;
	uint64_t reach = store->totals.cursor > depth
			     ? store->totals.cursor - depth
			     : 0; /* beyond it, blocks may still change */

	c->near_tip = from > reach;
	c->next = from;
	c->to = c->near_tip || to <= reach ? to : reach;
	c->part = schema_new();
	add_pairs(c, pairs);
	c->filter = filter_new(c->part);
	c->span_opts = (struct span_opts){
		.feed = c->opts.feed,
		.filter = c->filter,
		.how = c->near_tip || cfg->indexer.verify_history ==
					  CONFIG_VERIFY_FIRST
			   ? SPAN_PROVEN
			   : SPAN_TOLD,
		.changed = changed,
		.arg = c,
	};
	c->state = CATCHUP_READING;
	pump(c);
}

static void looked(void *arg, enum status st,
		   const struct db_result *const *results, size_t n,
		   const struct err *err)
{
	struct catchup *c = arg;
	const struct db_result *r;

	(void)n;
	c->state = CATCHUP_RESTING;
	if (st != ST_OK) {
		c->opts.store->on_broken(c->opts.store->arg, err);
		return;
	}
	r = results[0];
	if (!db_rows(r)) {
		c->state = CATCHUP_DONE;
		return;
	}
	if (!c->progress.of) {
		progress_start(&c->progress, "catch_up",
			       (uint64_t)db_i64(r, 0, "blocks"), now(c));
		log_info("catch_up_started",
			 F_I64("from", db_i64(r, 0, "p_from")),
			 F_I64("blocks", db_i64(r, 0, "blocks")),
			 F_U64("pairs", db_rows(results[1])));
	}
	start_piece(c, (uint64_t)db_i64(r, 0, "p_from"),
		    (uint64_t)db_i64(r, 0, "p_to"), results[1]);
}

static void look(struct catchup *c)
{
	struct db_batch *b = db_batch_new(c->opts.store->db);

	DB_ADD(b, "select p_from, p_to, chain.missing_blocks() as blocks from "
		  "chain.next_missing() where p_from is not null");
	DB_ADD(b, "select m.table_name, m.address from chain.missing m join "
		  "chain.followed f using (table_name, address) where "
		  "f.left_at is null and m.from_block = (select p_from from "
		  "chain.next_missing()) order by 1, 2");
	c->state = CATCHUP_LOOKING;
	db_run(b, looked, c);
}

static void on_tick(uv_timer_t *timer)
{
	struct catchup *c = timer->data;

	if (c->state == CATCHUP_RESTING && !c->paused && now(c) >= c->next_at)
		look(c);
	else
		pump(c);
}

/* ---- life ---- */

struct catchup *catchup_new(const struct catchup_opts *opts)
{
	struct catchup *c = mem_zalloc(sizeof(*c));

	c->opts = *opts;
	c->state = CATCHUP_RESTING;
	c->timer = mem_zalloc(sizeof(*c->timer));
	uv_timer_init(opts->loop, c->timer);
	c->timer->data = c;
	uv_timer_start(c->timer, on_tick, 0, TICK_MS);
	return c;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void catchup_free(struct catchup *c)
{
	if (!c)
		return;
	end_piece(c);
	uv_close((uv_handle_t *)c->timer, timer_closed);
	free(c);
}

void catchup_pause(struct catchup *c, bool paused)
{
	c->paused = paused;
}
