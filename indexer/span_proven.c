/*
 * A span proven: every header, its hash recomputed and linked to the one
 * before, then what prove.c says of the blocks' logs.
 */
#include "indexer/span_int.h"

#include <assert.h>
#include <inttypes.h>

/* Wrong receipts so often, from whatever endpoint: taken at the node's word,
 * and asked for again by the verifier later. */
#define LIES_MAX 3

static void add_cover(struct span *s, const struct head *h, enum cover state)
{
	struct cover_span *last =
	    s->cover_count ? &s->covers[s->cover_count - 1] : NULL;

	if (last && last->state == state) {
		last->to = h->number;
		last->hash = h->hash;
		return;
	}
	s->covers[s->cover_count++] = (struct cover_span){
		.from = h->number,
		.to = h->number,
		.state = state,
		.parent = h->parent,
		.hash = h->hash,
	};
}

/* How many of the headers are of blocks to be proven. */
static size_t count_to_prove(const struct span *s)
{
	if (s->prove_to >= s->r.to)
		return s->head_count;
	return s->prove_to < s->r.from ? 0
				       : (size_t)(s->prove_to - s->r.from) + 1;
}

/* The logs stay the prove's, which lives as long as the span is ready. */
static void gather(struct span *s)
{
	size_t n = count_to_prove(s);

	s->blocks = arena_array(s->arena, n, sizeof(*s->blocks));
	s->covers = arena_array(s->arena, n, sizeof(*s->covers));
	for (size_t i = 0; i < n; i++) {
		const struct logs *l = prove_logs(s->prove, i);

		add_cover(s, &s->heads[i], prove_cover(s->prove, i));
		if (!l->count)
			continue;
		s->blocks[s->block_count++] =
		    (struct span_block){ s->heads[i], *l };
		s->log_count += l->count;
		for (size_t j = 0; j < l->count; j++)
			s->bytes += sizeof(*l->items) + l->items[j].data_len;
	}
	s->last = s->heads[s->head_count - 1];
}

static void proven(void *arg, enum status st, const struct err *err)
{
	struct span *s = arg;

	if (st == ST_OK) {
		gather(s);
		span_ready(s);
		return;
	}
	if (st == ST_REJECTED)
		s->lies++;
	span_failed(s, false, 0, err->msg);
}

static void settle_logs(struct span *s)
{
	struct prove_opts opts = {
		.feed = s->opts->feed,
		.filter = s->opts->filter,
		.receipts = s->lies < LIES_MAX,
		.bulk = true,
		.done = proven,
		.arg = s,
	};

	s->prove = prove_start(&opts, s->heads, count_to_prove(s));
}

/* What is wrong with header @i; NULL: nothing. */
static const char *header_wrong(const struct span *s, size_t i)
{
	const struct head *h = &s->heads[i];

	if (h->proof == HEAD_WRONG && feed_recomputes(s->opts->feed))
		return "its header does not give its hash";
	if (h->number != s->r.from + i)
		return "another block was answered";
	if (i && !hash32_eq(&h->parent, &s->heads[i - 1].hash))
		return "its parent is not the block before it";
	return NULL;
}

static void headers_came(void *arg, const struct feed_answer *a)
{
	struct span *s = arg;
	struct err err;

	if (a->st == ST_TRANSIENT) {
		span_failed(s, false, 0, a->err ? a->err->msg : "no answer");
		return;
	}
	for (size_t i = 0; i < a->n; i++) {
		enum status st;
		const char *wrong;

		if (!a->items[i].result.p) {
			span_refused(s, &a->items[i].error);
			return;
		}
		st = head_read(&s->heads[i], a->items[i].result, &err);
		if (st != ST_OK) {
			span_failed(s, false, 0,
				    st == ST_AGAIN ? "a block is not there yet"
						   : err.msg);
			return;
		}
		feed_saw(s->opts->feed, &s->heads[i]);
		wrong = header_wrong(s, i);
		if (wrong) {
			span_lied(s, a->endpoint, s->r.from + i, wrong);
			return;
		}
	}
	s->endpoint = a->endpoint;
	settle_logs(s);
}

void span_proven_ask(struct span *s)
{
	struct ask ask;

	assert(s->r.to - s->r.from < SPAN_PROVEN_MAX);
	s->head_count = (size_t)(s->r.to - s->r.from) + 1;
	s->heads = mem_array(s->head_count, sizeof(*s->heads));
	ask_init(&ask);
	for (uint64_t n = s->r.from; n <= s->r.to; n++)
		ask_block(&ask, n);
	if (!ask_send_bulk(&ask, s->opts->feed, headers_came, s))
		span_failed(s, false, 0, "no endpoint");
}
