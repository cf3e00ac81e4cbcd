/*
 * chaincast check: tries everything that the daemons need, one line each, and
 * says what to do about what fails. Changes nothing; a failure of one part
 * does not keep the others from being checked.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/seal.h"
#include "abi/secp.h"
#include "abi/u256.h"
#include "cli/chain.h"
#include "cli/cli.h"
#include "config/keyfile.h"
#include "core/http.h"
#include "core/json.h"
#include "db/db.h"
#include "db/migrate.h"

#define ARENA_MAX ((size_t)1 << 20)

struct report {
	const struct cli *cli;
	const struct config *cfg;
	cJSON *json;
	int failed;
	size_t signer_count;
	char signers[CONFIG_SIGNERS_MAX][HEX_ADDRESS_SIZE];
};

/* One line; @todo is NULL when all is well. */
static void say(struct report *r, const char *part, const char *todo,
		const char *fmt, ...) PRINTF(4, 5);
static void say(struct report *r, const char *part, const char *todo,
		const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->failed += todo != NULL;
	if (r->cli->json) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "check", part);
		cJSON_AddBoolToObject(o, "ok", !todo);
		cJSON_AddStringToObject(o, "text", text);
		if (todo)
			cJSON_AddStringToObject(o, "todo", todo);
		cJSON_AddItemToArray(r->json, o);
		return;
	}
	printf("%-4s %s: %s", todo ? "FAIL" : "ok", part, text);
	if (todo)
		printf(" -> %s", todo);
	printf("\n");
	fflush(stdout);
}

static void check_signer(struct report *r, size_t at)
{
	char *who = r->signers[r->signer_count];
	struct address a;
	struct err err;
	uint8_t key[32];
	enum status st = keyfile_load(key, r->cfg, at, &err);

	if (st == ST_OK)
		st = secp_address(&a, key, &err);
	explicit_bzero(key, sizeof(key));
	if (st != ST_OK) {
		say(r, "signer",
		    "name the bridge's key in signers; "
		    "`chaincast key new` makes one",
		    "%s", err.msg);
		return;
	}
	hex_address(who, &a);
	for (size_t i = 0; i < r->signer_count; i++) {
		if (strcmp(r->signers[i], who) != 0)
			continue;
		say(r, "signer", "name each key once", "%s stands twice", who);
		return;
	}
	r->signer_count++;
	say(r, "signer", NULL, "%s", who);
}

/* A config without any is told as one whose first is missing. */
static void check_signers(struct report *r)
{
	size_t i = 0;

	do
		check_signer(r, i);
	while (++i < r->cfg->signer_count);
}

/* Whether a contract stands there. */
static bool check_code(struct report *r, struct chain *chain)
{
	AUTO_JSON cJSON *res = NULL;
	char address[HEX_ADDRESS_SIZE], params[80];
	struct address a;
	struct err err;
	const char *code;

	memcpy(a.b, r->cfg->registry.address, sizeof(a.b));
	hex_address(address, &a);
	snprintf(params, sizeof(params), "[\"%s\",\"latest\"]", address);
	if (chain_rpc(&res, chain, "eth_getCode", params, &err) != ST_OK) {
		say(r, "contract", "try again, or another endpoint", "%s",
		    err.msg);
		return false;
	}
	code = cJSON_GetStringValue(res);
	if (!code || strlen(code) <= 2)
		say(r, "contract",
		    "correct registry.address, or deploy the contract",
		    "no contract stands at %s", address);
	else
		say(r, "contract", NULL, "%s has %zu bytes of code", address,
		    strlen(code) / 2 - 1);
	return code && strlen(code) > 2;
}

/* hasRole(bytes32,address) by hand: the call is fixed. */
static void check_role(struct report *r, struct chain *chain,
		       const char *signer)
{
	static const char signature[] = "hasRole(bytes32,address)";
	AUTO_JSON cJSON *res = NULL;
	AUTO_BUF params = BUF_NULL;
	char address[HEX_ADDRESS_SIZE];
	struct hash32 selector, role;
	struct address a;
	struct err err;
	const char *v;

	memcpy(a.b, r->cfg->registry.address, sizeof(a.b));
	hex_address(address, &a);
	selector = keccak256(signature, strlen(signature));
	role = keccak256("BRIDGE_ROLE", 11);
	buf_init(&params, 1000);
	buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"0x", address);
	for (size_t i = 0; i < 4; i++)
		buf_printf(&params, "%02x", selector.b[i]);
	for (size_t i = 0; i < 32; i++)
		buf_printf(&params, "%02x", role.b[i]);
	buf_printf(&params, "%024d%s\"},\"latest\"]", 0, signer + 2);
	if (chain_rpc(&res, chain, "eth_call", buf_str(&params), &err) !=
	    ST_OK) {
		say(r, "bridge role", "correct registry.address", "%s",
		    err.msg);
		return;
	}
	v = cJSON_GetStringValue(res);
	if (!v || strlen(v) != 66 || v[65] != '1')
		say(r, "bridge role",
		    "have the contract's admin run chaincast admin grant "
		    "bridge ADDRESS, which calls grantRole",
		    "%s does not have BRIDGE_ROLE", signer);
	else
		say(r, "bridge role", NULL, "%s has BRIDGE_ROLE", signer);
}

/* The file of the unsealing key that goes by @id; NULL: none. */
static const char *unseal_file(const struct config *c, uint64_t id)
{
	for (size_t i = 0; i < c->restream.unseal_key_count; i++)
		if (c->restream.unseal_keys[i].id == id)
			return c->restream.unseal_keys[i].file;
	return NULL;
}

static void judge_bridge_key(struct report *r, uint64_t id, const uint8_t *key,
			     size_t len)
{
	const char *file = unseal_file(r->cfg, id);
	uint8_t secret[32];
	struct err err;
	bool same;

	if (id == 0 && r->cfg->restream.unseal_key_count == 0) {
		say(r, "bridge key", NULL, "none: no restream targets");
	} else if (id == 0) {
		say(r, "bridge key",
		    "announce one of restream.unseal_keys with chaincast "
		    "admin set-bridge-key",
		    "the contract has none, so hosts can add no restream "
		    "targets");
	} else if (!file) {
		say(r, "bridge key",
		    "name its file in restream.unseal_keys, or announce one "
		    "of yours with chaincast admin set-bridge-key",
		    "hosts seal to key %" PRIu64
		    ", which restream.unseal_keys does not name",
		    id);
	} else if (keyfile_read_raw(secret, file, &err) != ST_OK) {
		say(r, "bridge key", "correct restream.unseal_keys", "%s",
		    err.msg);
	} else {
		same = seal_key_matches(key, len, secret);
		explicit_bzero(secret, sizeof(secret));
		if (same)
			say(r, "bridge key", NULL,
			    "key %" PRIu64 " opens what hosts seal", id);
		else
			say(r, "bridge key",
			    "correct its file, or announce yours by a new id "
			    "with chaincast admin set-bridge-key",
			    "hosts seal to another key %" PRIu64
			    " than restream.unseal_keys has",
			    id);
	}
}

static void check_bridge_key(struct report *r, struct chain *chain)
{
	AUTO(arena) struct arena *a = arena_new(ARENA_MAX);
	const struct abi_value *v = NULL;
	struct err err;
	uint64_t id;

	if (chain_view(&v, chain, a, "bridgeKey", NULL, 0, &err) != ST_OK ||
	    !u256_to_u64(&id, &v[0].num))
		say(r, "bridge key", "correct registry.address", "%s", err.msg);
	else
		judge_bridge_key(r, id, v[1].bytes.p, v[1].bytes.len);
}

static void check_balance(struct report *r, struct chain *chain,
			  const char *signer)
{
	AUTO_JSON cJSON *res = NULL;
	char params[80];
	struct err err;
	const char *v;

	snprintf(params, sizeof(params), "[\"%s\",\"latest\"]", signer);
	if (chain_rpc(&res, chain, "eth_getBalance", params, &err) != ST_OK) {
		say(r, "balance", "try again, or another endpoint", "%s",
		    err.msg);
		return;
	}
	v = cJSON_GetStringValue(res);
	if (!v || strncmp(v, "0x", 2) != 0 || !v[2 + strspn(v + 2, "0")])
		say(r, "balance", "send it coin for gas", "%s has none",
		    signer);
	else
		say(r, "balance", NULL, "%s has %.6f coins for gas", signer,
		    strtod(v, NULL) / 1e18);
}

static void check_chain(struct report *r)
{
	AUTO(chain) struct chain *chain = NULL;
	struct err err;
	bool there;

	if (chain_open(&chain, r->cfg, &err) != ST_OK) {
		say(r, "chain", "correct chain.endpoints or chain.chain_id",
		    "%s", err.msg);
		return;
	}
	say(r, "chain", NULL, "id %" PRIu64, r->cfg->chain.chain_id);
	there = check_code(r, chain);
	for (size_t i = 0; there && i < r->signer_count; i++)
		check_role(r, chain, r->signers[i]);
	if (there)
		check_bridge_key(r, chain);
	for (size_t i = 0; i < r->signer_count; i++)
		check_balance(r, chain, r->signers[i]);
}

static void check_database(struct report *r)
{
	AUTO(db) struct db *db = NULL;
	AUTO(db_result) struct db_result *v = NULL;
	struct migrate_state s;
	struct err err;
	if (cli_database(&db, r->cfg, true, &err) != ST_OK ||
	    DB_QUERY(&v, db, &err,
		     "SELECT current_setting('server_version') AS v") !=
		ST_OK) {
		say(r, "database",
		    "start Postgres, or set or correct database.url", "%s",
		    err.msg);
		return;
	}
	say(r, "database", NULL, "PostgreSQL %s", db_text(v, 0, "v"));
	if (migrate_check(&s, db, &err) != ST_OK)
		say(r, "migrations", "use the chaincast that fits the database",
		    "%s", err.msg);
	else if (s.have < s.newest)
		say(r, "migrations", "run chaincast migrate -c FILE",
		    "version %" PRId64 " of %" PRId64, s.have, s.newest);
	else
		say(r, "migrations", NULL, "version %" PRId64, s.have);
}

struct answer {
	enum status st;
	long code;
	char msg[400];
};

static void on_answer(void *arg, enum status st,
		      const struct http_response *res, const struct err *err)
{
	struct answer *a = arg;

	a->st = st;
	a->code = res->code;
	snprintf(a->msg, sizeof(a->msg), "%s", st == ST_OK ? "" : err->msg);
}

static void ask_cloudflare(struct answer *a, const struct config *c)
{
	AUTO_SECRET_BUF auth = BUF_NULL;
	AUTO_BUF url = BUF_NULL;
	struct http *http;
	uv_loop_t loop;

	buf_init(&auth, 4096);
	buf_init(&url, 4096);
	buf_printf(&auth, "Authorization: Bearer %s", c->cloudflare.api_token);
	buf_printf(&url, "%s/accounts/%s/stream/live_inputs",
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
		       .max_response = 64UL << 20 },
		   on_answer, a);
	while (a->st == ST_AGAIN && uv_run(&loop, UV_RUN_ONCE))
		;
	http_free(http);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static void check_cloudflare(struct report *r)
{
	struct answer a = { .st = ST_AGAIN };
	const char *why = config_unread(r->cfg, "cloudflare.");

	if (why) {
		say(r, "cloudflare",
		    "make it readable for whom runs the bridge", "%s", why);
		return;
	}
	if (!*r->cfg->cloudflare.api_token || !*r->cfg->cloudflare.account_id) {
		say(r, "cloudflare", "set cloudflare.account_id and api_token",
		    "not configured");
		return;
	}
	ask_cloudflare(&a, r->cfg);
	if (a.st != ST_OK)
		say(r, "cloudflare", "correct cloudflare.api_url, or try again",
		    "%s", a.msg);
	else if (a.code == 401 || a.code == 403)
		say(r, "cloudflare",
		    "make a token with the permission Stream: Edit for this "
		    "account",
		    "the token is refused (HTTP %ld)", a.code);
	else if (a.code != 200)
		say(r, "cloudflare",
		    "check cloudflare.account_id, or try again", "HTTP %ld",
		    a.code);
	else
		say(r, "cloudflare", NULL, "the token works");
}

static enum status run_check(struct cli *cli, struct err *err)
{
	AUTO(config) struct config *c = NULL;
	struct report r = { .cli = cli };
	struct err why;

	r.json = cJSON_CreateArray();
	if (cli_config(&c, cli, &why) != ST_OK) {
		say(&r, "config", "correct it", "%s", why.msg);
	} else {
		r.cfg = c;
		say(&r, "config", NULL, "%s", c->path);
		check_signers(&r);
		check_chain(&r);
		check_database(&r);
		check_cloudflare(&r);
	}
	if (cli->json) {
		AUTO_FREE char *text = cJSON_PrintUnformatted(r.json);

		printf("%s\n", text);
	}
	cJSON_Delete(r.json);
	if (!r.failed)
		return ST_OK;
	*err = (struct err){ .status = ST_AGAIN };
	return ST_AGAIN;
}

const struct command cmd_check[] = {
	{ "check", "-c FILE",
	  "test config, chain, database and Cloudflare, a line each", NULL,
	  NULL, run_check },
	{ 0 },
};
