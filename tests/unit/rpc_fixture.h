#ifndef CX_TESTS_RPC_FIXTURE_H
#define CX_TESTS_RPC_FIXTURE_H

/* A JSON-RPC client and the small server that it asks, in one loop; what came
 * back is counted. Include after cmocka. */
#include "core/rpc.h"
#include "net_server.h"

struct fixture {
	uv_loop_t loop;
	struct http *http;
	struct rpc *rpc;
	struct server srv;
	char url[128];

	int mode;
	int answers, ok, rejected, transient;
	int up, down, notified, notified_text;
	char notice[64];
	char last[400]; /* last error */
	char result[64];
	struct rpc_error error;
	size_t batch_n;
	char batch[256];
};

static inline void on_state(void *arg, bool up, const struct err *err)
{
	struct fixture *f = arg;

	if (up)
		f->up++;
	else
		f->down++;
	if (err)
		snprintf(f->last, sizeof(f->last), "%s", err->msg);
}

static inline void on_notify(void *arg, const char *sub, cJSON *result)
{
	struct fixture *f = arg;

	f->notified++;
	snprintf(f->result, sizeof(f->result), "%s=%s", sub,
		 cJSON_IsString(result) ? result->valuestring : "?");
}

static inline void count(struct fixture *f, enum status st,
			 const struct err *err)
{
	f->answers++;
	f->ok += st == ST_OK;
	f->rejected += st == ST_REJECTED;
	f->transient += st == ST_TRANSIENT;
	if (st != ST_OK)
		snprintf(f->last, sizeof(f->last), "%s", err->msg);
}

static inline void on_done(void *arg, enum status st, cJSON *result,
			   const struct rpc_error *error, const struct err *err)
{
	struct fixture *f = arg;

	count(f, st, err);
	if (st == ST_OK)
		snprintf(f->result, sizeof(f->result), "%s",
			 cJSON_IsString(result) ? result->valuestring : "?");
	if (error)
		f->error = *error;
	f->error.message = NULL;
}

static inline void on_batch(void *arg, enum status st, cJSON **results,
			    const struct rpc_error *errors, size_t n,
			    const struct err *err)
{
	struct fixture *f = arg;

	count(f, st, err);
	f->batch_n = n;
	f->batch[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(f->batch);

		if (results[i])
			snprintf(f->batch + at, sizeof(f->batch) - at, "%s ",
				 results[i]->valuestring);
		else
			snprintf(f->batch + at, sizeof(f->batch) - at, "E%d ",
				 (int)errors[i].code);
	}
}

/* What a batch says, as text: results as they are, errors by code. */
static inline void on_items(void *arg, enum status st,
			    const struct rpc_item *items, size_t n,
			    const struct err *err)
{
	struct fixture *f = arg;

	count(f, st, err);
	f->batch_n = n;
	f->batch[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t at = strlen(f->batch);
		struct text t = items[i].result;

		assert_true(!t.p == (items[i].error.message != NULL));
		if (t.p)
			snprintf(f->batch + at, sizeof(f->batch) - at, "%.*s ",
				 (int)t.n, t.p);
		else
			snprintf(f->batch + at, sizeof(f->batch) - at,
				 "E%d:%s ", (int)items[i].error.code,
				 items[i].error.message);
	}
}

static inline void on_notify_text(void *arg, struct text sub,
				  struct text result)
{
	struct fixture *f = arg;

	f->notified_text++;
	snprintf(f->notice, sizeof(f->notice), "%.*s=%.*s", (int)sub.n, sub.p,
		 (int)result.n, result.p);
}

static inline void setup(struct fixture *f, const char *scheme,
			 void (*handler)(struct conn *), uint32_t timeout_ms,
			 uint32_t idle_ms)
{
	struct err err;
	struct rpc_opts opts = {
		.url = f->url,
		.timeout_ms = timeout_ms,
		.max_message = 65536,
		.idle_ms = idle_ms,
		.on_notify = on_notify,
		.on_notify_text = on_notify_text,
		.on_state = on_state,
		.arg = f,
	};

	memset(f, 0, sizeof(*f));
	uv_loop_init(&f->loop);
	server_start(&f->srv, &f->loop, handler, f);
	snprintf(f->url, sizeof(f->url),
		 "%s://127.0.0.1:%d/v2/SECRETKEY?k=SECRET", scheme,
		 f->srv.port);
	f->http = http_new(&f->loop, 8);
	assert_int_equal(rpc_new(&f->rpc, &f->loop, f->http, &opts, &err),
			 ST_OK);
}

static inline void teardown(struct fixture *f)
{
	assert_null(strstr(f->last, "SECRET"));
	rpc_free(f->rpc);
	http_free(f->http);
	server_stop(&f->srv);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static inline void until(struct fixture *f, const int *what, int n)
{
	uint64_t end = uv_hrtime() + 10000000000u;

	while (*what < n && uv_hrtime() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(*what, n);
}

static inline uint64_t id_of(const char *body)
{
	const char *p = strstr(body, "\"id\":");

	return p ? strtoull(p + 5, NULL, 10) : 0;
}

enum {
	OK_ANSWER,
	NOT_JSON,
	WRONG_ID,
	HALF,
	OVERSIZE,
	CLOSE,
	NODE_ERROR,
	TOO_MANY,
	BAD_KEY,
	STRING_ERROR,
	NULL_ID,
	NO_RESULT,
	BUSY_ERROR
};

static inline void http_handler(struct conn *c)
{
	struct fixture *f = c->server->arg;
	char out[512], *body, *big;

	while ((body = conn_request(c, NULL))) {
		uint64_t id = id_of(body);
		const char *status = "200 OK", *extra = "";

		snprintf(out, sizeof(out),
			 "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":\"0x7\"}",
			 (unsigned long long)id);
		if (f->mode == NOT_JSON)
			snprintf(out, sizeof(out), "<html>SECRET</html>");
		if (f->mode == WRONG_ID)
			snprintf(out, sizeof(out), "{\"id\":%llu,\"result\":1}",
				 (unsigned long long)id + 1);
		if (f->mode == NODE_ERROR || f->mode == BUSY_ERROR)
			snprintf(out, sizeof(out),
				 "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"error\":{"
				 "\"code\":-32005,\"message\":\"too\\nmany\"}}",
				 (unsigned long long)id);
		if (f->mode == NULL_ID)
			snprintf(out, sizeof(out),
				 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
				 "\"code\":-32700,\"message\":\"parse\"}}");
		if (f->mode == STRING_ERROR)
			snprintf(out, sizeof(out),
				 "{\"id\":%llu,\"error\":\"no\"}",
				 (unsigned long long)id);
		if (f->mode == NO_RESULT)
			snprintf(out, sizeof(out), "{\"id\":%llu}",
				 (unsigned long long)id);
		if (f->mode == TOO_MANY) {
			status = "429 Too Many Requests";
			extra = "Retry-After: 7\r\n";
		}
		if (f->mode == BAD_KEY) {
			status = "401 Unauthorized";
			snprintf(out, sizeof(out), "{\"message\":\"no\"}");
		}
		if (f->mode == BUSY_ERROR)
			status = "500 Internal Server Error";
		free(body);
		if (f->mode == CLOSE) {
			conn_close(c);
			return;
		}
		if (f->mode == HALF) {
			conn_send(c,
				  "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n"
				  "\r\n{\"id\"",
				  44);
			conn_close(c);
			return;
		}
		if (f->mode == OVERSIZE) {
			big = mem_zalloc(100001);
			memset(big, ' ', 100000);
			conn_respond(c, status, "", big);
			free(big);
			continue;
		}
		conn_respond(c, status, extra, out);
	}
}

static inline void mute_handler(struct conn *c)
{
	(void)c;
}

#endif
