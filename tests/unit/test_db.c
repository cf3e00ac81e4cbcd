/*
 * db/ against a real server: transactions, parameters, COPY, notifications,
 * errors, and what happens when the connection goes. Needs CX_TEST_DATABASE
 * (tests/lib/pg.sh run …).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "db_fixture.h"

static void test_params_round_trip(void **state)
{
	struct fix *fx = *state;
	AUTO(db_result) struct db_result *r = NULL;
	static const uint8_t raw[] = { 0, 1, 0xff, '\\', '\'', 0 };
	const uint8_t *got;
	size_t len;

	assert_int_equal(
	    DB_QUERY(NULL, fx->db, NULL,
		     "INSERT INTO t VALUES ($1, $2, $3, $4, $5::numeric), "
		     "(2, $6, $7, $8, NULL)",
		     P_I64(INT64_MIN), P_BYTES(raw, sizeof(raw)),
		     P_TEXT("o'hara \xc3\xa9"), P_BOOL(true),
		     P_TEXT("79228162514264337593543950335"), P_BYTES("", 0),
		     P_TEXT(NULL), P_NULL()),
	    ST_OK);
	assert_int_equal(
	    DB_QUERY(&r, fx->db, NULL, "SELECT * FROM t ORDER BY a"), ST_OK);
	assert_int_equal(db_rows(r), 2);
	assert_true(db_i64(r, 0, "a") == INT64_MIN);
	got = db_bytes(r, 0, "b", &len);
	assert_int_equal(len, sizeof(raw));
	assert_memory_equal(got, raw, len);
	assert_string_equal(db_text(r, 0, "c"), "o'hara \xc3\xa9");
	assert_true(db_bool(r, 0, "d"));
	assert_string_equal(db_text(r, 0, "e"),
			    "79228162514264337593543950335");
	assert_non_null(db_bytes(r, 1, "b", &len));
	assert_int_equal(len, 0);
	assert_true(db_is_null(r, 1, "c") && db_is_null(r, 1, "d"));
}

static void test_batch_is_one_transaction(void **state)
{
	struct fix *fx = *state;
	struct seen ok = { .fx = fx, .until = 9 };
	struct seen bad = { .fx = fx, .until = 9 };
	struct seen last = { .fx = fx, .until = 1 };
	struct db_batch *b = db_batch_new(fx->db);

	DB_ADD(b, "INSERT INTO t (a) VALUES ($1), ($2)", P_I64(1), P_I64(2));
	DB_ADD(b, "UPDATE t SET d = true");
	db_run(b, done, &ok);
	b = db_batch_new(fx->db);
	DB_ADD(b, "INSERT INTO t (a) VALUES (3)");
	DB_ADD(b, "INSERT INTO t (a) VALUES (1)"); /* duplicate */
	DB_ADD(b, "INSERT INTO t (a) VALUES (4)");
	db_run(b, done, &bad);
	b = db_batch_new(fx->db);
	DB_ADD(b, "INSERT INTO t (a) VALUES (5)");
	db_run(b, done, &last);
	spin(fx);
	assert_int_equal(ok.calls, 1);
	assert_int_equal(ok.st, ST_OK);
	assert_int_equal(ok.n, 2);
	assert_int_equal(bad.calls, 1);
	assert_int_equal(bad.st, ST_REJECTED);
	assert_memory_equal(bad.msg, "23505: ", 7);
	assert_non_null(strstr(bad.msg, "(Key (a)=(1)"));
	assert_int_equal(last.st, ST_OK);
	assert_int_equal(count(fx), 3);
}

static void test_deferred_constraint_fails_the_commit(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 1 };
	struct seen after = { .fx = fx, .until = 1 };
	struct db_batch *b = db_batch_new(fx->db);
	struct err err;

	assert_int_equal(
	    db_exec(fx->db,
		    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t (a) "
		    "DEFERRABLE INITIALLY DEFERRED;"
		    "CREATE TABLE IF NOT EXISTS u (x bigint REFERENCES t (a) "
		    "DEFERRABLE INITIALLY DEFERRED)",
		    &err),
	    ST_OK);
	DB_ADD(b, "INSERT INTO u VALUES (77)");
	db_run(b, done, &s);
	spin(fx);
	assert_int_equal(s.st, ST_REJECTED);
	assert_memory_equal(s.msg, "23503: ", 7);
	b = db_batch_new(fx->db);
	DB_ADD(b, "INSERT INTO t (a) VALUES (6)");
	db_run(b, done, &after);
	spin(fx);
	assert_int_equal(after.st, ST_OK);
	assert_int_equal(db_exec(fx->db, "DROP TABLE u", &err), ST_OK);
}

static void test_copy_in_a_batch(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 2 };
	AUTO_BUF rows = BUF_NULL;
	static char big[1000];
	struct db_batch *b = db_batch_new(fx->db);

	memset(big, 0xee, sizeof(big));
	buf_init(&rows, 64UL << 20);
	for (int64_t i = 0; i < 20000; i++)
		tuple(&rows, i, big, sizeof(big));
	DB_ADD(b, "DELETE FROM t");
	db_add_copy(b, "COPY t (a, b) FROM STDIN (FORMAT binary)", &rows);
	DB_ADD(b, "UPDATE t SET d = true WHERE a < $1", P_I64(10));
	db_run(b, done, &s);
	b = db_batch_new(fx->db);
	DB_ADD(b, "DELETE FROM t WHERE a = 0");
	db_run(b, done, &s);
	spin(fx);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.st, ST_OK);
	assert_int_equal(count(fx), 19999);
}

static void test_refused_copy_keeps_nothing(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 1 };
	AUTO_BUF rows = BUF_NULL;
	struct db_batch *b = db_batch_new(fx->db);

	buf_init(&rows, 1000);
	tuple(&rows, 1, "x", 1);
	tuple(&rows, 1, "y", 1); /* duplicate */
	DB_ADD(b, "INSERT INTO t (a) VALUES (9)");
	db_add_copy(b, "COPY t (a, b) FROM STDIN (FORMAT binary)", &rows);
	DB_ADD(b, "INSERT INTO t (a) VALUES (10)");
	db_run(b, done, &s);
	spin(fx);
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.st, ST_REJECTED);
	assert_int_equal(count(fx), 0);
}

static void test_blocking_after_async(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 50 };
	AUTO(db_result) struct db_result *r = NULL;
	struct err err;

	for (int64_t i = 0; i < 50; i++) {
		struct db_batch *b = db_batch_new(fx->db);

		DB_ADD(b, "INSERT INTO t (a) VALUES ($1)", P_I64(i));
		db_run(b, done, &s);
	}
	assert_int_equal(count(fx), 50); /* in order, after all of them */
	assert_int_equal(s.calls, 0);    /* callbacks come from the loop */
	assert_int_equal(DB_QUERY(&r, fx->db, &err, "SELEC 1"), ST_REJECTED);
	assert_memory_equal(err.msg, "42601: ", 7);
	spin(fx);
	assert_int_equal(s.calls, 50);
	assert_int_equal(s.st, ST_OK);
}

static void test_statement_timeout_is_transient(void **state)
{
	struct fix *fx = *state;
	struct err err;

	assert_int_equal(db_exec(fx->db, "SET statement_timeout = 50", &err),
			 ST_OK);
	assert_int_equal(DB_QUERY(NULL, fx->db, &err, "SELECT pg_sleep(5)"),
			 ST_TRANSIENT);
	assert_memory_equal(err.msg, "57014: ", 7);
}

static void test_serialization_failure_says_again(void **state)
{
	struct fix *fx = *state;
	struct err err;

	assert_int_equal(
	    DB_QUERY(NULL, fx->db, &err,
		     "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = "
		     "'40001'; END $$"),
	    ST_AGAIN);
}

static void on_note(void *arg, const char *payload)
{
	struct seen *s = arg;

	snprintf(s->msg, sizeof(s->msg), "%s", payload);
	uv_stop(&s->fx->loop);
}

static void test_listen(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx };
	struct db_batch *b;

	db_listen(fx->db, "chain_block", on_note, &s);
	b = db_batch_new(fx->db);
	DB_ADD(b, "SELECT pg_notify('chain_block', $1::bigint::text)",
	       P_I64(42));
	db_run(b, NULL, NULL);
	spin(fx);
	assert_string_equal(s.msg, "42");
}

static void on_lost(void *arg, const struct err *err)
{
	struct seen *s = arg;

	assert_int_equal(err->status, ST_TRANSIENT);
	s->value++;
	uv_stop(&s->fx->loop);
}

static void test_lost_connection(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 99 };
	struct seen late = { .fx = fx, .until = 1 };
	struct db_batch *b = db_batch_new(fx->db);
	struct err err;

	db_on_lost(fx->db, on_lost, &s);
	DB_ADD(b, "SELECT pg_terminate_backend(pg_backend_pid())");
	db_run(b, done, &s);
	b = db_batch_new(fx->db);
	DB_ADD(b, "INSERT INTO t (a) VALUES (1)");
	db_run(b, done, &s);
	spin(fx);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.st, ST_TRANSIENT);
	assert_int_equal(s.value, 1);
	b = db_batch_new(fx->db);
	DB_ADD(b, "SELECT 1");
	db_run(b, done, &late);
	spin(fx);
	assert_int_equal(late.st, ST_TRANSIENT);
	assert_int_equal(DB_QUERY(NULL, fx->db, &err, "SELECT 1"),
			 ST_TRANSIENT);
	assert_int_equal(s.value, 1);
}

/* What each of many joined batches saw: its transaction, its outcome. */
struct joined {
	struct fix *fx;
	enum status st;
	int calls, *left;
	int64_t xid;
	char msg[400];
};

static void joined_done(void *arg, enum status st,
			const struct db_result *const *results, size_t n,
			const struct err *err)
{
	struct joined *j = arg;

	j->calls++;
	j->st = st;
	if (st == ST_OK) {
		assert_int_equal(n, 2);
		j->xid = db_i64(results[1], 0, "xid");
	} else {
		snprintf(j->msg, sizeof(j->msg), "%s", err->msg);
	}
	if (--*j->left == 0)
		uv_stop(&j->fx->loop);
}

/* Batch i inserts @keys[i]. */
static void run_joined(struct fix *fx, struct joined *all, const int64_t *keys,
		       int n, int *left)
{
	*left = n;
	for (int i = 0; i < n; i++) {
		struct db_batch *b = db_batch_new(fx->db);

		all[i] = (struct joined){ .fx = fx, .left = left };
		DB_ADD(b, "INSERT INTO t (a) VALUES ($1)", P_I64(keys[i]));
		DB_ADD(b, "SELECT txid_current() AS xid");
		db_run_joined(b, joined_done, &all[i]);
	}
	spin(fx);
}

#define JOINED 40

static void test_joined_batches_commit_together(void **state)
{
	struct fix *fx = *state;
	struct joined all[JOINED];
	int64_t keys[JOINED], different = 1;
	int left;

	for (int i = 0; i < JOINED; i++)
		keys[i] = i;
	run_joined(fx, all, keys, JOINED, &left);
	for (int i = 0; i < JOINED; i++) {
		assert_int_equal(all[i].calls, 1);
		assert_int_equal(all[i].st, ST_OK);
		different += i && all[i].xid != all[i - 1].xid;
	}
	assert_int_equal(different, 2); /* 32 and 8 */
	assert_int_equal(count(fx), JOINED);
}

static void test_a_joined_batch_fails_alone(void **state)
{
	struct fix *fx = *state;
	struct joined all[JOINED];
	int64_t keys[JOINED];
	int left;

	for (int i = 0; i < JOINED; i++)
		keys[i] = i == 7 ? 3 : i == 35 ? 33 : i;
	run_joined(fx, all, keys, JOINED, &left);
	for (int i = 0; i < JOINED; i++) {
		assert_int_equal(all[i].calls, 1);
		assert_int_equal(all[i].st,
				 i == 7 || i == 35 ? ST_REJECTED : ST_OK);
	}
	assert_memory_equal(all[7].msg, "23505: ", 7);
	assert_int_equal(count(fx), JOINED - 2);
}

static void test_joined_batches_of_a_lost_connection(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = JOINED };

	for (int i = 0; i < JOINED; i++) {
		struct db_batch *b = db_batch_new(fx->db);

		if (i == 5)
			DB_ADD(b, "SELECT pg_terminate_backend("
				  "pg_backend_pid())");
		DB_ADD(b, "INSERT INTO t (a) VALUES ($1)", P_I64(i));
		db_run_joined(b, done, &s);
	}
	spin(fx);
	assert_int_equal(s.calls, JOINED);
	assert_int_equal(s.st, ST_TRANSIENT);
}

static void close_in_done(void *arg, enum status st,
			  const struct db_result *const *results, size_t n,
			  const struct err *err)
{
	struct fix *fx = arg;

	(void)results;
	(void)n;
	(void)err;
	assert_int_equal(st, ST_OK);
	db_close(STEAL(fx->db));
}

static void test_close_inside_a_callback(void **state)
{
	struct fix *fx = *state;
	struct seen s = { .fx = fx, .until = 1 };
	struct db_batch *b = db_batch_new(fx->db);

	DB_ADD(b, "SELECT 1");
	db_run(b, close_in_done, fx);
	b = db_batch_new(fx->db);
	DB_ADD(b, "SELECT 2");
	db_run(b, done, &s);
	spin(fx);
	assert_int_equal(s.calls, 0); /* dropped */
	assert_null(fx->db);
}

static void test_lock_is_exclusive(void **state)
{
	struct fix *fx = *state;
	AUTO(db) struct db *other = NULL;
	struct err err;

	assert_int_equal(db_open(&other, NULL, &opts, &err), ST_OK);
	assert_int_equal(db_try_lock(fx->db, 7, &err), ST_OK);
	assert_int_equal(db_try_lock(other, 7, &err), ST_AGAIN);
	assert_int_equal(db_try_lock(other, 8, &err), ST_OK);
}

static void test_open_errors_hide_the_url(void **state)
{
	static const struct {
		const char *url;
		enum status st;
	} cases[] = {
		{ "postgresql://u:s3cret@127.0.0.1:1/x", ST_TRANSIENT },
		{ "postgresql://u:s3cret@[::1/x", ST_REJECTED },
		{ "postgresql://u:1/s3cret@h/x", ST_TRANSIENT },
		{ "host='s3cret", ST_REJECTED },
		{ "s3cret", ST_TRANSIENT },
		{ "postgresql://u@h:s3cret/x", ST_REJECTED },
	};
	struct db_opts o = opts;
	struct err err = { 0 };
	struct db *db = NULL;

	(void)state;
	o.connect_timeout_s = 2;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum status st;

		o.url = cases[i].url;
		st = db_open(&db, NULL, &o, &err);
		assert_int_not_equal(st, ST_OK);
		if (i == 1 || i == 3) /* the parser refuses these */
			assert_int_equal(st, cases[i].st);
		if (i != 4) /* a bare word is a database name */
			assert_null(strstr(err.msg, "s3cret"));
		if (i == 0)
			assert_non_null(
			    strstr(err.msg, "127.0.0.1 port 1 (database x)"));
	}
}

static void test_no_such_database(void **state)
{
	char url[300];
	struct db_opts o = opts;
	struct db *db = NULL;
	struct err err;

	(void)state;
	snprintf(url, sizeof(url), "%s&dbname=nowhere", opts.url);
	o.url = url;
	assert_int_equal(db_open(&db, NULL, &o, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "\"nowhere\" does not exist"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_params_round_trip),
		T(test_batch_is_one_transaction),
		T(test_deferred_constraint_fails_the_commit),
		T(test_copy_in_a_batch),
		T(test_refused_copy_keeps_nothing),
		T(test_blocking_after_async),
		T(test_statement_timeout_is_transient),
		T(test_serialization_failure_says_again),
		T(test_listen),
		T(test_lost_connection),
		T(test_joined_batches_commit_together),
		T(test_a_joined_batch_fails_alone),
		T(test_joined_batches_of_a_lost_connection),
		T(test_close_inside_a_callback),
		T(test_lock_is_exclusive),
		T(test_open_errors_hide_the_url),
		T(test_no_such_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
