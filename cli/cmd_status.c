/*
 * chaincast status: where indexer and bridge are, read from Postgres alone.
 * Changes nothing and calls nobody else.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "db/db.h"

/* Each query yields name and value; a null value is not known yet. */
static const struct {
	const char *title, *sql;
} parts[] = {
	{ "chain",
	  "SELECT v.name, v.value FROM chain.cursor c, LATERAL (VALUES "
	  "('chain_id', c.chain_id::text), ('indexed', c.number::text), "
	  "('head', c.head_number::text), "
	  "('lag_blocks', (c.head_number - c.number)::text), "
	  "('missing_blocks', chain.missing_blocks()::text), "
	  "('age_s', extract(epoch FROM now() - c.updated_at)::bigint::text)"
	  ") AS v (name, value)" },
	{ "rooms", "SELECT state AS name, count(*)::text AS value "
		   "FROM analytics.rooms GROUP BY state ORDER BY state" },
	{ "live_inputs",
	  "SELECT state AS name, count(*)::text AS value "
	  "FROM bridge.live_input GROUP BY state ORDER BY state" },
	{ "outbox", "SELECT state AS name, count(*)::text AS value "
		    "FROM bridge.outbox GROUP BY state ORDER BY state" },
	{ "bridge",
	  "SELECT v.name, v.value FROM bridge.control c, LATERAL (VALUES "
	  "('paused', (c.paused_at IS NOT NULL)::int::text), "
	  "('paused_why', c.paused_why), "
	  "('tripped', (c.tripped_at IS NOT NULL)::int::text), "
	  "('tripped_why', c.tripped_why)) AS v (name, value) "
	  "WHERE v.value IS NOT NULL" },
	{ "refusals",
	  "SELECT v.name, v.value FROM (SELECT "
	  "count(*) FILTER (WHERE sent_at IS NULL) AS noted, "
	  "count(sent_at) AS sent, coalesce(sum(gas) FILTER (WHERE sent_at > "
	  "now() - interval '1 day'), 0) AS gas FROM bridge.refusal) r, "
	  "LATERAL (VALUES ('noted', r.noted::text), ('sent', r.sent::text), "
	  "('gas_today', r.gas::text)) AS v (name, value)" },
	{ "transactions",
	  "SELECT 'pending' AS name, count(*)::text AS value FROM bridge.tx "
	  "WHERE state IN ('signed', 'accepted')" },
};

/* One row a signing key: those of the bridge that leads, or led last. */
static const char keys_sql[] =
    "SELECT '0x' || encode(l.signer, 'hex') AS key, v.name, v.value "
    "FROM bridge.lane l CROSS JOIN LATERAL (SELECT "
    "count(*) FILTER (WHERE state IN ('signed', 'accepted')) AS pending, "
    "count(*) FILTER (WHERE state = 'mined') AS mined, "
    "coalesce(sum(entries), 0) AS entries FROM bridge.tx t "
    "WHERE t.signer = l.signer AND t.state IN ('signed', 'accepted', "
    "'mined')) n CROSS JOIN LATERAL (VALUES (1, 'state', l.state), "
    "(2, 'balance', round(l.balance_wei / 1e18, 6)::text), "
    "(3, 'next_nonce', (SELECT (max(t.nonce) + 1)::text FROM bridge.tx t "
    "WHERE t.signer = l.signer)), (4, 'pending', n.pending::text), "
    "(5, 'mined', n.mined::text), (6, 'entries', n.entries::text)) "
    "AS v (place, name, value) ORDER BY l.signer, v.place";

static bool is_number(const char *text)
{
	size_t sign = *text == '-';

	return text[sign] && strlen(text) < 18 &&
	       strspn(text + sign, "0123456789") == strlen(text + sign);
}

static void add_value(cJSON *part, const struct db_result *r, size_t row)
{
	const char *name = db_text(r, row, "name");

	if (db_is_null(r, row, "value"))
		cJSON_AddNullToObject(part, name);
	else if (is_number(db_text(r, row, "value")))
		cJSON_AddNumberToObject(part, name,
					(double)db_i64(r, row, "value"));
	else
		cJSON_AddStringToObject(part, name, db_text(r, row, "value"));
}

static enum status add_keys(cJSON *out, struct db *db, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	cJSON *keys;
	enum status st = DB_QUERY(&r, db, err, keys_sql);

	if (st != ST_OK)
		return st;
	keys = cJSON_AddObjectToObject(out, "keys");
	for (size_t row = 0; row < db_rows(r); row++) {
		const char *who = db_text(r, row, "key");
		cJSON *key = cJSON_GetObjectItem(keys, who);

		if (!key)
			key = cJSON_AddObjectToObject(keys, who);
		add_value(key, r, row);
	}
	return ST_OK;
}

static enum status add_part(cJSON *out, struct db *db, size_t i,
			    struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	cJSON *part;
	enum status st = DB_QUERY(&r, db, err, parts[i].sql);

	if (st != ST_OK)
		return st;
	part = cJSON_AddObjectToObject(out, parts[i].title);
	for (size_t row = 0; row < db_rows(r); row++)
		add_value(part, r, row);
	return ST_OK;
}

static void print_part(const char *kind, const cJSON *part)
{
	const cJSON *v;

	printf("%s%s:", kind, part->string);
	if (!part->child)
		printf(" none");
	cJSON_ArrayForEach(v, part)
	{
		if (cJSON_IsNull(v))
			printf(" %s=-", v->string);
		else if (cJSON_IsString(v))
			printf(" %s=\"%s\"", v->string, v->valuestring);
		else
			printf(" %s=%.0f", v->string, v->valuedouble);
	}
	printf("\n");
}

static void print_text(const cJSON *all)
{
	const cJSON *part, *key;

	cJSON_ArrayForEach(part, all)
	{
		if (strcmp(part->string, "keys") != 0 || !part->child)
			print_part("", part);
		else
			cJSON_ArrayForEach(key, part) print_part("key ", key);
	}
}

static enum status run_status(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	AUTO(db) struct db *db = NULL;
	cJSON *all;
	enum status st = cli_config(&c, cli, err);

	if (st != ST_OK)
		return st;
	st = cli_database(&db, c, true, err);
	if (st != ST_OK)
		return st;
	all = cJSON_CreateObject();
	for (size_t i = 0; st == ST_OK && i < ARRAY_SIZE(parts); i++)
		st = add_part(all, db, i, err);
	if (st == ST_OK)
		st = add_keys(all, db, err);
	if (st == ST_OK && cli->json) {
		AUTO_FREE char *text = cJSON_PrintUnformatted(all);

		printf("%s\n", text);
	} else if (st == ST_OK) {
		print_text(all);
	}
	cJSON_Delete(all);
	return st;
}

const struct command cmd_status[] = {
	{ "status", "-c FILE", "where indexer and bridge are, from Postgres",
	  NULL, NULL, run_status },
	{ 0 },
};
