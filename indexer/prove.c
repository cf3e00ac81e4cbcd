/*
 * Block by block: asks for receipts and logs of blocks that may have logs of
 * ours, as many in one question as make an answer of a good size. What the
 * answers are worth is prove_check.c's to say. Never retries: its caller does.
 */
#include "indexer/prove_int.h"

#include <inttypes.h>

#include "core/log.h"
#include "indexer/refusal.h"

#define ARENA_MAX  ((size_t)1024 * 1024 * 1024)
#define STEP_FIRST 8
#define STEP_MAX   48                   /* two questions each: under 100 */
#define BYTES_GOOD ((size_t)256 * 1024) /* of one answer */

bool prove_needed(const struct filter *f, const struct head *head)
{
	return head->proof != HEAD_PROVEN || filter_may_match(f, head);
}

static void block_init(struct prove_block *b, const struct prove_opts *o,
		       const struct head *head)
{
	b->head = *head;
	if (!prove_needed(o->filter, head)) {
		b->cover = COVER_ABSENT_BY_BLOOM;
	} else if (head->proof != HEAD_PROVEN) {
		b->cover = COVER_UNVERIFIABLE;
		b->claims = true;
	} else {
		b->cover = COVER_UNVERIFIED;
		b->receipts = o->receipts;
		b->claims = o->compare || !o->receipts;
	}
}

void prove_end(struct prove *p, enum status st, const struct err *err)
{
	prove_parts_drop(p);
	p->opts.done(p->opts.arg, st, err);
}

static void end_because(struct prove *p, const char *why)
{
	struct err err;

	prove_end(p, err_set(&err, ST_TRANSIENT, "%s", why), &err);
}

/* ---- answers ---- */

/* The node refused one question about @b. */
static void refused(struct prove *p, struct prove_block *b,
		    const struct rpc_error *e)
{
	uint64_t height = b->head.number;
	struct refusal r = refusal_read(e->code, e->message, height, height);

	switch (r.kind) {
	case REFUSAL_NOT_YET:
	case REFUSAL_SLOW:  /* the feed lets */
	case REFUSAL_QUOTA: /* it rest */
		end_because(p, e->message);
		return;
	case REFUSAL_UNSUPPORTED:
	case REFUSAL_SPLIT:
	case REFUSAL_RANGE:
	case REFUSAL_TOO_MUCH:
		break;
	}
	if (p->batch_to - p->at > 1 && r.kind != REFUSAL_UNSUPPORTED) {
		p->step = (p->batch_to - p->at) / 2;
		prove_go_on(p);
	} else if (!p->one_by_one) {
		/* One block is too much, or its receipts as a whole are
		 * unknown to this node. */
		p->one_by_one = true;
		b->receipts = true;
		prove_go_on(p);
	} else if (b->receipts) {
		b->claims = false; /* the receipts alone must do */
		prove_go_on(p);
	} else {
		end_because(p, e->message);
	}
}

static enum status read_receipts(struct prove *p, struct prove_block *b,
				 struct text json, unsigned endpoint,
				 struct err *err)
{
	AUTO(arena)
	struct arena *arena = arena_new(receipts_arena_max(json.n) + json.n);
	struct receipts r;
	enum status st = receipts_read(&r, arena, json, err);

	if (st == ST_OK)
		st = prove_check_receipts(p, b, &r, err);
	if (st == ST_REJECTED)
		return prove_lied(p, b, endpoint, err);
	if (st == ST_OK)
		b->receipts = false;
	return st;
}

static enum status read_claim(struct prove *p, struct prove_block *b,
			      struct text json, unsigned endpoint,
			      struct err *err)
{
	AUTO(arena) struct arena *arena = arena_new(logs_arena_max(json.n));
	struct logs logs;
	enum status st = logs_read(&logs, arena, json, err);

	for (size_t i = 0; st == ST_OK && i < logs.count; i++)
		if (!hash32_eq(&logs.items[i].block_hash, &b->head.hash))
			st = err_set(err, ST_REJECTED,
				     "a log of another block was answered");
	if (st == ST_REJECTED)
		return prove_lied(p, b, endpoint, err);
	if (st != ST_OK)
		return st;
	filter_take(p->opts.filter, &b->claim, p->arena, &logs);
	b->claims = false;
	b->claimed = true;
	return ST_OK;
}

/* The answers to one block's questions; false: it ended or starts over. */
static bool take_block(struct prove *p, struct prove_block *b,
		       const struct feed_answer *a, size_t *item)
{
	bool receipts = b->receipts && !p->one_by_one, claims = b->claims;
	const struct rpc_item *its[2];
	enum status st = ST_OK;
	struct err err;
	size_t n = 0;

	while (n < (size_t)receipts + claims)
		its[n++] = &a->items[(*item)++];
	for (size_t i = 0; i < n; i++)
		if (!its[i]->result.p) {
			refused(p, b, &its[i]->error);
			return false;
		}
	if (receipts)
		st = read_receipts(p, b, its[0]->result, a->endpoint, &err);
	if (st == ST_OK && claims)
		st = read_claim(p, b, its[n - 1]->result, a->endpoint, &err);
	if (st == ST_OK)
		return true;
	if (st == ST_AGAIN)
		st = err_set(&err, ST_TRANSIENT,
			     "block %" PRIu64 " is not there yet",
			     b->head.number);
	prove_end(p, st, &err);
	return false;
}

static void adapt(struct prove *p, const struct feed_answer *a)
{
	size_t bytes = 0;

	for (size_t i = 0; i < a->n; i++)
		bytes += a->items[i].result.n;
	if (bytes > BYTES_GOOD && p->step > 1)
		p->step /= 2;
	else if (bytes < BYTES_GOOD / 2 && p->step < STEP_MAX)
		p->step = p->step * 2 < STEP_MAX ? p->step * 2 : STEP_MAX;
}

static void answered(void *arg, const struct feed_answer *a)
{
	struct prove *p = arg;
	size_t item = 0;

	if (a->st == ST_TRANSIENT) {
		prove_end(p, ST_TRANSIENT, a->err);
		return;
	}
	adapt(p, a);
	for (; p->at < p->batch_to; p->at++) {
		struct prove_block *b = &p->blocks[p->at];

		if (!take_block(p, b, a, &item))
			return;
		if (b->receipts) {
			prove_parts_start(p); /* one by one; then goes on */
			return;
		}
		prove_check_claim(p, b, a->endpoint);
	}
	prove_go_on(p);
}

/* ---- questions ---- */

static bool is_open(const struct prove_block *b)
{
	return b->receipts || b->claims;
}

/* Blocks from @at whose questions go together; those without are passed. */
static void ask_some(struct prove *p, struct ask *ask)
{
	size_t asked = 0;

	p->batch_to = p->at;
	while (p->batch_to < p->count && asked < p->step) {
		const struct prove_block *b = &p->blocks[p->batch_to++];

		if (!is_open(b))
			continue;
		if (b->receipts && !p->one_by_one)
			ask_receipts(ask, &b->head.hash);
		if (b->claims)
			ask_logs_of(ask, p->opts.filter, &b->head.hash);
		asked++;
		if (b->receipts && p->one_by_one)
			break; /* its receipts come next */
	}
}

void prove_ask(struct prove *p, struct ask *ask, feed_done_fn done)
{
	bool sent = p->opts.bulk ? ask_send_bulk(ask, p->opts.feed, done, p)
				 : ask_send(ask, p->opts.feed, done, p);

	if (!sent)
		end_because(p, "no endpoint");
}

void prove_go_on(struct prove *p)
{
	struct ask ask;

	while (p->at < p->count && !is_open(&p->blocks[p->at]))
		p->at++;
	if (p->at == p->count) {
		prove_end(p, ST_OK, NULL);
		return;
	}
	ask_init(&ask);
	ask_some(p, &ask);
	if (!ask.count) {
		buf_deinit(&ask.params);
		prove_parts_start(p);
		return;
	}
	prove_ask(p, &ask, answered);
}

/* ---- life ---- */

static void idle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void stop_idle(struct prove *p)
{
	if (p->idle)
		uv_close((uv_handle_t *)p->idle, idle_closed);
	p->idle = NULL;
}

static void on_idle(uv_idle_t *idle)
{
	struct prove *p = idle->data;

	stop_idle(p);
	prove_go_on(p);
}

struct prove *prove_start(const struct prove_opts *opts,
			  const struct head *heads, size_t n)
{
	struct prove *p = mem_zalloc(sizeof(*p));

	p->opts = *opts;
	p->blocks = mem_array(n, sizeof(*p->blocks));
	p->count = n;
	p->step = STEP_FIRST;
	p->arena = arena_new(ARENA_MAX);
	for (size_t i = 0; i < n; i++)
		block_init(&p->blocks[i], opts, &heads[i]);
	p->idle = mem_zalloc(sizeof(*p->idle));
	uv_idle_init(feed_loop(opts->feed), p->idle);
	p->idle->data = p;
	uv_idle_start(p->idle, on_idle);
	return p;
}

void prove_free(struct prove *p)
{
	if (!p)
		return;
	stop_idle(p);
	feed_cancel(p->opts.feed, p);
	prove_parts_drop(p);
	arena_free(p->arena);
	free(p->blocks);
	free(p);
}

const struct logs *prove_logs(const struct prove *p, size_t i)
{
	return &p->blocks[i].logs;
}

enum cover prove_cover(const struct prove *p, size_t i)
{
	return p->blocks[i].cover;
}
