/*
 * chaincast webhook: what was told to whom, and telling it again. It sends
 * nothing itself: the bridge does.
 */
#include <cjson/cJSON.h>
#include <stdio.h>

#include "cli/cli.h"
#include "db/db.h"

static const char *const columns[] = {
	"event_id", "type",     "room",        "happened_at", "endpoint",
	"state",    "attempts", "http_status", "error",
};

static void print_row(const struct db_result *r, size_t row, bool json)
{
	cJSON *o = json ? cJSON_CreateObject() : NULL;
	AUTO_FREE char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const char *v = db_is_null(r, row, columns[i])
				    ? NULL
				    : db_text(r, row, columns[i]);

		if (json && v)
			cJSON_AddStringToObject(o, columns[i], v);
		else if (json)
			cJSON_AddNullToObject(o, columns[i]);
		else
			printf("%s%s", i ? "\t" : "", v ? v : "-");
	}
	if (json)
		text = cJSON_PrintUnformatted(o);
	printf("%s\n", text ? text : "");
	cJSON_Delete(o);
}

static enum status open_database(struct db **db, struct cli *cli,
				 struct err *err)
{
	AUTO(config) struct config *c = NULL;
	enum status st = cli_config(&c, cli, err);

	return st == ST_OK ? cli_database(db, c, true, err) : st;
}

static enum status run_list(struct cli *cli, struct err *err)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	int64_t limit = 50;
	enum status st = cli_number(&limit, cli, "limit", 1, 100000, err);

	if (st == ST_OK)
		st = open_database(&db, cli, err);
	if (st == ST_OK)
		st = DB_QUERY(&r, db, err,
			      "select event_id, type, room_id::text as room,"
			      " happened_at, endpoint, state, attempts,"
			      " http_status, error from analytics.webhooks"
			      " where ($1::text is null or state = $1)"
			      " and ($2::text is null or room_id = $2::numeric)"
			      " order by happened_at desc, event_id limit $3",
			      P_TEXT(cli_opt(cli, "state")),
			      P_TEXT(cli_opt(cli, "room")), P_I64(limit));
	for (size_t i = 0; st == ST_OK && i < db_rows(r); i++)
		print_row(r, i, cli->json);
	return st;
}

static enum status run_resend(struct cli *cli, struct err *err)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;
	int64_t n;

	if (cli->argc != 1)
		return err_set(err, ST_REJECTED, "one event id is needed");
	st = open_database(&db, cli, err);
	if (st == ST_OK)
		st = DB_QUERY(&r, db, err,
			      "select bridge.webhook_resend($1) as n",
			      P_TEXT(cli->args[0]));
	if (st != ST_OK)
		return st;
	n = db_i64(r, 0, "n");
	if (n == 0)
		return err_set(err, ST_REJECTED, "no event %.80s",
			       cli->args[0]);
	if (cli->json)
		printf("{\"event_id\":\"%s\",\"deliveries\":%lld}\n",
		       cli->args[0], (long long)n);
	else
		printf("%s is sent again, deliveries=%lld\n", cli->args[0],
		       (long long)n);
	return ST_OK;
}

const struct command cmd_webhook[] = {
	{ "webhook list", "-c FILE [--state STATE] [--room ID] [--limit N]",
	  "what was told to whom, and how that went, newest first",
	  "state room limit", NULL, run_list },
	{ "webhook resend", "-c FILE EVENT", "tell an event again", NULL, NULL,
	  run_resend },
	{ 0 },
};
