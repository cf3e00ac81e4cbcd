#ifndef CX_TESTS_DB_FIXTURE_H
#define CX_TESTS_DB_FIXTURE_H

/* A connection to a real server with an empty table t, and what a batch's
 * outcome was. Needs CX_TEST_DATABASE (tests/lib/pg.sh run …).
 * Include after cmocka. */
#include "db/db.h"

static struct db_opts opts = { .application_name = "test",
			       .connect_timeout_s = 5,
			       .statement_timeout_ms = 10000 };

struct fix {
	uv_loop_t loop;
	struct db *db;
};

struct seen {
	struct fix *fx;
	int calls;
	enum status st;
	size_t n;
	int64_t value;
	char msg[400];
	char order[40];
	int until; /* stop the loop after so many calls */
};

static int setup(void **state)
{
	struct fix *fx = mem_zalloc(sizeof(*fx));
	struct err err;

	opts.url = getenv("CX_TEST_DATABASE");
	if (!opts.url)
		fail_msg("CX_TEST_DATABASE is not set: run through "
			 "tests/lib/pg.sh run");
	uv_loop_init(&fx->loop);
	if (db_open(&fx->db, &fx->loop, &opts, &err) != ST_OK)
		fail_msg("%s", err.msg);
	if (db_exec(fx->db,
		    "DROP TABLE IF EXISTS t; CREATE TABLE t (a bigint PRIMARY "
		    "KEY, b bytea, c text, d boolean, e numeric)",
		    &err) != ST_OK)
		fail_msg("%s", err.msg);
	*state = fx;
	return 0;
}

static int teardown(void **state)
{
	struct fix *fx = *state;

	db_close(fx->db);
	uv_run(&fx->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&fx->loop), 0);
	free(fx);
	return 0;
}

static void done(void *arg, enum status st,
		 const struct db_result *const *results, size_t n,
		 const struct err *err)
{
	struct seen *s = arg;

	s->calls++;
	s->st = st;
	s->n = n;
	assert_true((st == ST_OK) == (results != NULL));
	if (st != ST_OK)
		snprintf(s->msg, sizeof(s->msg), "%s", err->msg);
	if (s->calls >= s->until)
		uv_stop(&s->fx->loop);
}

static int64_t count(struct fix *fx)
{
	AUTO(db_result) struct db_result *r = NULL;

	assert_int_equal(
	    DB_QUERY(&r, fx->db, NULL, "SELECT count(*) AS n FROM t"), ST_OK);
	return db_i64(r, 0, "n");
}

static void spin(struct fix *fx)
{
	uv_run(&fx->loop, UV_RUN_DEFAULT);
}

/* One binary tuple (a bigint, b bytea). */
static void tuple(struct buf *rows, int64_t a, const void *b, size_t len)
{
	uint64_t u = (uint64_t)a;

	buf_add(rows, "\0\2\0\0\0\x08", 6);
	for (int i = 7; i >= 0; i--)
		buf_add_byte(rows, (uint8_t)(u >> (8 * i)));
	for (int i = 3; i >= 0; i--)
		buf_add_byte(rows, (uint8_t)(len >> (8 * i)));
	buf_add(rows, b, len);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
