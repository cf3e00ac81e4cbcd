/*
 * The other connection: prints each notification of the indexer's commits with
 * the monotonic time at which it came, "NUMBER NANOSECONDS" a line. A first
 * line "ready" says that nothing is missed from then on. Writes nothing to the
 * database.
 *
 *	bench-listen DATABASE-URL
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "db/db.h"

#define CHANNEL "chain_block"

static void on_notify(void *arg, const char *payload)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("%s %" PRIu64 "\n", payload,
	       (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
	fflush(stdout);
}

static void on_lost(void *arg, const struct err *err)
{
	(void)arg;
	fprintf(stderr, "bench-listen: %s\n", err->msg);
	exit(1);
}

/* Batches run in order, so the channel is listened to when this one is done. */
static void on_ready(void *arg, enum status st,
		     const struct db_result *const *results, size_t n,
		     const struct err *err)
{
	(void)arg;
	(void)results;
	(void)n;
	if (st != ST_OK) {
		fprintf(stderr, "bench-listen: %s\n", err->msg);
		exit(1);
	}
	puts("ready");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	struct db_batch *b;
	struct err err;
	struct db *db;
	struct db_opts opts = {
		.url = argc == 2 ? argv[1] : "",
		.application_name = "bench-listen",
		.connect_timeout_s = 10,
		.statement_timeout_ms = 10000,
	};

	if (argc != 2) {
		fprintf(stderr, "usage: bench-listen DATABASE-URL\n");
		return 2;
	}
	if (db_open(&db, loop, &opts, &err) != ST_OK) {
		fprintf(stderr, "bench-listen: %s\n", err.msg);
		return 1;
	}
	db_on_lost(db, on_lost, NULL);
	db_listen(db, CHANNEL, on_notify, NULL);
	b = db_batch_new(db);
	DB_ADD(b, "select 1");
	db_run(b, on_ready, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	return 1;
}
