/*
 * Backfill: keeps a queue of block spans in chain order. Each is fetched
 * (logs and the last block's header in one batch, then the headers of blocks
 * that have events) on its own time, and committed when it is first in line.
 * Never looks closer to the head than it was told.
 */
#include "indexer/backfill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "core/log.h"
#include "indexer/range.h"

#define TICK_MS        100
#define PROGRESS_MS    1000
#define RETRY_MS       250
#define RETRY_MAX_MS   10000
#define HEADERS_MAX    100 /* in one batch */
#define READY_AHEAD    4   /* spans fetched but not committed, per request */
#define RECEIPTS_AFTER 3   /* failures of one block until receipts */
#define SPAN_MEMORY    ((size_t)1024 * 1024 * 1024)

enum span_state {
	SPAN_WAITING, /* to be sent at retry_at */
	SPAN_LOGS,
	SPAN_HEADERS,
	SPAN_READY,
};

struct span {
	struct span *next;
	struct backfill *b;
	struct range_span r;
	enum span_state state;
	unsigned tries;
	uint64_t retry_at;
	struct arena *arena;
	struct logs logs;
	struct head last;   /* header of r.to */
	struct head *heads; /* of blocks with events, ascending */
	uint32_t *events;   /* logs in each */
	size_t head_count, heads_have;
};

struct backfill {
	struct backfill_opts opts;
	struct range range;
	struct span *first; /* in chain order */
	uint64_t next;      /* first block of no span yet */
	unsigned in_flight, spans;
	bool writing, all_queued;
	uint64_t events, started, reported, done_blocks;
	struct rows *rows; /* of the commit under way */
	uv_timer_t *timer;
};

static void pump(struct backfill *b);
static void logs_done(void *arg, enum status st, cJSON **results,
		      const struct rpc_error *errors, size_t n,
		      const struct err *err);

bool backfill_waits(const char *message)
{
	static const char *const texts[] = {
		"after last accepted block", /* Avalanche */
		"beyond current head",       /* Erigon and others */
		"beyond the latest block",   "block range extends beyond",
		"header not found",          "unknown block",
		"block not found",           "invalid block range params",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcasestr(message, texts[i]))
			return true;
	return false;
}

void filter_addresses(struct buf *b, const struct schema *s)
{
	buf_add_str(b, "\"address\":[");
	for (size_t i = 0; i < s->address_count; i++) {
		char hex[HEX_ADDRESS_SIZE];

		buf_printf(b, "%s\"%s\"", i ? "," : "",
			   hex_address(hex, &s->addresses[i]));
	}
	buf_add_str(b, "]");
}

static void span_free(struct span *s)
{
	feed_cancel(s->b->opts.feed, s);
	if (s->arena)
		arena_free(s->arena);
	free(s->heads);
	free(s->events);
	free(s);
}

static struct span *span_new(struct backfill *b, struct range_span r)
{
	struct span *s = mem_zalloc(sizeof(*s));

	*s = (struct span){ .b = b, .r = r };
	b->spans++;
	return s;
}

static void span_clear(struct span *s)
{
	if (s->arena)
		arena_free(s->arena);
	free(s->heads);
	free(s->events);
	s->arena = NULL;
	s->heads = NULL;
	s->events = NULL;
	s->head_count = s->heads_have = 0;
	s->logs = (struct logs){ 0 };
}

/* Ask again after a while; the range shrinks when @shrink. */
static void span_failed(struct span *s, bool shrink, const char *why)
{
	struct backfill *b = s->b;
	uint64_t blocks = s->r.to - s->r.from + 1, delay = RETRY_MS;
	struct range_span half, rest;

	span_clear(s);
	s->state = SPAN_WAITING;
	s->tries++;
	for (unsigned i = 1; i < s->tries && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	log_debug("backfill_retry", F_U64("from", s->r.from),
		  F_U64("to", s->r.to), F_U64("tries", s->tries),
		  F_STR("reason", why));
	if (shrink && range_split(&s->r, &half, &rest)) {
		struct span *after = span_new(b, rest);

		range_bad(&b->range, blocks);
		s->r = half;
		after->next = s->next;
		s->next = after;
		s->tries = 0;
		delay = 0;
	} else if (s->tries == 10) {
		log_odd("backfill_stuck", F_U64("from", s->r.from),
			F_U64("to", s->r.to), F_STR("reason", why),
			F_STR("endpoint", feed_label(b->opts.feed)));
	}
	s->retry_at = uv_now(b->opts.loop) + delay;
}

static bool by_receipts(const struct span *s)
{
	return s->r.from == s->r.to && s->tries >= RECEIPTS_AFTER &&
	       s->tries % 2;
}

static void span_send(struct span *s)
{
	struct backfill *b = s->b;
	char from[HEX_QUANTITY_SIZE], to[HEX_QUANTITY_SIZE], block[96];
	struct rpc_batch_item items[2];
	AUTO_BUF filter = BUF_NULL;

	hex_put_quantity_u64(from, s->r.from);
	hex_put_quantity_u64(to, s->r.to);
	buf_init(&filter, 1024 * 1024);
	if (by_receipts(s)) {
		buf_printf(&filter, "[\"%s\"]", to);
		items[0].method = "eth_getBlockReceipts";
	} else {
		buf_printf(&filter,
			   "[{\"fromBlock\":\"%s\",\"toBlock\":\"%s\",", from,
			   to);
		filter_addresses(&filter, b->opts.schema);
		buf_add_str(&filter, "}]");
		items[0].method = "eth_getLogs";
	}
	items[0].params = buf_str(&filter);
	snprintf(block, sizeof(block), "[\"%s\",false]", to);
	items[1].method = "eth_getBlockByNumber";
	items[1].params = block;
	s->state = SPAN_LOGS;
	if (feed_batch(b->opts.feed, items, 2, logs_done, s)) {
		b->in_flight++;
	} else {
		s->state = SPAN_WAITING;
		s->retry_at = uv_now(b->opts.loop) + RETRY_MS;
	}
}

/* ---- headers of blocks with events ---- */

static void headers_done(void *arg, enum status st, cJSON **results,
			 const struct rpc_error *errors, size_t n,
			 const struct err *err);

/* Which headers are missing stands in heads[].number and .hash already. */
static void list_headers(struct span *s)
{
	s->heads = mem_array(s->logs.count, sizeof(*s->heads));
	s->events = mem_array(s->logs.count, sizeof(*s->events));
	for (size_t i = 0; i < s->logs.count; i++) {
		const struct log *l = &s->logs.items[i];
		struct head *last =
		    s->head_count ? &s->heads[s->head_count - 1] : NULL;

		if (!last || last->number != l->block_number) {
			last = &s->heads[s->head_count++];
			last->number = l->block_number;
			last->hash = l->block_hash;
		}
		s->events[s->head_count - 1]++;
	}
}

static void span_headers(struct span *s)
{
	struct backfill *b = s->b;
	struct rpc_batch_item items[HEADERS_MAX];
	char params[HEADERS_MAX][96];
	size_t n = 0;

	if (s->heads_have == s->head_count) {
		s->state = SPAN_READY;
		range_good(&b->range, s->r.to - s->r.from + 1, s->logs.count);
		return;
	}
	for (size_t i = s->heads_have; i < s->head_count && n < HEADERS_MAX;
	     i++, n++) {
		char hex[HEX_QUANTITY_SIZE];

		hex_put_quantity_u64(hex, s->heads[i].number);
		snprintf(params[n], sizeof(params[n]), "[\"%s\",false]", hex);
		items[n].method = "eth_getBlockByNumber";
		items[n].params = params[n];
	}
	s->state = SPAN_HEADERS;
	if (feed_batch(b->opts.feed, items, n, headers_done, s))
		b->in_flight++;
	else
		span_failed(s, false, "no endpoint");
}

static void headers_done(void *arg, enum status st, cJSON **results,
			 const struct rpc_error *errors, size_t n,
			 const struct err *err)
{
	struct span *s = arg;
	struct backfill *b = s->b;
	struct err bad;

	(void)errors;
	b->in_flight--;
	if (st != ST_OK) {
		span_failed(s, false, err ? err->msg : "no headers");
		pump(b);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct head *want = &s->heads[s->heads_have], got;

		st = wire_head(&got, results[i], &bad);
		if (st == ST_OK && (got.number != want->number ||
				    !hash32_eq(&got.hash, &want->hash)))
			st = err_set(&bad, ST_TRANSIENT,
				     "block %" PRIu64
				     ": logs and header differ in hash",
				     want->number);
		if (st != ST_OK) {
			span_failed(s, false, bad.msg);
			pump(b);
			return;
		}
		*want = got;
		s->heads_have++;
	}
	span_headers(s);
	pump(b);
}

/* ---- logs ---- */

static enum status span_logs_read(struct span *s, cJSON **results,
				  struct err *err)
{
	const struct schema *sc = s->b->opts.schema;
	enum status st;

	st = wire_head(&s->last, results[1], err);
	if (st != ST_OK)
		return st == ST_AGAIN ? st : ST_TRANSIENT;
	if (s->last.number != s->r.to)
		return err_set(err, ST_TRANSIENT, "another block was answered");
	s->arena = arena_new(SPAN_MEMORY);
	if (by_receipts(s))
		return wire_receipt_logs(&s->logs, s->arena, results[0],
					 &s->last, sc->addresses,
					 sc->address_count, err);
	return wire_logs(&s->logs, s->arena, results[0], s->r.from, s->r.to,
			 err);
}

static void logs_done(void *arg, enum status st, cJSON **results,
		      const struct rpc_error *errors, size_t n,
		      const struct err *err)
{
	struct span *s = arg;
	struct backfill *b = s->b;
	struct err bad;

	(void)n;
	b->in_flight--;
	if (st != ST_OK) {
		/* A dead connection says nothing of the range at first. */
		span_failed(s, st == ST_REJECTED || s->tries > 0,
			    err ? err->msg : "no answer");
	} else if (!results[0] && errors[0].message) {
		span_failed(s, !backfill_waits(errors[0].message),
			    errors[0].message);
	} else if ((st = span_logs_read(s, results, &bad)) != ST_OK) {
		span_failed(s, st == ST_REJECTED, bad.msg);
	} else {
		list_headers(s);
		span_headers(s);
	}
	pump(b);
}

/* ---- committing in order ---- */

void note_log(enum log_level level, const struct row_note *n)
{
	const struct log_field f[] = {
		F_STR("room", n->room),
		F_U64("height", n->block_number),
		F_HEX("tx", n->tx_hash.b, 32),
		F_U64("log_index", n->log_index),
		F_STR("contract", n->table->contract),
	};
	unsigned skip = !n->room[0];

	if (n->reason[0])
		log_odd("event_undecodable", F_U64("height", n->block_number),
			F_HEX("tx", n->tx_hash.b, 32),
			F_U64("log_index", n->log_index),
			F_STR("table", n->table->name),
			F_STR("reason", n->reason));
	else
		log_write(level, n->table->log_event, f + skip,
			  ARRAY_SIZE(f) - skip);
}

static void log_note(void *arg, const struct row_note *n)
{
	(void)arg;
	/* History at debug: a line per event of years helps nobody. */
	note_log(LOG_LVL_DEBUG, n);
}

static void progress(struct backfill *b, bool last)
{
	uint64_t now = uv_now(b->opts.loop);
	uint64_t total = b->opts.to - b->opts.from + 1;
	uint64_t ms = now - b->started, left = total - b->done_blocks;

	if (!last && now - b->reported < PROGRESS_MS)
		return;
	b->reported = now;
	ms = ms ? ms : 1;
	log_info(last ? "backfill_done" : "backfill_progress",
		 F_U64("height", b->opts.from + b->done_blocks - 1),
		 F_U64("blocks", b->done_blocks), F_U64("of", total),
		 F_U64("events", b->events),
		 F_U64("blocks_per_s", b->done_blocks * 1000 / ms),
		 F_U64("events_per_s", b->events * 1000 / ms),
		 F_U64("left_s",
		       b->done_blocks ? left * ms / b->done_blocks / 1000 : 0));
}

static void committed(void *arg)
{
	struct backfill *b = arg;
	struct span *s = b->first;
	struct follow_block last = { s->last.number, s->last.hash,
				     s->last.parent };

	b->writing = false;
	rows_each(b->rows, log_note, b);
	b->events += rows_count(b->rows);
	b->done_blocks += s->r.to - s->r.from + 1;
	rows_free(b->rows);
	b->rows = NULL;
	b->first = s->next;
	b->spans--;
	span_free(s);
	if (!b->first && b->all_queued) {
		progress(b, true);
		b->opts.on_done(b->opts.arg, &last);
		return;
	}
	progress(b, false);
	pump(b);
}

static void commit_first(struct backfill *b)
{
	struct span *s = b->first;
	struct store_span cover = { s->r.from, s->r.to, STORE_UNVERIFIED };
	struct store_append a = {
		.from = s->r.from,
		.to = s->r.to,
		.hash = s->last.hash,
		.head = b->opts.head,
		.safe = STORE_UNKNOWN,
		.finalized = STORE_UNKNOWN,
		.covers = &cover,
		.cover_count = 1,
	};
	size_t h = 0;

	b->rows = rows_new(b->opts.schema);
	rows_keep_notes(b->rows, false);
	for (size_t i = 0; i < s->logs.count; i++) {
		while (s->heads[h].number != s->logs.items[i].block_number)
			h++;
		rows_add(b->rows, &s->logs.items[i], s->heads[h].time);
	}
	for (h = 0; h < s->head_count; h++)
		rows_add_block(b->rows, &s->heads[h], s->events[h]);
	a.rows = b->rows;
	b->writing = true;
	store_append(b->opts.store, &a, committed, b);
}

static void pump(struct backfill *b)
{
	unsigned most = b->opts.config->indexer.backfill_concurrency;
	uint64_t now = uv_now(b->opts.loop);
	struct span **at = &b->first;

	for (struct span *s = b->first; s; s = s->next) {
		if (s->state == SPAN_WAITING && now >= s->retry_at &&
		    b->in_flight < most)
			span_send(s);
		at = &s->next;
	}
	while (!b->all_queued && b->in_flight < most &&
	       b->spans < most * READY_AHEAD) {
		struct range_span r =
		    range_next(&b->range, b->next, b->opts.to);

		*at = span_new(b, r);
		span_send(*at);
		at = &(*at)->next;
		b->all_queued = r.to == b->opts.to;
		b->next = r.to + 1;
	}
	if (!b->writing && b->first && b->first->state == SPAN_READY)
		commit_first(b);
}

void backfill_kick(struct backfill *b)
{
	pump(b);
}

static void on_tick(uv_timer_t *timer)
{
	struct backfill *b = timer->data;

	progress(b, false);
	pump(b);
}

struct backfill *backfill_new(const struct backfill_opts *opts)
{
	struct backfill *b = mem_zalloc(sizeof(*b));

	b->opts = *opts;
	b->next = opts->from;
	b->started = b->reported = uv_now(opts->loop);
	range_init(&b->range, opts->config->indexer.backfill_range);
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
	rows_free(b->rows);
	uv_close((uv_handle_t *)b->timer, timer_closed);
	free(b);
}
