/*
 * chaincast sweep --dry-run: which live inputs the bridge's sweep would delete,
 * from the provider's list as it is now and by the same rules. It deletes and
 * notes nothing.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "abi/hex.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "core/http.h"
#include "core/json.h"

#define LIST_BYTES_MAX (128UL << 20)

struct listing {
	enum status st;
	struct err err;
	cJSON *items; /* {uid, room, created} of those with our mark */
	bool complete;
};

static void keep_ours(struct listing *l, const cJSON *list, const char *mark)
{
	const cJSON *in,
	    *all = cJSON_GetObjectItemCaseSensitive(list, "liveInputs");
	const cJSON *total = cJSON_GetObjectItemCaseSensitive(list, "total");

	l->complete = cJSON_IsNumber(total) &&
		      total->valuedouble <= cJSON_GetArraySize(all);
	cJSON_ArrayForEach(in, all)
	{
		const cJSON *meta =
		    cJSON_GetObjectItemCaseSensitive(in, "meta");
		cJSON *item;

		if (strcmp(json_str_or(meta, "chaincast", ""), mark) != 0)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "uid",
					json_str_or(in, "uid", ""));
		cJSON_AddStringToObject(item, "room",
					json_str_or(meta, "room", ""));
		cJSON_AddStringToObject(item, "created",
					json_str_or(in, "created", ""));
		cJSON_AddItemToArray(l->items, item);
	}
}

struct asked {
	struct listing *l;
	const char *mark;
};

static void on_list(void *arg, enum status st, const struct http_response *res,
		    const struct err *err)
{
	struct asked *a = arg;
	AUTO_JSON cJSON *root = NULL;
	const cJSON *list;

	a->l->st = st;
	if (st != ST_OK) {
		a->l->err = *err;
		return;
	}
	if (res->code == 200)
		root = cJSON_ParseWithLength((const char *)res->body.data,
					     res->body.len);
	list = cJSON_GetObjectItemCaseSensitive(root, "result");
	if (!cJSON_IsObject(list))
		a->l->st = err_set(&a->l->err, ST_TRANSIENT,
				   "cloudflare: no list of live inputs (HTTP "
				   "%ld)",
				   res->code);
	else
		keep_ours(a->l, list, a->mark);
}

static void ask(struct listing *l, const struct config *c, const char *mark)
{
	struct asked a = { .l = l, .mark = mark };
	AUTO_SECRET_BUF auth = BUF_NULL;
	AUTO_BUF url = BUF_NULL;
	struct http *http;
	uv_loop_t loop;

	l->st = ST_AGAIN;
	buf_init(&auth, 4096);
	buf_init(&url, 4096);
	buf_printf(&auth, "Authorization: Bearer %s", c->cloudflare.api_token);
	buf_printf(&url,
		   "%s/accounts/%s/stream/live_inputs?include_counts=true",
		   c->cloudflare.api_url, c->cloudflare.account_id);
	if (uv_loop_init(&loop) != 0)
		abort();
	http = http_new(&loop, 1);
	http_start(http,
		   &(struct http_request){
		       .method = "GET",
		       .url = buf_str(&url),
		       .headers = (const char *const[]){ buf_str(&auth), NULL },
		       .timeout_ms = c->cloudflare.request_timeout_ms,
		       .max_response = LIST_BYTES_MAX },
		   on_list, &a);
	while (l->st == ST_AGAIN && uv_run(&loop, UV_RUN_ONCE))
		;
	http_free(http);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

/* 0: no endpoint tells, and so the bridge sweeps nothing either. */
static int64_t node_head(const struct config *c)
{
	AUTO(chain) struct chain *chain = NULL;
	AUTO_JSON cJSON *r = NULL;
	uint64_t head;
	struct err err;

	if (chain_open(&chain, c, &err) != ST_OK ||
	    chain_rpc(&r, chain, "eth_blockNumber", "[]", &err) != ST_OK ||
	    hex_quantity_u64(&head, cJSON_GetStringValue(r) ?: "",
			     "eth_blockNumber", &err) != ST_OK ||
	    head > INT64_MAX)
		return 0;
	return (int64_t)head;
}

static enum status is_fresh(bool *out, struct db *db, const struct config *c,
			    int64_t head, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(
	    &r, db, err, "select 1 from bridge.fresh($1, $2::integer, $3)",
	    P_TEXT(config_confirm_name(c)), P_I64(c->chain.confirmations),
	    P_I64(head));

	if (st == ST_OK)
		*out = db_rows(r) > 0;
	return st;
}

static enum status plan(struct db_result **out, struct db *db,
			const struct config *c, const struct listing *l,
			int64_t head, struct err *err)
{
	AUTO_FREE char *text = mem_check(cJSON_PrintUnformatted(l->items));

	return DB_QUERY(
	    out, db, err,
	    "with item as (select jsonb_agg(jsonb_build_object("
	    "  'uid', i.uid, 'room', i.room,"
	    "  'created', extract(epoch from i.created::timestamptz)::bigint))"
	    "  as list from jsonb_to_recordset($1::jsonb)"
	    "  as i(uid text, room text, created text)"
	    "  where i.uid ~ '^[0-9a-f]{32}$' and i.room ~ '^[0-9]{1,78}$'),"
	    " told as (select p.uid, p.room_id::text as room, p.reason,"
	    "   o.first_seen, o.tried_at, p.reason = 'no such room' as never,"
	    "   o.deleted_at is null and coalesce(o.seen, 0) >= 1 as twice"
	    "  from item, bridge.sweep_plan(coalesce(item.list, '[]'),"
	    "   $2::bigint, $3, $4::integer, $5) p"
	    "  left join bridge.orphan o on o.uid = p.uid)"
	    " select t.uid, t.room, t.reason, case when not t.twice then 'note'"
	    "   when t.never and coalesce(c.allow_until <= now(), true)"
	    "    and (c.tripped_at is not null or $6::bigint <"
	    "     count(*) filter (where t.never and t.twice) over ())"
	    "   then 'ask' else 'delete' end as what"
	    " from told t cross join bridge.control c"
	    " order by t.tried_at nulls first, t.first_seen nulls last, t.uid",
	    P_TEXT(text), P_I64(c->bridge.orphan_age_s),
	    P_TEXT(config_confirm_name(c)), P_I64(c->chain.confirmations),
	    P_I64(head), P_I64(c->bridge.breaker_max));
}

/* More than the cap waits for the next sweep. */
static const char *verdict(const struct db_result *r, size_t row, size_t *left)
{
	if (strcmp(db_text(r, row, "what"), "note") == 0)
		return "note";
	if (strcmp(db_text(r, row, "what"), "ask") == 0)
		return "ask";
	if (*left == 0)
		return "wait";
	--*left;
	return "delete";
}

static void print_doubts(const struct listing *l, bool fresh)
{
	if (!l->complete)
		printf("the list is cut short: a sweep would delete nothing\n");
	if (!fresh)
		printf("the copy of the chain is behind, or no endpoint tells "
		       "how far: a sweep would delete nothing\n");
}

static void print(const struct cli *cli, const struct config *c,
		  const struct listing *l, bool fresh,
		  const struct db_result *r)
{
	cJSON *all = cJSON_CreateObject(), *list;
	size_t left = c->bridge.sweep_max;

	cJSON_AddNumberToObject(all, "ours", cJSON_GetArraySize(l->items));
	cJSON_AddBoolToObject(all, "complete", l->complete);
	cJSON_AddBoolToObject(all, "fresh", fresh);
	list = cJSON_AddArrayToObject(all, "orphans");
	for (size_t i = 0; l->complete && i < db_rows(r); i++) {
		const char *what = verdict(r, i, &left);
		cJSON *o = cJSON_CreateObject();

		if (!cli->json)
			printf("%s %s room=%s reason=\"%s\"\n", what,
			       db_text(r, i, "uid"), db_text(r, i, "room"),
			       db_text(r, i, "reason"));
		cJSON_AddStringToObject(o, "uid", db_text(r, i, "uid"));
		cJSON_AddStringToObject(o, "room", db_text(r, i, "room"));
		cJSON_AddStringToObject(o, "reason", db_text(r, i, "reason"));
		cJSON_AddStringToObject(o, "verdict", what);
		cJSON_AddItemToArray(list, o);
	}
	if (cli->json) {
		AUTO_FREE char *text = mem_check(cJSON_PrintUnformatted(all));

		printf("%s\n", text);
	} else {
		printf("%d live inputs of ours, %d without a room that chose "
		       "them\n",
		       cJSON_GetArraySize(l->items), cJSON_GetArraySize(list));
	}
	if (!cli->json)
		print_doubts(l, fresh);
	cJSON_Delete(all);
}

static enum status deployment(char *out, size_t size, struct db *db,
			      struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st =
	    DB_QUERY(&r, db, err, "select deployment from bridge.leader");

	if (st != ST_OK)
		return st;
	if (!db_rows(r) || db_is_null(r, 0, "deployment"))
		return err_set(err, ST_REJECTED,
			       "no bridge has led with this database yet");
	snprintf(out, size, "%s", db_text(r, 0, "deployment"));
	return ST_OK;
}

static enum status run_sweep(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *r = NULL;
	AUTO_JSON cJSON *items = cJSON_CreateArray();
	struct listing l = { .items = items };
	char mark[64];
	int64_t head;
	bool fresh = false;
	enum status st;

	if (!cli_flag(cli, "dry-run"))
		return err_set(err, ST_REJECTED,
			       "the bridge sweeps; give --dry-run to see what "
			       "it would delete");
	st = cli_config(&c, cli, err);
	if (st == ST_OK && !*c->cloudflare.api_token)
		return err_set(err, ST_REJECTED, "cloudflare.api_token: %s",
			       config_unread(c, "cloudflare.api_token")
				   ? config_unread(c, "cloudflare.api_token")
				   : "is missing");
	if (st == ST_OK)
		st = cli_database(&db, c, true, err);
	if (st == ST_OK)
		st = deployment(mark, sizeof(mark), db, err);
	if (st != ST_OK)
		return st;
	ask(&l, c, mark);
	if (l.st != ST_OK)
		return err_set(err, l.st, "%s", l.err.msg);
	head = node_head(c);
	st = is_fresh(&fresh, db, c, head, err);
	if (st == ST_OK)
		st = plan(&r, db, c, &l, head, err);
	if (st == ST_OK)
		print(cli, c, &l, fresh, r);
	return st;
}

const struct command cmd_sweep[] = {
	{ "sweep", "--dry-run -c FILE",
	  "which live inputs without a room the bridge would delete", NULL,
	  "dry-run", run_sweep },
	{ 0 },
};
