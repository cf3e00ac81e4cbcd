/*
 * chaincast digest: what two databases of one chain compare by, a line for
 * each range of blocks. Reads Postgres alone and changes nothing.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "db/db.h"

#define RANGE_DEFAULT 10000
#define RANGES_MAX    100000

struct span {
	int64_t from, to, range;
};

/* Where history begins and ends, unless the command line says otherwise. */
static enum status get_span(struct span *s, const struct cli *cli,
			    struct db *db, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;

	st = DB_QUERY(&r, db, err,
		      "select number, start_block from chain.cursor");
	if (st != ST_OK)
		return st;
	if (db_rows(r) != 1 || db_is_null(r, 0, "number"))
		return err_set(err, ST_REJECTED, "nothing is indexed yet");
	s->from = db_i64(r, 0, "start_block");
	s->to = db_i64(r, 0, "number");
	s->range = RANGE_DEFAULT;
	st = cli_number(&s->from, cli, "from", 0, INT64_MAX, err);
	if (st == ST_OK)
		st = cli_number(&s->to, cli, "to", 0, INT64_MAX, err);
	if (st == ST_OK)
		st = cli_number(&s->range, cli, "range", 1, INT64_C(1) << 53,
				err);
	if (st != ST_OK)
		return st;
	if (s->to > db_i64(r, 0, "number"))
		return err_set(err, ST_REJECTED,
			       "--to %" PRId64
			       ": blocks are indexed to %" PRId64 " only",
			       s->to, db_i64(r, 0, "number"));
	if (s->from > s->to)
		return err_set(err, ST_REJECTED,
			       "--from %" PRId64 " is above --to %" PRId64,
			       s->from, s->to);
	if ((s->to - s->from) / s->range >= RANGES_MAX)
		return err_set(err, ST_REJECTED,
			       "more than %d ranges: choose a larger --range",
			       RANGES_MAX);
	return ST_OK;
}

/* One statement, so one snapshot, whatever an indexer does meanwhile. The last
 * row is the total, from_block null. */
static enum status query(struct db_result **out, struct db *db,
			 const struct span *s, bool tables, struct err *err)
{
	static const char ranges[] =
	    "with r as materialized (select f, least(f + $3::bigint - 1, "
	    "$2::bigint) as t, d.* from generate_series($1::bigint, "
	    "$2::bigint, $3::bigint) f, lateral chain.digest(f, least(f + "
	    "$3::bigint - 1, $2::bigint)) d) "
	    "select f as from_block, t as to_block, null as table_name, "
	    "row_count, encode(digest, 'hex') as digest, "
	    "(select number from chain.cursor) as number from r union all "
	    "select null, null, null, sum(row_count)::bigint, "
	    "encode(sha256(string_agg(digest, '' order by f)), 'hex'), "
	    "(select number from chain.cursor) from r "
	    "order by from_block nulls last";
	static const char by_table[] =
	    "with r as materialized (select f, least(f + $3::bigint - 1, "
	    "$2::bigint) as t, d.* from generate_series($1::bigint, "
	    "$2::bigint, $3::bigint) f, lateral chain.digest_tables(f, "
	    "least(f + $3::bigint - 1, $2::bigint)) d) "
	    "select f as from_block, t as to_block, table_name, row_count, "
	    "encode(digest, 'hex') as digest, "
	    "(select number from chain.cursor) as number from r union all "
	    "select null, null, null, coalesce(sum(row_count), 0)::bigint, "
	    "encode(sha256(coalesce(string_agg(digest, '' order by f, "
	    "table_name collate \"C\"), '')), 'hex'), "
	    "(select number from chain.cursor) from r "
	    "order by from_block nulls last, table_name";

	return DB_QUERY(out, db, err, tables ? by_table : ranges,
			P_I64(s->from), P_I64(s->to), P_I64(s->range));
}

static void print_text(const struct db_result *r)
{
	for (size_t i = 0; i < db_rows(r); i++) {
		if (db_is_null(r, i, "from_block"))
			printf("total");
		else
			printf("%s %s", db_text(r, i, "from_block"),
			       db_text(r, i, "to_block"));
		if (!db_is_null(r, i, "table_name"))
			printf(" %s", db_text(r, i, "table_name"));
		printf(" %s %s\n", db_text(r, i, "row_count"),
		       db_text(r, i, "digest"));
	}
}

static void add_digest(cJSON *o, const struct db_result *r, size_t i)
{
	cJSON_AddNumberToObject(o, "rows", (double)db_i64(r, i, "row_count"));
	cJSON_AddStringToObject(o, "digest", db_text(r, i, "digest"));
}

static void print_json(const struct db_result *r, const struct span *s)
{
	cJSON *all = cJSON_CreateObject();
	cJSON *list;
	size_t total = db_rows(r) - 1;
	AUTO_FREE char *text = NULL;

	cJSON_AddNumberToObject(all, "from", (double)s->from);
	cJSON_AddNumberToObject(all, "to", (double)s->to);
	add_digest(all, r, total);
	list = cJSON_AddArrayToObject(all, "ranges");
	for (size_t i = 0; i < total; i++) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddNumberToObject(o, "from",
					(double)db_i64(r, i, "from_block"));
		cJSON_AddNumberToObject(o, "to",
					(double)db_i64(r, i, "to_block"));
		if (!db_is_null(r, i, "table_name"))
			cJSON_AddStringToObject(o, "table",
						db_text(r, i, "table_name"));
		add_digest(o, r, i);
		cJSON_AddItemToArray(list, o);
	}
	text = mem_check(cJSON_PrintUnformatted(all));
	printf("%s\n", text);
	cJSON_Delete(all);
}

static enum status run_digest(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	struct span s;
	enum status st = cli_config(&c, cli, err);

	if (st == ST_OK) /* years of rows take longer than a statement may */
		st = cli_database(&db, c, false, err);
	if (st == ST_OK)
		st = get_span(&s, cli, db, err);
	if (st == ST_OK)
		st = query(&r, db, &s, cli_flag(cli, "tables"), err);
	if (st != ST_OK)
		return st;
	if (db_is_null(r, 0, "number") || db_i64(r, 0, "number") < s.to)
		return err_set(err, ST_AGAIN,
			       "blocks were rolled back meanwhile: run it "
			       "again");
	if (cli->json)
		print_json(r, &s);
	else
		print_text(r);
	return ST_OK;
}

const struct command cmd_digest[] = {
	{ "digest", "[--from N] [--to M] [--range R] [--tables] -c FILE",
	  "rows and SHA-256 of each R blocks' events: equal in two databases "
	  "of one chain",
	  "from to range", "tables", run_digest },
	{ 0 },
};
