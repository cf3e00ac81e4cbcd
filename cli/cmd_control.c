/*
 * chaincast pause and resume: an operator's word to the bridge, by way of
 * Postgres. Asks neither chain nor provider.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"

static enum status open_db(struct db **db, struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	enum status st = cli_config(&c, cli, err);

	return st == ST_OK ? cli_database(db, c, true, err) : st;
}

static enum status run_pause(struct cli *cli, struct err *err)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	const char *why = cli_opt(cli, "why");
	enum status st = open_db(&db, cli, err);

	if (st == ST_OK)
		st = DB_QUERY(&r, db, err, "select bridge.pause($1)",
			      P_TEXT(why ? why : "no reason given"));
	if (st != ST_OK)
		return st;
	if (cli->json)
		printf("{\"paused\":true}\n");
	else
		printf("paused: no room is worked on until chaincast resume\n");
	return ST_OK;
}

static enum status run_resume(struct cli *cli, struct err *err)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *was = NULL, *r = NULL;
	int64_t minutes = 0;
	bool paused, tripped;
	enum status st = cli_number(&minutes, cli, "minutes", 0, 1440, err);

	if (st == ST_OK)
		st = open_db(&db, cli, err);
	if (st == ST_OK)
		st = DB_QUERY(&was, db, err,
			      "select paused_at is not null as paused,"
			      " tripped_at is not null as tripped,"
			      " coalesce(tripped_why, '') as why"
			      " from bridge.control");
	if (st == ST_OK)
		st = DB_QUERY(&r, db, err, "select bridge.resume($1::integer)",
			      P_I64(minutes));
	if (st != ST_OK)
		return st;
	paused = db_rows(was) && db_bool(was, 0, "paused");
	tripped = db_rows(was) && db_bool(was, 0, "tripped");
	if (cli->json) {
		printf("{\"was_paused\":%s,\"was_tripped\":%s,"
		       "\"minutes\":%" PRId64 "}\n",
		       paused ? "true" : "false", tripped ? "true" : "false",
		       minutes);
		return ST_OK;
	}
	printf("resumed%s%s%s\n", paused ? ", was paused" : "",
	       tripped ? ", was stopped by: " : "",
	       tripped ? db_text(was, 0, "why") : "");
	if (minutes)
		printf("for %" PRId64 " minutes nothing trips the breaker\n",
		       minutes);
	return ST_OK;
}

const struct command cmd_control[] = {
	{ "pause", "[--why TEXT] -c FILE",
	  "the bridge works on no room until resume", "why", NULL, run_pause },
	{ "resume", "[--minutes N] -c FILE",
	  "the bridge goes on after a pause or its breaker; for N minutes it "
	  "also does what no event explains",
	  "minutes", NULL, run_resume },
	{ 0 },
};
