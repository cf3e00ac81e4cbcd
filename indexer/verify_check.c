/*
 * Proven blocks against stored ones. What differs is replaced; what is right
 * is recorded as verified. Blocks without proof are left as they are.
 */
#include "indexer/verify_int.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/mem.h"
#include "indexer/note.h"

/* What is stored at one height. */
struct stored {
	bool there;
	struct hash32 hash;
	bool has_sum;
	struct log_sum sum;
};

static bool is_proven(enum cover c)
{
	return c == COVER_ABSENT_BY_BLOOM || c == COVER_RECEIPTS_VERIFIED;
}

static enum cover cover_at(const struct span *s, uint64_t number)
{
	for (size_t i = 0; i < s->cover_count; i++)
		if (number <= s->covers[i].to)
			return s->covers[i].state;
	abort();
}

static const struct span_block *block_at(const struct span *s, uint64_t number)
{
	for (size_t i = 0; i < s->block_count; i++)
		if (s->blocks[i].head.number == number)
			return &s->blocks[i];
	return NULL;
}

static bool is_right(const struct span *s, uint64_t number,
		     const struct stored *st)
{
	const struct span_block *b = block_at(s, number);
	struct log_sum sum = { 0 };

	/* Headers lead here from the head: another block is not of the chain.
	 */
	if (st->there &&
	    !hash32_eq(&st->hash, &s->heads[number - s->r.from].hash))
		return false;
	if (!b)
		return !st->has_sum;
	if (!st->has_sum)
		return false;
	for (size_t i = 0; i < b->logs.count; i++)
		log_sum_add(&sum, &b->logs.items[i]);
	return memcmp(sum.b, st->sum.b, sizeof(sum.b)) == 0;
}

static void read_stored(struct stored *out, const struct span *s,
			const struct db_result *r)
{
	for (size_t i = 0; i < db_rows(r); i++) {
		uint64_t number = (uint64_t)db_i64(r, i, "number");
		struct stored *at = &out[number - s->r.from];
		const uint8_t *p;
		size_t n;

		at->there = true;
		p = db_bytes(r, i, "hash", &n);
		if (p && n == sizeof(at->hash.b))
			memcpy(at->hash.b, p, n);
		p = db_bytes(r, i, "log_sum", &n);
		at->has_sum = p && n == sizeof(at->sum.b);
		if (at->has_sum)
			memcpy(at->sum.b, p, n);
	}
}

/* The last block that is looked at for itself; false: there is none. */
static bool last_of(const struct span *s, uint64_t *out)
{
	*out = s->prove_to < s->r.to ? s->prove_to : s->r.to;
	return *out >= s->r.from;
}

/* Replaces blocks that are wrong; returns how many, the first in *@first. */
static uint64_t replace(struct verify *v, struct db_batch *b,
			const struct stored *stored, uint64_t *first)
{
	const struct span *s = v->span;
	uint64_t wrong = 0, to;

	if (!last_of(s, &to))
		return 0;
	for (uint64_t n = s->r.from; n <= to; n++) {
		const struct span_block *block = block_at(s, n);

		if (!is_proven(cover_at(s, n)) ||
		    is_right(s, n, &stored[n - s->r.from]))
			continue;
		if (!wrong++)
			*first = n;
		DB_ADD(b, "select chain.forget($1::bigint)", P_I64((int64_t)n));
		if (block)
			rows_add_block(v->rows, &block->head, block->logs.items,
				       block->logs.count);
	}
	return wrong;
}

/* Who told block @number, as the coverage has it; NULL: it had been proven. */
static const char *teller(const struct db_result *r, uint64_t number)
{
	for (size_t i = 0; i < db_rows(r); i++)
		if ((uint64_t)db_i64(r, i, "from_block") <= number &&
		    (uint64_t)db_i64(r, i, "to_block") >= number)
			return db_text(r, i, "endpoint");
	return NULL;
}

static void tell(const struct verify_healed *h)
{
	log_broken(
	    "gap_healed", F_U64("height", h->first), F_U64("blocks", h->blocks),
	    F_STR("endpoint", h->teller),
	    F_STR("hint", h->teller
			      ? "the endpoint had told other logs than the "
				"blocks' receipts hold; they are replaced: "
				"tell the provider"
			      : "these blocks had been proven: somebody has "
				"changed rows of the database; they are "
				"replaced"));
}

static void log_note(void *arg, const struct row_note *n)
{
	(void)arg;
	note_log(LOG_LVL_INFO, n);
}

/* Committed: what was not is found again, and told then. */
static void written(void *arg)
{
	struct verify *v = arg;

	if (v->healed.blocks) {
		v->result.wrong += v->healed.blocks;
		tell(&v->healed);
	}
	free(v->healed.teller);
	v->healed = (struct verify_healed){ 0 };
	rows_each(v->rows, log_note, v);
	rows_free(v->rows);
	v->rows = NULL;
	verify_chunk_done(v);
}

static void add_covers(struct verify *v, struct db_batch *b)
{
	const struct span *s = v->span;

	for (size_t i = 0; i < s->cover_count; i++) {
		struct cover_span c = s->covers[i];
		uint64_t blocks = c.to - c.from + 1;

		c.linked = true;
		if (c.state == COVER_UNVERIFIED)
			v->result.unproven += blocks;
		else
			store_add_cover(b, &c, NULL);
		if (c.state == COVER_UNVERIFIABLE)
			v->result.unverifiable += blocks;
	}
}

static void compared(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	struct verify *v = arg;
	struct store *store = v->opts.store;
	const struct span *s = v->span;
	struct stored stored[SPAN_PROVEN_MAX] = { 0 };
	struct db_batch *b;
	struct err bad;

	(void)n;
	if (st != ST_OK) {
		store->on_broken(store->arg, err);
		return;
	}
	read_stored(stored, s, results[0]);
	b = store_begin(store, s->r.to);
	v->rows = rows_new(v->opts.schema);
	v->healed.blocks = replace(v, b, stored, &v->healed.first);
	if (rows_copy(v->rows, b, &bad) != ST_OK) {
		db_batch_free(b);
		store->on_broken(store->arg, &bad);
		return;
	}
	add_covers(v, b);
	if (v->healed.blocks) {
		const char *who = teller(results[1], v->healed.first);

		DB_ADD(b, "select chain.tell()");
		v->healed.teller = who ? mem_strdup(who) : NULL;
	}
	v->state = VERIFY_WRITING;
	store_commit(store, b, written, v);
}

void verify_check(struct verify *v)
{
	struct db_batch *b = db_batch_new(v->opts.store->db);

	v->state = VERIFY_COMPARING;
	DB_ADD(b,
	       "select number, hash, log_sum from chain.block "
	       "where number between $1::bigint and $2::bigint",
	       P_I64((int64_t)v->span->r.from), P_I64((int64_t)v->span->r.to));
	DB_ADD(b,
	       "select from_block, to_block, endpoint from chain.coverage "
	       "where endpoint is not null and from_block <= $2::bigint and "
	       "to_block >= $1::bigint",
	       P_I64((int64_t)v->span->r.from), P_I64((int64_t)v->span->r.to));
	db_run(b, compared, v);
}
