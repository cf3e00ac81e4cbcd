/*
 * Statements that the server keeps: a text that comes again is prepared under a
 * name, so that a busy connection has nothing parsed anew, and little planned.
 * https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 * Never waits: engine.c reads the answers.
 */
#include <stdio.h>

#include "db/internal.h"

/* First come, first kept; what comes later is parsed each time. */
#define STATEMENTS_MAX 256

enum statement_state {
	STATEMENT_SEEN, /* once; or its preparation was cut short */
	STATEMENT_SENT, /* on its way to the server */
	STATEMENT_READY,
	STATEMENT_REFUSED, /* its kept plan no longer fits the tables */
};

struct db_statement {
	uint64_t hash;
	enum statement_state state;
	char name[16];
	char *sql;
	int n;
	Oid *types;
};

/* FNV-1a, of the text. */
static uint64_t hash_of(const char *sql)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *sql; sql++)
		h = (h ^ (uint8_t)*sql) * 0x100000001b3;
	return h;
}

static size_t types_size(const struct db_item *it)
{
	return (size_t)it->n * sizeof(*it->types);
}

static struct db_statement *find(const struct db_statements *all, uint64_t hash,
				 const struct db_item *it)
{
	for (size_t i = 0; i < all->count; i++) {
		struct db_statement *s = all->items[i];

		if (s->hash == hash && s->n == it->n &&
		    strcmp(s->sql, it->sql) == 0 &&
		    (it->n == 0 ||
		     memcmp(s->types, it->types, types_size(it)) == 0))
			return s;
	}
	return NULL;
}

static void remember(struct db_statements *all, uint64_t hash,
		     const struct db_item *it)
{
	struct db_statement *s;

	if (all->count == STATEMENTS_MAX)
		return;
	s = mem_zalloc(sizeof(*s));
	s->hash = hash;
	s->sql = mem_strdup(it->sql);
	s->n = it->n;
	s->types = mem_dup(it->types, types_size(it));
	snprintf(s->name, sizeof(s->name), "s%zu", all->count);
	all->items = mem_resize(all->items, all->count + 1,
				sizeof(struct db_statement *));
	all->items[all->count++] = s;
}

void db_statements_deinit(struct db_statements *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->items[i]->sql);
		free(all->items[i]->types);
		free(all->items[i]);
	}
	free(all->items);
	*all = (struct db_statements){ 0 };
}

bool db_stmt_to_prepare(struct db_statements *all, struct db_item *it)
{
	uint64_t hash = hash_of(it->sql);

	it->statement = find(all, hash, it);
	if (!it->statement)
		remember(all, hash, it);
	it->preparing = it->statement && it->statement->state == STATEMENT_SEEN;
	return it->preparing;
}

int db_stmt_prepare(PGconn *conn, struct db_item *it)
{
	it->statement->state = STATEMENT_SENT;
	return PQsendPrepare(conn, it->statement->name, it->sql, it->n,
			     it->types);
}

void db_stmt_prepared(struct db_item *it, bool ok)
{
	it->preparing = false;
	it->statement->state = ok ? STATEMENT_READY : STATEMENT_SEEN;
}

int db_stmt_send(PGconn *conn, const struct db_item *it, bool prepared)
{
	if (prepared)
		return PQsendQueryPrepared(conn, it->statement->name, it->n,
					   (const char *const *)it->values,
					   it->lengths, it->formats, 0);
	return PQsendQueryParams(conn, it->sql, it->n, it->types,
				 (const char *const *)it->values, it->lengths,
				 it->formats, 0);
}

bool db_stmt_ready(const struct db_item *it)
{
	return it->statement && it->statement->state == STATEMENT_READY;
}

/* 0A000: "cached plan must not change result type"; 26000: somebody between us
 * and the server has forgotten the name. */
void db_stmt_failed(struct db_item *it, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (db_stmt_ready(it) && state &&
	    (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0))
		it->statement->state = STATEMENT_REFUSED;
}
