/*
 * A node that serves a made-up history from memory over HTTP and WebSocket, at
 * next to no cost: what is measured against it is the indexer. It knows the
 * calls that an indexer makes, keeps no transactions, and its chain never
 * reorganises. bench_mine appends a block and announces it.
 *
 *	bench-replay --one-tx | --many-tx [--blocks N] [--per-block N]
 *		[--more N] [--port N]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <time.h>

#include "abi/hex.h"
#include "core/json.h"
#include "event.h"
#include "history.h"
#include "serve.h"

#define SAFE_DEPTH      32
#define FINALIZED_DEPTH 64
#define METHODS_MAX     32

static struct history *chain;

/* What was asked, for bench_stats. */
static struct {
	char name[48];
	uint64_t calls, bytes;
} stats[METHODS_MAX];

/* Subscriptions of one WebSocket; ids are 1 and 2. */
struct subs {
	bool heads, logs;
	cJSON *filter; /* of logs */
};

static void add_slice(struct reply *out, struct slice s)
{
	reply_ref(out, s.p, s.n);
}

/* ---- arguments ---- */

/* A height or a tag; false: neither. */
static bool get_number(uint64_t *out, const cJSON *v)
{
	uint64_t head = history_head(chain);
	const char *s = cJSON_IsString(v) ? v->valuestring : "latest";

	if (v && !cJSON_IsString(v) && !cJSON_IsNull(v))
		return false;
	if (strcmp(s, "latest") == 0 || strcmp(s, "pending") == 0)
		*out = head;
	else if (strcmp(s, "earliest") == 0)
		*out = 0;
	else if (strcmp(s, "safe") == 0)
		*out = head > SAFE_DEPTH ? head - SAFE_DEPTH : 0;
	else if (strcmp(s, "finalized") == 0)
		*out = head > FINALIZED_DEPTH ? head - FINALIZED_DEPTH : 0;
	else
		return hex_quantity_u64(out, s, "block", NULL) == ST_OK;
	return true;
}

static bool get_hash(struct hash32 *out, const cJSON *v)
{
	return cJSON_IsString(v) &&
	       hex_decode_hash(out, v->valuestring, "hash", NULL) == ST_OK;
}

/* A height, a tag or a hash: the block when it exists. */
static bool get_block(uint64_t *out, const cJSON *v)
{
	struct hash32 hash;

	if (get_hash(&hash, v))
		return history_find_block(chain, &hash, out);
	return get_number(out, v) && *out <= history_head(chain);
}

/* ---- log filters ---- */

/* Null, one value, or a list of alternatives. */
static bool allows(const cJSON *want, const void *have, size_t n)
{
	char text[HEX_HASH_SIZE];
	const cJSON *it;

	if (!want || cJSON_IsNull(want))
		return true;
	hex_encode(text, have, n);
	if (cJSON_IsString(want))
		return strcasecmp(want->valuestring, text) == 0;
	cJSON_ArrayForEach(it, want)
	{
		if (cJSON_IsString(it) &&
		    strcasecmp(it->valuestring, text) == 0)
			return true;
	}
	return false;
}

static bool passes(const cJSON *topics, const struct history_log *log)
{
	for (int i = 0; i < EVENT_TOPICS; i++)
		if (!allows(cJSON_GetArrayItem(topics, i), log->topics[i].b,
			    32))
			return false;
	return cJSON_GetArraySize(topics) <= EVENT_TOPICS;
}

/* Whether the filter says nothing that tells the chain's logs apart. */
static bool takes_all(const cJSON *topics, const struct hash32 *topic0)
{
	for (int i = 1; i < cJSON_GetArraySize(topics); i++)
		if (!cJSON_IsNull(cJSON_GetArrayItem(topics, i)))
			return false;
	return allows(cJSON_GetArrayItem(topics, 0), topic0->b, 32);
}

static void add_logs(struct reply *out, const cJSON *filter, uint64_t from,
		     uint64_t to)
{
	const cJSON *topics =
	    cJSON_GetObjectItemCaseSensitive(filter, "topics");
	uint64_t at = history_first_log(chain, from);
	uint64_t end = history_first_log(chain, to + 1);
	bool any = false;

	if (!allows(cJSON_GetObjectItemCaseSensitive(filter, "address"),
		    event_contract.b, sizeof(event_contract.b)))
		return;
	for (; at < end; at++) {
		struct history_log log = history_log(chain, at);

		if (!any && takes_all(topics, &log.topics[0])) {
			add_slice(out, history_logs(chain, from, to));
			return;
		}
		if (!passes(topics, &log))
			continue;
		reply_str(out, any ? "," : "");
		add_slice(out, log.text);
		any = true;
	}
}

/* ---- methods: each appends its result, or an error's text and false ---- */

typedef const char *(*method_fn)(struct client *c, const cJSON *params,
				 struct reply *out);

#define INVALID "-32602,\"message\":\"invalid params\""

static const char *block_number(struct client *c, const cJSON *p,
				struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"0x%" PRIx64 "\"", history_head(chain));
	return NULL;
}

static const char *chain_id(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"0x%x\"", EVENT_CHAIN_ID);
	return NULL;
}

static const char *net_version(struct client *c, const cJSON *p,
			       struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(out, "\"%d\"", EVENT_CHAIN_ID);
	return NULL;
}

static const char *client_version(struct client *c, const cJSON *p,
				  struct reply *out)
{
	(void)c;
	(void)p;
	reply_str(out, "\"chaincast-bench\"");
	return NULL;
}

static const char *syncing(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	reply_str(out, "false");
	return NULL;
}

/* The contract has code (of one byte); nobody else has. */
static const char *get_code(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	reply_str(out, allows(cJSON_GetArrayItem(p, 0), event_contract.b, 20)
			   ? "\"0xfe\""
			   : "\"0x\"");
	return NULL;
}

static const char *call(struct client *c, const cJSON *p, struct reply *out)
{
	(void)c;
	(void)p;
	(void)out;
	return "3,\"message\":\"execution reverted\"";
}

static const char *get_block_by(struct client *c, const cJSON *p,
				struct reply *out)
{
	uint64_t number;

	(void)c;
	if (cJSON_IsTrue(cJSON_GetArrayItem(p, 1)))
		return "-32602,\"message\":\"transactions are not kept\"";
	if (get_block(&number, cJSON_GetArrayItem(p, 0)))
		add_slice(out, history_block(chain, number));
	else
		reply_str(out, "null");
	return NULL;
}

static const char *get_logs(struct client *c, const cJSON *p, struct reply *out)
{
	const cJSON *filter = cJSON_GetArrayItem(p, 0);
	const cJSON *hash =
	    cJSON_GetObjectItemCaseSensitive(filter, "blockHash");
	uint64_t from, to, head = history_head(chain);

	(void)c;
	if (hash) {
		if (!get_block(&from, hash))
			return "-32000,\"message\":\"unknown block\"";
		to = from;
	} else if (!get_number(&from, cJSON_GetObjectItemCaseSensitive(
					  filter, "fromBlock")) ||
		   !get_number(&to, cJSON_GetObjectItemCaseSensitive(
					filter, "toBlock")) ||
		   from > to) {
		return INVALID;
	}
	reply_str(out, "[");
	if (from <= head)
		add_logs(out, filter, from, to < head ? to : head);
	reply_str(out, "]");
	return NULL;
}

static void add_receipt(struct reply *out, uint64_t tx)
{
	struct history_receipt r = history_receipt(chain, tx);

	add_slice(out, r.head);
	add_slice(out, r.logs);
	add_slice(out, r.tail);
}

static const char *get_block_receipts(struct client *c, const cJSON *p,
				      struct reply *out)
{
	uint64_t number, first;

	(void)c;
	if (!get_block(&number, cJSON_GetArrayItem(p, 0))) {
		reply_str(out, "null");
		return NULL;
	}
	first = history_first_tx(chain, number);
	reply_str(out, "[");
	for (uint64_t tx = first; tx < history_first_tx(chain, number + 1);
	     tx++) {
		reply_str(out, tx > first ? "," : "");
		add_receipt(out, tx);
	}
	reply_str(out, "]");
	return NULL;
}

static const char *get_receipt(struct client *c, const cJSON *p,
			       struct reply *out)
{
	struct hash32 hash;
	uint64_t tx;

	(void)c;
	if (!get_hash(&hash, cJSON_GetArrayItem(p, 0)))
		return INVALID;
	if (history_find_tx(chain, &hash, &tx))
		add_receipt(out, tx);
	else
		reply_str(out, "null");
	return NULL;
}

/* ---- subscriptions ---- */

static const char *subscribe(struct client *c, const cJSON *p,
			     struct reply *out)
{
	const cJSON *what = cJSON_GetArrayItem(p, 0);
	const cJSON *filter = cJSON_GetArrayItem(p, 1);
	struct subs *s = c->data;

	if (!c->websocket || !cJSON_IsString(what))
		return INVALID;
	if (!s)
		s = c->data = mem_zalloc(sizeof(*s));
	if (strcmp(what->valuestring, "newHeads") == 0) {
		s->heads = true;
		reply_str(out, "\"0x1\"");
	} else if (strcmp(what->valuestring, "logs") == 0) {
		s->logs = true;
		cJSON_Delete(s->filter);
		s->filter = cJSON_Duplicate(filter, true);
		reply_str(out, "\"0x2\"");
	} else {
		return INVALID;
	}
	return NULL;
}

static const char *unsubscribe(struct client *c, const cJSON *p,
			       struct reply *out)
{
	const cJSON *id = cJSON_GetArrayItem(p, 0);
	struct subs *s = c->data;

	if (!s || !cJSON_IsString(id))
		return INVALID;
	if (strcmp(id->valuestring, "0x1") == 0)
		s->heads = false;
	else
		s->logs = false;
	reply_str(out, "true");
	return NULL;
}

static void gone(struct client *c)
{
	struct subs *s = c->data;

	if (!s)
		return;
	cJSON_Delete(s->filter);
	free(s);
}

#define EVENT_HEAD                                                             \
	"{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{"    \
	"\"subscription\":\"0x%u\",\"result\":"

static bool head_message(struct client *c, struct reply *out, void *arg)
{
	const struct subs *s = c->data;
	const uint64_t *number = arg;

	if (!s || !s->heads)
		return false;
	reply_printf(out, EVENT_HEAD, 1U);
	add_slice(out, history_header(chain, *number));
	reply_str(out, "}}}");
	return true;
}

/* A mined block has one log, so one message has them all. */
static bool log_message(struct client *c, struct reply *out, void *arg)
{
	const struct subs *s = c->data;
	const uint64_t *number = arg;
	size_t before;

	if (!s || !s->logs)
		return false;
	reply_printf(out, EVENT_HEAD, 2U);
	before = reply_size(out);
	add_logs(out, s->filter, *number, *number);
	if (reply_size(out) == before)
		return false;
	reply_str(out, "}}");
	return true;
}

/* ---- control ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The time is that just before the first announcement is written. */
static const char *mine(struct client *c, const cJSON *p, struct reply *out)
{
	uint64_t number = history_append(chain), at;

	(void)c;
	(void)p;
	if (!number)
		return "-32000,\"message\":\"no block left\"";
	at = now_ns();
	serve_push(head_message, &number);
	serve_push(log_message, &number);
	reply_printf(out,
		     "{\"number\":%" PRIu64 ",\"notified_ns\":\"%" PRIu64 "\"}",
		     number, at);
	return NULL;
}

static const char *truth(struct client *c, const cJSON *p, struct reply *out)
{
	uint8_t digest[32];
	char hex[HEX_HASH_SIZE];

	(void)c;
	(void)p;
	history_digest(chain, digest);
	reply_printf(out,
		     "{\"head\":%" PRIu64 ",\"events\":%" PRIu64
		     ",\"sha256\":\"%s\"}",
		     history_head(chain), history_events(chain),
		     hex_encode_bare(hex, digest, sizeof(digest)));
	return NULL;
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static const char *get_stats(struct client *c, const cJSON *p,
			     struct reply *out)
{
	(void)c;
	(void)p;
	reply_printf(
	    out, "{\"cpu_s\":%.6f,\"connections\":%" PRIu64 ",\"methods\":{",
	    cpu_seconds(), serve_connections());
	for (size_t i = 0; i < METHODS_MAX && stats[i].calls; i++)
		reply_printf(out,
			     "%s\"%s\":{\"calls\":%" PRIu64
			     ",\"bytes\":%" PRIu64 "}",
			     i ? "," : "", stats[i].name, stats[i].calls,
			     stats[i].bytes);
	reply_str(out, "}}");
	return NULL;
}

/* ---- JSON-RPC ---- */

static const struct {
	const char *name;
	method_fn fn;
} methods[] = {
	{ "eth_getBlockByNumber", get_block_by },
	{ "eth_getBlockByHash", get_block_by },
	{ "eth_getLogs", get_logs },
	{ "eth_getBlockReceipts", get_block_receipts },
	{ "eth_getTransactionReceipt", get_receipt },
	{ "eth_blockNumber", block_number },
	{ "eth_chainId", chain_id },
	{ "eth_getCode", get_code },
	{ "eth_call", call },
	{ "eth_syncing", syncing },
	{ "net_version", net_version },
	{ "web3_clientVersion", client_version },
	{ "eth_subscribe", subscribe },
	{ "eth_unsubscribe", unsubscribe },
	{ "bench_mine", mine },
	{ "bench_truth", truth },
	{ "bench_stats", get_stats },
};

static void count(const char *name, size_t bytes)
{
	size_t i = 0;

	if (strncmp(name, "bench_", 6) == 0)
		return;
	while (i < METHODS_MAX - 1 && stats[i].calls &&
	       strcmp(stats[i].name, name) != 0)
		i++;
	snprintf(stats[i].name, sizeof(stats[i].name), "%s", name);
	stats[i].calls++;
	stats[i].bytes += bytes;
}

static void answer(struct client *c, const cJSON *req, struct reply *out)
{
	const char *name = json_str_or(req, "method", "");
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(req, "params");
	const char *error = "-32601,\"message\":\"method not found\"";
	size_t before = reply_size(out);
	AUTO_FREE char *id =
	    cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(req, "id"));
	struct reply_mark mark;

	reply_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	reply_str(out, id ? id : "null");
	mark = reply_mark(out);
	reply_str(out, ",\"result\":");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		error = methods[i].fn(c, p, out);
		if (!error)
			count(name, reply_size(out) - before);
		break;
	}
	if (error) {
		reply_cut(out, mark);
		reply_str(out, ",\"error\":{\"code\":");
		reply_str(out, error);
		reply_str(out, "}");
	}
	reply_str(out, "}");
}

static void on_message(struct client *c, const char *text, size_t len,
		       struct reply *out)
{
	AUTO_JSON cJSON *root = NULL;
	const cJSON *req;
	bool any = false;

	if (json_parse(&root, text, len, "request", NULL) != ST_OK) {
		reply_str(out, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
			       "\"code\":-32700,\"message\":\"not JSON\"}}");
		return;
	}
	if (!cJSON_IsArray(root)) {
		answer(c, root, out);
		return;
	}
	reply_str(out, "[");
	cJSON_ArrayForEach(req, root)
	{
		reply_str(out, any ? "," : "");
		answer(c, req, out);
		any = true;
	}
	reply_str(out, "]");
}

/* ---- start ---- */

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (!*text || *end || v > 10000000) {
		fprintf(stderr, "bench-replay: not a number: %s\n", text);
		exit(2);
	}
	return v;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "one-tx", no_argument, NULL, 'o' },
		{ "many-tx", no_argument, NULL, 'm' },
		{ "blocks", required_argument, NULL, 'b' },
		{ "per-block", required_argument, NULL, 'e' },
		{ "more", required_argument, NULL, 'x' },
		{ "port", required_argument, NULL, 'p' },
		{ 0 },
	};
	static const struct serve_ops ops = { on_message, gone };
	struct history_shape shape = { 10000, 20, true, 4000 };
	uint64_t port = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'o':
		case 'm':
			shape.one_tx = o == 'o';
			break;
		case 'b':
			shape.blocks = number_of(optarg);
			break;
		case 'e':
			shape.per_block = (uint32_t)number_of(optarg);
			break;
		case 'x':
			shape.more = number_of(optarg);
			break;
		case 'p':
			port = number_of(optarg);
			break;
		default:
			return 2;
		}
	}
	chain = history_new(&shape);
	serve_run((uint16_t)port, &ops);
}
