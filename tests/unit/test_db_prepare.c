/*
 * Statements that the server keeps: which are, which are not, and that nobody
 * notices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "db_fixture.h"

static int64_t kept_statements(struct fix *fx)
{
	AUTO(db_result) struct db_result *r = NULL;

	assert_int_equal(DB_QUERY(&r, fx->db, NULL,
				  "SELECT count(*) AS n FROM "
				  "pg_prepared_statements WHERE statement LIKE "
				  "'INSERT INTO t (a, b)%'"),
			 ST_OK);
	return db_i64(r, 0, "n");
}

static void insert(struct fix *fx, struct seen *s, int64_t a, bool bad)
{
	struct db_batch *b = db_batch_new(fx->db);

	if (bad)
		DB_ADD(b, "SELECT 1 / (SELECT 0)");
	DB_ADD(b, "INSERT INTO t (a, b) VALUES ($1, $2)", P_I64(a),
	       P_BYTES("x", 1));
	db_run(b, done, s);
	spin(fx);
}

/* One of another type is another statement. */
static void test_what_comes_again_is_prepared(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 1 };
	struct err err;

	insert(fx, &s, 1, false);
	assert_int_equal(s.st, ST_OK);
	assert_int_equal(kept_statements(fx), 0);
	insert(fx, &s, 2, true); /* ends before the preparation */
	assert_int_equal(s.st, ST_REJECTED);
	assert_int_equal(kept_statements(fx), 0);
	insert(fx, &s, 1, false); /* prepared, and refused */
	assert_int_equal(s.st, ST_REJECTED);
	assert_memory_equal(s.msg, "23505: ", 7);
	assert_int_equal(kept_statements(fx), 1);
	for (int64_t a = 3; a < 9; a++) {
		insert(fx, &s, a, false);
		assert_int_equal(s.st, ST_OK);
		assert_int_equal(s.n, 1);
	}
	for (int64_t a = 9; a < 12; a++)
		assert_int_equal(
		    DB_QUERY(NULL, fx->db, &err,
			     "INSERT INTO t (a, b) VALUES ($1, $2)", P_I64(a),
			     P_NULL()),
		    ST_OK);
	assert_int_equal(kept_statements(fx), 2);
	assert_int_equal(count(fx), 10);
}

/* In flight together: none waits for a preparation that another one sent. */
static void test_many_of_a_kind_at_once(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 40 };

	for (int64_t i = 0; i < 40; i++) {
		struct db_batch *b = db_batch_new(fx->db);

		for (int64_t k = 0; k < 3; k++)
			DB_ADD(b, "INSERT INTO t (a) VALUES ($1)",
			       P_I64(3 * i + k));
		db_run(b, done, &s);
	}
	spin(fx);
	assert_int_equal(s.calls, 40);
	assert_int_equal(s.st, ST_OK);
	assert_int_equal(s.n, 3);
	assert_int_equal(count(fx), 120);
}

static void test_prepared_beside_a_copy(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 1 };

	for (int64_t i = 0; i < 4; i++) {
		struct db_batch *b = db_batch_new(fx->db);
		AUTO_BUF rows = BUF_NULL;

		buf_init(&rows, 1000);
		tuple(&rows, i, "x", 1);
		DB_ADD(b, "INSERT INTO t (a, b) VALUES ($1, NULL)",
		       P_I64(100 + i));
		db_add_copy(b, "COPY t (a, b) FROM STDIN (FORMAT binary)",
			    &rows);
		DB_ADD(b, "INSERT INTO t (a, b) VALUES ($1, '')",
		       P_I64(i == 2 ? 0 : 200 + i)); /* a duplicate */
		db_run(b, done, &s);
		spin(fx);
		assert_int_equal(s.st, i == 2 ? ST_REJECTED : ST_OK);
		assert_int_equal(s.n, i == 2 ? 0 : 3);
	}
	assert_int_equal(kept_statements(fx), 2);
	assert_int_equal(count(fx), 9);
}

/* The server keeps the plan of a table that is another one by now. */
static void test_a_plan_that_fits_no_more(void **state)
{
	struct fix *fx = *state;
	AUTO(db_result) struct db_result *r = NULL;
	struct err err;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    DB_QUERY(NULL, fx->db, &err, "SELECT * FROM t WHERE a = 1"),
		    ST_OK);
	assert_int_equal(db_exec(fx->db, "ALTER TABLE t ADD f text", &err),
			 ST_OK);
	assert_int_equal(
	    DB_QUERY(NULL, fx->db, &err, "SELECT * FROM t WHERE a = 1"),
	    ST_REJECTED);
	assert_memory_equal(err.msg, "0A000: ", 7);
	assert_int_equal(
	    DB_QUERY(&r, fx->db, &err, "SELECT * FROM t WHERE a = 1"), ST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_what_comes_again_is_prepared),
		T(test_many_of_a_kind_at_once),
		T(test_prepared_beside_a_copy),
		T(test_a_plan_that_fits_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
