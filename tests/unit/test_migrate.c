/*
 * The embedded migrations against a real server, each test in a database of
 * its own. Needs CX_TEST_DATABASE (tests/lib/pg.sh run …).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/embedded.h"
#include "db/migrate.h"

static char url[400];

static struct db *open_db(void)
{
	struct db_opts opts = { .url = url,
				.application_name = "test",
				.connect_timeout_s = 5 };
	struct db *db = NULL;
	struct err err;

	if (db_open(&db, NULL, &opts, &err) != ST_OK)
		fail_msg("%s", err.msg);
	return db;
}

static void must(struct db *db, const char *sql)
{
	struct err err;

	if (DB_QUERY(NULL, db, &err, sql) != ST_OK)
		fail_msg("%s: %s", sql, err.msg);
}

static int64_t number(struct db *db, const char *sql)
{
	AUTO(db_result) struct db_result *r = NULL;
	struct err err;

	if (DB_QUERY(&r, db, &err, sql) != ST_OK)
		fail_msg("%s: %s", sql, err.msg);
	return db_i64(r, 0, "n");
}

/* DROP and CREATE DATABASE are refused inside a transaction: psql does it. */
static void psql(const char *server, const char *sql)
{
	pid_t pid = fork();
	int status = -1;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		execlp("psql", "psql", "-X", "-q", "-d", server, "-c",
		       "SET client_min_messages = error", "-c", sql,
		       (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	const char *server = getenv("CX_TEST_DATABASE");

	if (!server)
		fail_msg("CX_TEST_DATABASE is not set: run through "
			 "tests/lib/pg.sh run");
	snprintf(url, sizeof(url), "%s&dbname=test_migrate", server);
	psql(server, "DROP DATABASE IF EXISTS test_migrate WITH (FORCE)");
	psql(server, "CREATE DATABASE test_migrate");
	*state = open_db();
	return 0;
}

static int teardown(void **state)
{
	db_close(*state);
	psql(getenv("CX_TEST_DATABASE"),
	     "DROP DATABASE test_migrate WITH (FORCE)");
	return 0;
}

static void count_file(void *arg, const char *file)
{
	int *n = arg;

	assert_string_equal(file, migration_files[*n].name);
	(*n)++;
}

static void apply(struct db *db, int want)
{
	struct err err;
	int n = 0;

	if (migrate_apply(db, count_file, &n, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(n, want);
}

/* Both refuse with the same words, and nothing changes. */
static void refused(struct db *db, const char *want)
{
	static const char state[] =
	    "SELECT count(*) AS n FROM public.chaincast_migration";
	struct migrate_state s = { .have = -1 };
	int64_t before = number(db, state);
	struct err err = { 0 };
	int n = 0;

	assert_int_equal(migrate_check(&s, db, &err), ST_REJECTED);
	assert_int_equal(s.have, -1);
	if (!strstr(err.msg, want))
		fail_msg("\"%s\" does not hold \"%s\"", err.msg, want);
	assert_int_equal(migrate_apply(db, count_file, &n, &err), ST_REJECTED);
	if (!strstr(err.msg, want))
		fail_msg("\"%s\" does not hold \"%s\"", err.msg, want);
	assert_int_equal(n, 0);
	assert_int_equal(number(db, state), before);
}

static void test_applies_all_once(void **state)
{
	struct db *db = *state;
	struct migrate_state s;
	struct err err;

	assert_int_equal(migrate_check(&s, db, &err), ST_OK);
	assert_int_equal(s.have, 0);
	/* numbers may be left out */
	assert_int_equal(
	    s.newest,
	    strtoll(migration_files[migration_file_count - 1].name, NULL, 10));
	apply(db, (int)migration_file_count);
	assert_int_equal(migrate_check(&s, db, &err), ST_OK);
	assert_int_equal(s.have, s.newest);
	assert_int_equal(
	    number(db, "SELECT count(*) AS n FROM analytics.rooms"), 0);
	apply(db, 0);
}

static void test_goes_on_where_it_stopped(void **state)
{
	struct db *db = *state;
	struct migrate_state s;
	struct err err;
	int n = 0;

	must(db, "CREATE SCHEMA analytics"); /* is in the way of 0004 */
	must(db, "CREATE TABLE analytics.rooms ()");
	assert_int_equal(migrate_apply(db, count_file, &n, &err), ST_REJECTED);
	assert_int_equal(n, 4);
	assert_memory_equal(err.msg, "migration 0004_analytics.sql: ", 30);
	assert_int_equal(migrate_check(&s, db, &err), ST_OK);
	assert_int_equal(s.have, 3);
	must(db, "DROP SCHEMA analytics CASCADE");
	n = 3; /* the next file is 0004 again */
	assert_int_equal(migrate_apply(db, count_file, &n, &err), ST_OK);
	assert_int_equal(n, migration_file_count);
}

static void test_edited_file(void **state)
{
	struct db *db = *state;

	apply(db, (int)migration_file_count);
	must(db, "UPDATE public.chaincast_migration SET checksum = "
		 "repeat('0', 64) WHERE number = 2");
	refused(db, "migration 0002_registry_events.sql was edited");
}

static void test_newer_schema(void **state)
{
	struct db *db = *state;

	apply(db, (int)migration_file_count);
	must(db, "INSERT INTO public.chaincast_migration VALUES "
		 "(9000, '9000_future.sql', '')");
	refused(db, "newer (9000_future.sql)");
}

static void test_unknown_file(void **state)
{
	struct db *db = *state;

	apply(db, (int)migration_file_count);
	must(db, "INSERT INTO public.chaincast_migration VALUES "
		 "(0, '0000_gone.sql', '')");
	refused(db, "migration 0000_gone.sql was applied but is not");
}

static void test_file_that_came_too_late(void **state)
{
	struct db *db = *state;

	apply(db, (int)migration_file_count);
	must(db, "DELETE FROM public.chaincast_migration WHERE number = 3");
	refused(db, "migration 0003_bridge.sql was never applied");
}

/* Exits with how many files it applied, 99 on failure. */
static pid_t other_process(void)
{
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		struct db *db = open_db();
		struct err err;
		int n = 0;
		enum status st = migrate_apply(db, count_file, &n, &err);

		db_close(db);
		if (st != ST_OK)
			fprintf(stderr, "%s\n", err.msg);
		_exit(st == ST_OK ? n : 99);
	}
	return pid;
}

static void test_two_at_once(void **state)
{
	pid_t pids[4];
	int sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = other_process();
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status = 0;

		waitpid(pids[i], &status, 0);
		assert_true(WIFEXITED(status));
		assert_int_not_equal(WEXITSTATUS(status), 99);
		sum += WEXITSTATUS(status);
	}
	/* One did it all; count_file() checks the order from the first on. */
	assert_int_equal(sum, migration_file_count);
	apply(*state, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_applies_all_once), T(test_goes_on_where_it_stopped),
		T(test_edited_file),      T(test_newer_schema),
		T(test_unknown_file),     T(test_file_that_came_too_late),
		T(test_two_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
