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
#include <sys/resource.h>
#include <time.h>

#include "abi/hex.h"
#include "core/json.h"
#include "replay.h"

#define METHODS_MAX 32

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

/* ---- subscriptions ---- */

static const char *subscribe(struct client *c, const cJSON *p,
			     struct reply *out)
{
	const cJSON *what = cJSON_GetArrayItem(p, 0);
	const cJSON *filter = cJSON_GetArrayItem(p, 1);
	struct subs *s = c->data;

	if (!c->websocket || !cJSON_IsString(what))
		return REPLAY_INVALID;
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
		return REPLAY_INVALID;
	}
	return NULL;
}

static const char *unsubscribe(struct client *c, const cJSON *p,
			       struct reply *out)
{
	const cJSON *id = cJSON_GetArrayItem(p, 0);
	struct subs *s = c->data;

	if (!s || !cJSON_IsString(id))
		return REPLAY_INVALID;
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
	replay_add_slice(out, history_header(replay_chain, *number));
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
	replay_add_logs(out, s->filter, *number, *number);
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
	uint64_t number = history_append(replay_chain), at;

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
	history_digest(replay_chain, digest);
	reply_printf(out,
		     "{\"head\":%" PRIu64 ",\"events\":%" PRIu64
		     ",\"sha256\":\"%s\"}",
		     history_head(replay_chain), history_events(replay_chain),
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

static const struct replay_method methods[] = {
	{ "eth_subscribe", subscribe }, { "eth_unsubscribe", unsubscribe },
	{ "bench_mine", mine },         { "bench_truth", truth },
	{ "bench_stats", get_stats },
};

static const struct replay_method *find(const char *name)
{
	for (size_t i = 0; i < REPLAY_READS; i++)
		if (strcmp(replay_reads[i].name, name) == 0)
			return &replay_reads[i];
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

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
	const struct replay_method *method = find(name);
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
	if (method)
		error = method->fn(c, p, out);
	if (!error)
		count(name, reply_size(out) - before);
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
	replay_chain = history_new(&shape);
	serve_run((uint16_t)port, &ops);
}
