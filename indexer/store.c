/*
 * Writes of the indexer. Each is one transaction whose first statement raises
 * when another leader has taken over. Never retries: what a lost connection
 * left behind is found out by starting again from the cursor.
 */
#include "indexer/store.h"

#include <stdlib.h>

static struct db_param height(uint64_t v)
{
	return v == STORE_UNKNOWN ? P_NULL() : P_I64((int64_t)v);
}

/* A write under way, and whom to tell. */
struct write {
	struct write *next, **prev; /* in the store's list */
	struct store *s;
	void (*done)(void *arg);
	void *arg;
	struct store_totals totals; /* cursor and head after it, the rest to be
				     * added */
};

static void count(struct store_totals *t, const struct store_totals *w)
{
	if (!w->any)
		return;
	t->any = true;
	t->reorgs += w->reorgs;
	t->rolled_back += w->reorgs ? t->cursor - w->cursor : 0;
	t->cursor = w->cursor;
	t->head = w->head ? w->head : t->head;
	t->blocks += w->blocks;
	t->events += w->events;
}

static void drop(struct write *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w);
}

void store_deinit(struct store *s)
{
	while (s->writes)
		drop(s->writes);
}

static void written(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct write w = *(struct write *)arg;

	(void)results;
	(void)n;
	drop((struct write *)arg);
	if (st != ST_OK) {
		w.s->on_broken(w.s->arg, err);
		return;
	}
	count(&w.s->totals, &w.totals);
	w.done(w.arg);
}

static struct db_batch *begin(struct store *s)
{
	struct db_batch *b = db_batch_new(s->db);

	DB_ADD(b, "select chain.assert_term($1::bigint)", P_I64(s->term));
	return b;
}

struct db_batch *store_begin(struct store *s, uint64_t reaches)
{
	struct db_batch *b;

	if (s->term)
		return begin(s);
	b = db_batch_new(s->db);
	DB_ADD(b, "select chain.assert_reaches($1::bigint)",
	       P_I64((int64_t)reaches));
	return b;
}

static void run(struct store *s, struct db_batch *b, struct store_totals totals,
		void (*done)(void *arg), void *arg)
{
	struct write *w = mem_zalloc(sizeof(*w));

	*w = (struct write){ s->writes, &s->writes, s, done, arg, totals };
	if (w->next)
		w->next->prev = &w->next;
	s->writes = w;
	db_run(b, written, w);
}

void store_commit(struct store *s, struct db_batch *b, void (*done)(void *arg),
		  void *arg)
{
	run(s, b, (struct store_totals){ 0 }, done, arg);
}

void store_append_cover(struct store_append *a, const struct cover_span *c)
{
	struct cover_span *last =
	    a->cover_count ? &a->covers[a->cover_count - 1] : NULL;

	if (last && last->state == c->state && last->linked == c->linked &&
	    last->to + 1 == c->from) {
		last->to = c->to;
		last->hash = c->hash;
		return;
	}
	a->covers =
	    mem_resize(a->covers, a->cover_count + 1, sizeof(*a->covers));
	a->covers[a->cover_count++] = *c;
}

void store_add_cover(struct db_batch *b, const struct cover_span *c,
		     const char *endpoint)
{
	DB_ADD(b, "select chain.cover($1::bigint, $2::bigint, $3, $4, $5, $6)",
	       P_I64((int64_t)c->from), P_I64((int64_t)c->to),
	       P_TEXT(cover_name(c->state)),
	       P_TEXT(c->state == COVER_UNVERIFIED ? endpoint : NULL),
	       c->linked ? P_BYTES(c->parent.b, 32) : P_NULL(),
	       c->linked ? P_BYTES(c->hash.b, 32) : P_NULL());
}

void store_append(struct store *s, struct store_append *a,
		  void (*done)(void *arg), void *arg)
{
	AUTO(db_batch) struct db_batch *b = begin(s);
	struct store_totals totals;
	struct err err;

	if (a->history)
		DB_ADD(b, "set local synchronous_commit = off");
	if (rows_copy(a->rows, b, &err) != ST_OK) {
		free(a->covers);
		s->on_broken(s->arg, &err);
		return;
	}
	for (size_t i = 0; i < a->cover_count; i++)
		store_add_cover(b, &a->covers[i], a->endpoint);
	free(a->covers);
	a->covers = NULL;
	if (a->range_limit)
		DB_ADD(b,
		       "insert into chain.endpoint values ($1, $2::bigint) "
		       "on conflict (label) do update set range_limit = "
		       "excluded.range_limit, updated_at = clock_timestamp()",
		       P_TEXT(a->endpoint), P_I64((int64_t)a->range_limit));
	DB_ADD(b,
	       "select chain.advance($1::bigint, $2::bigint, $3, $4::bigint, "
	       "$5::bigint, $6::bigint, $7::bigint)",
	       P_I64((int64_t)a->from), P_I64((int64_t)a->to),
	       P_BYTES(a->hash.b, 32), P_I64((int64_t)a->head), height(a->safe),
	       height(a->finalized), P_I64((int64_t)a->to - s->keep_depth));
	totals = (struct store_totals){
		.any = true,
		.cursor = a->to,
		.head = a->head,
		.blocks = a->to - a->from + 1,
		.events = rows_count(a->rows),
	};
	run(s, STEAL(b), totals, done, arg);
}

void store_roll_back(struct store *s, uint64_t number,
		     const struct hash32 *hash, void (*done)(void *arg),
		     void *arg)
{
	struct db_batch *b = begin(s);

	DB_ADD(b, "select chain.roll_back($1::bigint, $2)",
	       P_I64((int64_t)number), hash ? P_BYTES(hash->b, 32) : P_NULL());
	run(s, b,
	    (struct store_totals){ .any = true, .reorgs = 1, .cursor = number },
	    done, arg);
}

static void nothing(void *arg)
{
	(void)arg;
}

void store_tags(struct store *s, uint64_t safe, uint64_t finalized)
{
	struct db_batch *b = begin(s);

	DB_ADD(b, "select chain.set_tags($1::bigint, $2::bigint)", height(safe),
	       height(finalized));
	run(s, b, (struct store_totals){ 0 }, nothing, NULL);
}

void store_defer_indexes(struct store *s, void (*done)(void *arg), void *arg)
{
	struct db_batch *b = begin(s);

	DB_ADD(b, "select chain.defer_indexes()");
	store_commit(s, b, done, arg);
}

void store_build_indexes(struct store *s, void (*done)(void *arg), void *arg)
{
	struct db_batch *b = begin(s);

	DB_ADD(b, "set local statement_timeout = 0");
	DB_ADD(b, "set local maintenance_work_mem = '256MB'");
	DB_ADD(b, "select chain.build_indexes()");
	store_commit(s, b, done, arg);
}

enum status store_has_deferred(struct store *s, bool *out, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;

	st =
	    DB_QUERY(&r, s->db, err,
		     "select exists (select from chain.deferred_index) as yes");
	if (st == ST_OK)
		*out = db_bool(r, 0, "yes");
	return st;
}

enum status store_range_limit(struct store *s, const char *label, uint64_t *out,
			      struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;

	st = DB_QUERY(&r, s->db, err,
		      "select range_limit from chain.endpoint where label = $1",
		      P_TEXT(label));
	if (st == ST_OK)
		*out = db_rows(r) ? (uint64_t)db_i64(r, 0, "range_limit") : 0;
	return st;
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
