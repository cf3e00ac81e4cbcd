/*
 * A span as eth_getLogs tells it. The last block's header is asked for ahead of
 * the logs in the same batch, which finds out a backend that does not have it
 * yet: behind them, it could be there by then, and its logs not. Then come the
 * headers of the blocks that have events.
 */
#include "indexer/span_int.h"

#include <inttypes.h>

#define HEADERS_MAX 100

enum { TOLD_LAST, TOLD_LOGS };

static void ask_headers(struct span *s);

static bool is_wrong(const struct span *s, const struct head *h)
{
	return h->proof == HEAD_WRONG && feed_recomputes(s->opts->feed);
}

static void failed(struct span *s, const struct feed_answer *a)
{
	/* A dead connection says nothing of the range at first. */
	span_failed(s, s->tries > 1, span_middle(s),
		    a->err ? a->err->msg : "no answer");
}

/* Blocks of the logs, ascending; the hash of each is what its logs say. */
static void list_blocks(struct span *s, const struct logs *logs)
{
	s->log_count = logs->count;
	s->blocks = arena_array(s->arena, logs->count + 1, sizeof(*s->blocks));
	for (size_t i = 0; i < logs->count; i++) {
		struct log *l = &logs->items[i];
		struct span_block *b =
		    s->block_count ? &s->blocks[s->block_count - 1] : NULL;

		if (!b || b->head.number != l->block_number) {
			b = &s->blocks[s->block_count++];
			b->head.number = l->block_number;
			b->head.hash = l->block_hash;
			b->logs.items = l;
		}
		b->logs.count++;
	}
}

static void all_there(struct span *s)
{
	s->covers = arena_alloc(s->arena, sizeof(*s->covers));
	s->covers[0] = (struct cover_span){
		.from = s->r.from,
		.to = s->r.to,
		.state = COVER_UNVERIFIED,
	};
	s->cover_count = 1;
	span_ready(s);
}

static enum status take_header(struct span *s, struct text json,
			       struct err *err)
{
	struct span_block *b = &s->blocks[s->heads_have];
	struct head got;
	enum status st = head_read(&got, json, err);

	if (st != ST_OK)
		return st == ST_REJECTED ? st : ST_TRANSIENT;
	if (got.number != b->head.number ||
	    !hash32_eq(&got.hash, &b->head.hash))
		return err_set(err, ST_TRANSIENT,
			       "block %" PRIu64
			       ": logs and header differ in hash",
			       b->head.number);
	if (got.proof == HEAD_PROVEN &&
	    !filter_may_match(s->opts->filter, &got))
		return err_set(err, ST_REJECTED,
			       "logs were told of a block whose bloom "
			       "excludes them");
	if (is_wrong(s, &got))
		return err_set(err, ST_REJECTED,
			       "its header does not give its hash");
	b->head = got;
	s->heads_have++;
	return ST_OK;
}

static void headers_came(void *arg, const struct feed_answer *a)
{
	struct span *s = arg;
	struct err err;

	if (a->st == ST_TRANSIENT) {
		failed(s, a);
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		uint64_t height = s->blocks[s->heads_have].head.number;
		enum status st;

		if (!a->items[i].result.p) {
			span_refused(s, &a->items[i].error);
			return;
		}
		st = take_header(s, a->items[i].result, &err);
		if (st == ST_REJECTED) {
			span_lied(s, a->endpoint, height, err.msg);
			return;
		}
		if (st != ST_OK) {
			span_failed(s, false, 0, err.msg);
			return;
		}
	}
	ask_headers(s);
}

static void ask_headers(struct span *s)
{
	struct ask ask;

	if (s->heads_have == s->block_count) {
		all_there(s);
		return;
	}
	ask_init(&ask);
	for (size_t i = s->heads_have;
	     i < s->block_count && ask.count < HEADERS_MAX; i++)
		ask_block(&ask, s->blocks[i].head.number);
	if (!ask_send_bulk(&ask, s->opts->feed, headers_came, s))
		span_failed(s, false, 0, "no endpoint");
}

static enum status read_logs(struct span *s, struct text json, struct err *err)
{
	AUTO(arena) struct arena *arena = arena_new(logs_arena_max(json.n));
	struct logs logs, ours;
	enum status st = logs_read(&logs, arena, json, err);

	if (st != ST_OK)
		return st;
	if (logs.count && (logs.items[0].block_number < s->r.from ||
			   logs.items[logs.count - 1].block_number > s->r.to))
		return err_set(err, ST_REJECTED,
			       "a log of a block that was not asked for");
	filter_take(s->opts->filter, &ours, s->arena, &logs);
	list_blocks(s, &ours);
	return ST_OK;
}

static void logs_came(void *arg, const struct feed_answer *a)
{
	struct span *s = arg;
	enum status st;
	struct err err;

	if (a->st == ST_TRANSIENT) {
		failed(s, a);
		return;
	}
	s->endpoint = a->endpoint;
	s->bytes = a->items[TOLD_LOGS].result.n;
	if (!a->items[TOLD_LOGS].result.p) {
		span_refused(s, &a->items[TOLD_LOGS].error);
		return;
	}
	if (head_read(&s->last, a->items[TOLD_LAST].result, &err) != ST_OK ||
	    s->last.number != s->r.to) {
		span_failed(s, false, 0, "the last block is not there yet");
		return;
	}
	feed_saw(s->opts->feed, &s->last);
	if (is_wrong(s, &s->last)) {
		span_lied(s, a->endpoint, s->r.to,
			  "its header does not give its hash");
		return;
	}
	st = read_logs(s, a->items[TOLD_LOGS].result, &err);
	if (st == ST_REJECTED) {
		span_lied(s, a->endpoint, s->r.to, err.msg);
		return;
	}
	if (st != ST_OK) {
		span_failed(s, false, 0, err.msg);
		return;
	}
	ask_headers(s);
}

void span_told_ask(struct span *s)
{
	struct ask ask;

	ask_init(&ask);
	ask_block(&ask, s->r.to);
	ask_logs(&ask, s->opts->filter, s->r.from, s->r.to);
	if (!ask_send_bulk(&ask, s->opts->feed, logs_came, s))
		span_failed(s, false, 0, "no endpoint");
}
