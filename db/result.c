/*
 * Reading results: columns by name, text decoded where it is asked for, and
 * Postgres' errors turned into what the caller must do. Never keeps anything
 * of the connection, so a result outlives it.
 */
#include "db/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

struct db_result *db_result_wrap(PGresult *res)
{
	struct db_result *r = mem_zalloc(sizeof(*r));

	r->res = res;
	return r;
}

void db_result_free(struct db_result *r)
{
	size_t cells;

	if (!r)
		return;
	cells = (size_t)PQntuples(r->res) * (size_t)PQnfields(r->res);
	for (size_t i = 0; r->bytes && i < cells; i++) {
		if (r->bytes[i])
			PQfreemem(r->bytes[i]);
	}
	free(r->bytes);
	free(r->lens);
	PQclear(r->res);
	free(r);
}

size_t db_affected(const struct db_result *r)
{
	/* libpq's accessor wants a mutable result and does not change it. */
	const char *n = PQcmdTuples(r->res);

	return (size_t)strtoull(n, NULL, 10);
}

size_t db_rows(const struct db_result *r)
{
	if (PQresultStatus(r->res) == PGRES_TUPLES_OK)
		return (size_t)PQntuples(r->res);
	return db_affected(r);
}

static int column(const struct db_result *r, size_t row, const char *col)
{
	int c = PQfnumber(r->res, col);

	if (c < 0) {
		fprintf(stderr, "db: no column \"%s\" in this result\n", col);
		abort();
	}
	assert(row < (size_t)PQntuples(r->res));
	return c;
}

bool db_is_null(const struct db_result *r, size_t row, const char *col)
{
	int c = column(r, row, col);

	return PQgetisnull(r->res, (int)row, c);
}

const char *db_text(const struct db_result *r, size_t row, const char *col)
{
	int c = column(r, row, col);

	return PQgetvalue(r->res, (int)row, c);
}

int64_t db_i64(const struct db_result *r, size_t row, const char *col)
{
	const char *s = db_text(r, row, col);
	char *end;
	long long v;

	if (!*s)
		return 0; /* null */
	errno = 0;
	v = strtoll(s, &end, 10);
	assert(errno == 0 && *end == '\0');
	return (int64_t)v;
}

bool db_bool(const struct db_result *r, size_t row, const char *col)
{
	return db_text(r, row, col)[0] == 't';
}

const uint8_t *db_bytes(const struct db_result *r, size_t row, const char *col,
			size_t *len)
{
	/* The cache is no part of what the caller sees. */
	struct db_result *m;
	int c = column(r, row, col);
	size_t fields = (size_t)PQnfields(r->res);
	size_t cell = row * fields + (size_t)c;

	memcpy(&m, &r, sizeof(m));
	*len = 0;
	if (PQgetisnull(r->res, (int)row, c))
		return NULL;
	if (!m->bytes) {
		size_t cells = (size_t)PQntuples(r->res) * fields;

		m->bytes = mem_array(cells, sizeof(*m->bytes));
		m->lens = mem_array(cells, sizeof(*m->lens));
	}
	if (!m->bytes[cell]) {
		const char *v = PQgetvalue(r->res, (int)row, c);

		m->bytes[cell] = mem_check(
		    PQunescapeBytea((const unsigned char *)v, &m->lens[cell]));
	}
	*len = m->lens[cell];
	return m->bytes[cell];
}

static enum status sqlstate_status(const char *s)
{
	if (!s)
		return ST_TRANSIENT; /* libpq's own: the connection is gone */
	if (strcmp(s, "40001") == 0 || strcmp(s, "40P01") == 0)
		return ST_AGAIN;
	/* 08 connection, 57 operator intervention, 53 no disk, memory, slot */
	if (!strncmp(s, "08", 2) || !strncmp(s, "57", 2) ||
	    !strncmp(s, "53", 2))
		return ST_TRANSIENT;
	return ST_REJECTED;
}

enum status db_result_error(struct err *err, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *msg = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);

	if (!msg)
		msg = "connection lost";
	if (detail)
		return err_set(err, sqlstate_status(state), "%s: %s (%s)",
			       state ? state : "08006", msg, detail);
	return err_set(err, sqlstate_status(state), "%s: %s",
		       state ? state : "08006", msg);
}
