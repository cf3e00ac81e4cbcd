/*
 * chaincast migrate: brings the database to this binary's schema. Prints each
 * file before it runs, so that a failure stands under its name.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "db/migrate.h"

static void print_file(void *arg, const char *file)
{
	const struct cli *cli = arg;

	if (cli->json)
		printf("{\"applying\":\"%s\"}\n", file);
	else
		printf("applying %s\n", file);
	fflush(stdout);
}

static enum status run_migrate(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	AUTO(db) struct db *db = NULL;
	struct migrate_state s;
	enum status st = cli_config(&c, cli, err);

	if (st != ST_OK)
		return st;
	/* A migration may rewrite a large table: no statement timeout. */
	st = cli_database(&db, c, false, err);
	if (st == ST_OK)
		st = migrate_apply(db, print_file, cli, err);
	if (st == ST_OK)
		st = migrate_check(&s, db, err);
	if (st != ST_OK)
		return st;
	if (cli->json)
		printf("{\"version\":%" PRId64 "}\n", s.have);
	else
		printf("the database is at version %" PRId64 "\n", s.have);
	return ST_OK;
}

const struct command cmd_migrate[] = {
	{ "migrate", "-c FILE", "bring the database to this version's schema",
	  NULL, NULL, run_migrate },
	{ 0 },
};
