/*
 * Writes of the indexer. Each is one transaction whose first statement raises
 * when another leader has taken over. Never retries: what a lost connection
 * left behind is found out by starting again from the cursor.
 */
#include "indexer/store.h"

#include <assert.h>
#include <stdlib.h>

static const char *cover_name(enum store_cover c)
{
	switch (c) {
	case STORE_UNVERIFIED:
		return "unverified";
	case STORE_ABSENT_BY_BLOOM:
		return "absent_by_bloom";
	}
	abort();
}

static struct db_param height(uint64_t v)
{
	return v == STORE_UNKNOWN ? P_NULL() : P_I64((int64_t)v);
}

static void written(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct store *s = arg;

	(void)results;
	(void)n;
	s->writing = false;
	if (st != ST_OK) {
		s->on_broken(s->arg, err);
		return;
	}
	s->totals = s->next;
	s->done(s->done_arg);
}

static struct db_batch *begin(struct store *s, void (*done)(void *arg),
			      void *arg)
{
	struct db_batch *b = db_batch_new(s->db);

	assert(!s->writing);
	s->writing = true;
	s->done = done;
	s->done_arg = arg;
	s->next = s->totals;
	DB_ADD(b, "select chain.assert_term($1::bigint)", P_I64(s->term));
	return b;
}

void store_append(struct store *s, const struct store_append *a,
		  void (*done)(void *arg), void *arg)
{
	AUTO(db_batch) struct db_batch *b = begin(s, done, arg);
	struct err err;

	if (rows_copy(a->rows, b, &err) != ST_OK) {
		s->on_broken(s->arg, &err);
		return;
	}
	for (size_t i = 0; i < a->cover_count; i++)
		DB_ADD(b, "select chain.cover($1::bigint, $2::bigint, $3)",
		       P_I64((int64_t)a->covers[i].from),
		       P_I64((int64_t)a->covers[i].to),
		       P_TEXT(cover_name(a->covers[i].state)));
	DB_ADD(b,
	       "select chain.advance($1::bigint, $2::bigint, $3, $4::bigint, "
	       "$5::bigint, $6::bigint, $7::bigint)",
	       P_I64((int64_t)a->from), P_I64((int64_t)a->to),
	       P_BYTES(a->hash.b, 32), P_I64((int64_t)a->head), height(a->safe),
	       height(a->finalized), P_I64((int64_t)a->to - s->keep_depth));
	s->next.any = true;
	s->next.cursor = a->to;
	s->next.head = a->head;
	s->next.blocks += a->to - a->from + 1;
	s->next.events += rows_count(a->rows);
	db_run(STEAL(b), written, s);
}

void store_roll_back(struct store *s, uint64_t number,
		     const struct hash32 *hash, void (*done)(void *arg),
		     void *arg)
{
	struct db_batch *b = begin(s, done, arg);

	s->next.reorgs++;
	s->next.rolled_back += s->totals.cursor - number;
	s->next.cursor = number;
	DB_ADD(b, "select chain.roll_back($1::bigint, $2)",
	       P_I64((int64_t)number), hash ? P_BYTES(hash->b, 32) : P_NULL());
	db_run(b, written, s);
}

enum status store_lead(struct store *s, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;

	st = DB_QUERY(&r, s->db, err,
		      "update chain.cursor set term = term + 1 returning term");
	if (st != ST_OK)
		return st;
	if (db_rows(r) != 1)
		return err_set(err, ST_REJECTED,
			       "chain.cursor has lost its row");
	s->term = db_i64(r, 0, "term");
	return ST_OK;
}

static void get_hash(struct hash32 *out, const struct db_result *r, size_t row,
		     const char *col)
{
	size_t n;
	const uint8_t *p = db_bytes(r, row, col, &n);

	if (p && n == 32)
		memcpy(out->b, p, 32);
}

enum status store_load_tail(struct store *s, struct follow_tail *tail,
			    bool *have, struct err *err)
{
	AUTO(db_result) struct db_result *cursor = NULL;
	AUTO(db_result) struct db_result *blocks = NULL;
	struct follow_block tip = { 0 };
	enum status st;

	st = DB_QUERY(&cursor, s->db, err,
		      "select number, hash from chain.cursor");
	if (st != ST_OK)
		return st;
	*have = db_rows(cursor) == 1 && !db_is_null(cursor, 0, "number");
	if (!*have)
		return ST_OK;
	tip.number = (uint64_t)db_i64(cursor, 0, "number");
	get_hash(&tip.hash, cursor, 0, "hash");
	st = DB_QUERY(&blocks, s->db, err,
		      "select number, hash, parent_hash from chain.block "
		      "where number > $1::bigint and number < $2::bigint "
		      "order by number",
		      P_I64((int64_t)tip.number - (int64_t)tail->cap),
		      P_I64((int64_t)tip.number));
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < db_rows(blocks); i++) {
		struct follow_block b = { 0 };

		b.number = (uint64_t)db_i64(blocks, i, "number");
		get_hash(&b.hash, blocks, i, "hash");
		get_hash(&b.parent, blocks, i, "parent_hash");
		follow_tail_push(tail, &b);
	}
	follow_tail_push(tail, &tip);
	s->totals.any = true;
	s->totals.cursor = tip.number;
	return ST_OK;
}
