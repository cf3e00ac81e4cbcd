/*
 * JSON-RPC over HTTP and WebSocket against small servers in this process,
 * honest and hostile. No fixed ports, nothing outside loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "core/rpc.h"
#include "net_server.h"

#define SLOW_NAME "slow-name.test"

static pthread_t loop_thread;
static int slow_lookups, lookups_on_loop;

/* Stands before libc's: whoever resolves a name comes through here. */
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);
	void *sym = dlsym(RTLD_NEXT, "getaddrinfo");
	struct in6_addr a;

	memcpy(&real, &sym, sizeof(real));
	if (node && strspn(node, "0123456789.") != strlen(node) &&
	    inet_pton(AF_INET6, node, &a) != 1 &&
	    pthread_equal(pthread_self(), loop_thread))
		lookups_on_loop++;
	if (node && strcmp(node, SLOW_NAME) == 0) {
		__atomic_add_fetch(&slow_lookups, 1, __ATOMIC_SEQ_CST);
		usleep(3000000);
		return real("127.0.0.1", service, hints, res);
	}
	return real(node, service, hints, res);
}

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

static void on_state(void *arg, bool up, const struct err *err)
{
	struct fixture *f = arg;

	if (up)
		f->up++;
	else
		f->down++;
	if (err)
		snprintf(f->last, sizeof(f->last), "%s", err->msg);
}

static void on_notify(void *arg, const char *sub, cJSON *result)
{
	struct fixture *f = arg;

	f->notified++;
	snprintf(f->result, sizeof(f->result), "%s=%s", sub,
		 cJSON_IsString(result) ? result->valuestring : "?");
}

static void count(struct fixture *f, enum status st, const struct err *err)
{
	f->answers++;
	f->ok += st == ST_OK;
	f->rejected += st == ST_REJECTED;
	f->transient += st == ST_TRANSIENT;
	if (st != ST_OK)
		snprintf(f->last, sizeof(f->last), "%s", err->msg);
}

static void on_done(void *arg, enum status st, cJSON *result,
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

static void on_batch(void *arg, enum status st, cJSON **results,
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
static void on_items(void *arg, enum status st, const struct rpc_item *items,
		     size_t n, const struct err *err)
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

static void on_notify_text(void *arg, struct text sub, struct text result)
{
	struct fixture *f = arg;

	f->notified_text++;
	snprintf(f->notice, sizeof(f->notice), "%.*s=%.*s", (int)sub.n, sub.p,
		 (int)result.n, result.p);
}

static void setup(struct fixture *f, const char *scheme,
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

	loop_thread = pthread_self();
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

static void teardown(struct fixture *f)
{
	assert_null(strstr(f->last, "SECRET"));
	rpc_free(f->rpc);
	http_free(f->http);
	server_stop(&f->srv);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void until(struct fixture *f, const int *what, int n)
{
	uint64_t end = uv_hrtime() + 10000000000u;

	while (*what < n && uv_hrtime() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(*what, n);
}

static uint64_t id_of(const char *body)
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

static void http_handler(struct conn *c)
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

static void test_http_answers(void **state)
{
	static const struct {
		int mode;
		enum status want;
		const char *text;
	} cases[] = {
		{ OK_ANSWER, ST_OK, "" },
		{ NOT_JSON, ST_TRANSIENT, "answer" },
		{ WRONG_ID, ST_TRANSIENT, "id that was not asked" },
		{ HALF, ST_TRANSIENT, "eth_blockNumber" },
		{ OVERSIZE, ST_REJECTED, "longer than 65536" },
		{ CLOSE, ST_TRANSIENT, "eth_blockNumber" },
		{ NODE_ERROR, ST_REJECTED, "node error -32005: too many" },
		{ TOO_MANY, ST_TRANSIENT,
		  "429 (too many requests), retry "
		  "after 7 s" },
		{ BAD_KEY, ST_TRANSIENT, "401 (is the key right?)" },
		{ STRING_ERROR, ST_REJECTED, "no" },
		{ NULL_ID, ST_REJECTED, "parse" },
		{ NO_RESULT, ST_TRANSIENT, "neither result nor error" },
		{ BUSY_ERROR, ST_REJECTED, "-32005" },
	};
	struct fixture f;

	(void)state;
	setup(&f, "http", http_handler, 3000, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		f.mode = cases[i].mode;
		f.ok = f.rejected = f.transient = f.answers = 0;
		rpc_call(f.rpc, "eth_blockNumber", "[]", on_done, &f);
		assert_int_equal(f.answers, 0);
		until(&f, &f.answers, 1);
		if (cases[i].want == ST_OK) {
			assert_int_equal(f.ok, 1);
			assert_string_equal(f.result, "0x7");
			continue;
		}
		assert_int_equal(
		    cases[i].want == ST_REJECTED ? f.rejected : f.transient, 1);
		if (!strstr(f.last, cases[i].text))
			fail_msg("case %zu: %s", i, f.last);
		assert_non_null(strstr(f.last, rpc_label(f.rpc)));
		if (f.mode == TOO_MANY)
			assert_int_equal(rpc_retry_after_s(f.rpc), 7);
	}
	teardown(&f);
}

static void batch_http(struct conn *c)
{
	struct fixture *f = c->server->arg;
	char *body, out[512];

	while ((body = conn_request(c, NULL))) {
		unsigned long long id = id_of(body);

		assert_int_equal(body[0], '[');
		free(body);
		if (f->mode == 0)
			snprintf(out, sizeof(out),
				 "[{\"id\":%llu,\"result\":\"c\"},{\"id\":%llu,"
				 "\"error\":{\"code\":-3,\"message\":\"x\"}},"
				 "{\"id\":%llu,\"result\":\"a\"}]",
				 id + 2, id + 1, id);
		if (f->mode == 1) /* one is missing */
			snprintf(out, sizeof(out),
				 "[{\"id\":%llu,\"result\":\"a\"}]", id);
		if (f->mode == 2) /* one twice */
			snprintf(out, sizeof(out),
				 "[{\"id\":%llu,\"result\":\"a\"},{\"id\":%llu,"
				 "\"result\":\"a\"}]",
				 id, id);
		if (f->mode == 3)
			snprintf(out, sizeof(out),
				 "{\"id\":null,\"error\":{\"code\":-32600,"
				 "\"message\":\"no batches\"}}");
		conn_respond(c, "200 OK", "", out);
	}
}

static void test_http_batch(void **state)
{
	static const struct rpc_batch_item items[] = { { "eth_a", "[]" },
						       { "eth_b", "[1]" },
						       { "eth_c", "[]" } };
	struct fixture f;

	(void)state;
	setup(&f, "http", batch_http, 3000, 0);
	rpc_batch(f.rpc, items, 3, on_batch, &f);
	until(&f, &f.ok, 1);
	assert_string_equal(f.batch, "a E-3 c ");
	f.mode = 1;
	rpc_batch(f.rpc, items, 3, on_batch, &f);
	until(&f, &f.transient, 1);
	assert_non_null(strstr(f.last, "lacks 2 of 3"));
	f.mode = 2;
	rpc_batch(f.rpc, items, 3, on_batch, &f);
	until(&f, &f.transient, 2);
	f.mode = 3;
	rpc_batch(f.rpc, items, 3, on_batch, &f);
	until(&f, &f.rejected, 1);
	assert_string_equal(f.batch, "E-32600 E-32600 E-32600 ");
	rpc_batch_text(f.rpc, items, 3, on_items, &f);
	until(&f, &f.rejected, 2);
	assert_string_equal(f.batch, "E-32600:no batches E-32600:no batches "
				     "E-32600:no batches ");
	f.mode = 0;
	rpc_batch_text(f.rpc, items, 3, on_items, &f);
	until(&f, &f.ok, 2);
	assert_string_equal(f.batch, "\"a\" E-3:x \"c\" ");
	f.mode = 1;
	rpc_batch_text(f.rpc, items, 3, on_items, &f);
	until(&f, &f.transient, 3);
	assert_int_equal(f.batch_n, 0);
	assert_non_null(strstr(f.last, "lacks 2 of 3"));
	teardown(&f);
}

static void mute_handler(struct conn *c)
{
	(void)c;
}

static void test_http_cancel_and_limit(void **state)
{
	struct fixture f;
	struct rpc_call *call;

	(void)state;
	setup(&f, "http", mute_handler, 60000, 0);
	call = rpc_call(f.rpc, "eth_x", "[]", on_done, &f);
	rpc_cancel(call);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	call = rpc_call(f.rpc, "eth_x", "[]", on_done, &f);
	uv_run(&f.loop, UV_RUN_ONCE);
	rpc_cancel(call);
	assert_int_equal(f.answers, 0);
	for (int i = 0; i < 4097; i++)
		rpc_call(f.rpc, "eth_x", "[]", on_done, &f);
	until(&f, &f.answers, 1);
	assert_non_null(strstr(f.last, "too many calls"));
	teardown(&f); /* with 4096 under way */
}

/* WebSocket: answers pairs of calls in reverse order. */
static void ws_handler(struct conn *c)
{
	struct fixture *f = c->server->arg;
	static char held[256];
	char out[256], *text;
	int op;

	if (!c->upgraded) {
		ws_accept(c);
		return;
	}
	while ((text = ws_take(c, &op))) {
		unsigned long long id = id_of(text);

		if (op == 9)
			ws_frame(c, 10, true, text, strlen(text));
		if (op != 1) {
			free(text);
			continue;
		}
		snprintf(out, sizeof(out),
			 "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"result\":\"%s\"}",
			 id, strstr(text, "eth_b") ? "b" : "a");
		if (strstr(text, "eth_hold")) {
			snprintf(held, sizeof(held), "%s", out);
		} else if (strstr(text, "eth_release")) {
			ws_text(c, out);
			ws_text(c, held);
		} else if (strstr(text, "eth_fragments")) {
			ws_frame(c, 1, false, out, 5);
			ws_frame(c, 9, true, "hi", 2);
			ws_frame(c, 0, false, out + 5, 3);
			ws_frame(c, 0, true, out + 8, strlen(out) - 8);
		} else if (strstr(text, "eth_notify")) {
			ws_text(c, "{\"method\":\"eth_subscription\","
				   "\"params\":{\"subscription\":\"0x1\","
				   "\"result\":\"head\"}}");
			ws_text(c, out);
		} else if (strstr(text, "eth_close") && f->mode == 0) {
			f->mode = 1;
			conn_close(c);
			free(text);
			return;
		} else if (strstr(text, "eth_junk") && f->mode == 0) {
			f->mode = 1;
			ws_text(c, "{\"id\":1,");
		} else if (strstr(text, "eth_wrong")) {
			ws_text(c, "{\"id\":999,\"result\":1}");
			ws_text(c, "[]");
			ws_text(c, "7");
		} else if (strstr(text, "eth_oversize")) {
			char *big = mem_zalloc(70000);

			ws_frame(c, 1, true, big, 70000);
			free(big);
		} else {
			ws_text(c, out);
		}
		free(text);
	}
}

static void test_ws_order(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 3000, 1000);
	/* queued while the socket is not up yet */
	rpc_call(f.rpc, "eth_hold", "[]", on_done, &f);
	rpc_call(f.rpc, "eth_release", "[]", on_done, &f);
	until(&f, &f.ok, 2);
	assert_int_equal(f.up, 1);
	rpc_call(f.rpc, "eth_fragments", "[]", on_done, &f);
	until(&f, &f.ok, 3);
	rpc_call(f.rpc, "eth_notify", "[]", on_done, &f);
	until(&f, &f.ok, 4);
	assert_int_equal(f.notified, 1);
	assert_int_equal(f.notified_text, 1);
	assert_string_equal(f.notice, "0x1=\"head\"");
	assert_true(rpc_is_ws(f.rpc));
	teardown(&f);
}

static void test_ws_lost(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 5000, 1000);
	until(&f, &f.up, 1);
	rpc_call(f.rpc, "eth_close", "[]", on_done, &f);
	until(&f, &f.transient, 1);
	assert_non_null(strstr(f.last, "connection closed"));
	assert_int_equal(f.down, 1);
	rpc_call(f.rpc, "eth_a", "[]", on_done, &f); /* waits */
	until(&f, &f.ok, 1);
	assert_int_equal(f.up, 2);
	f.mode = 0;
	rpc_call(f.rpc, "eth_junk", "[]", on_done, &f);
	until(&f, &f.transient, 2);
	until(&f, &f.up, 3);
	rpc_call(f.rpc, "eth_oversize", "[]", on_done, &f);
	until(&f, &f.transient, 3);
	until(&f, &f.up, 4);
	rpc_reconnect(f.rpc);
	rpc_reconnect(f.rpc);
	assert_int_equal(f.down, 4);
	until(&f, &f.up, 5);
	teardown(&f);
}

static void test_ws_wrong_id_times_out(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 300, 1000);
	rpc_call(f.rpc, "eth_wrong", "[]", on_done, &f);
	until(&f, &f.transient, 1);
	assert_non_null(strstr(f.last, "no answer within 300 ms"));
	teardown(&f);
}

static void silent_handler(struct conn *c)
{
	char *text;
	int op;

	if (!c->upgraded) {
		ws_accept(c);
		return;
	}
	while ((text = ws_take(c, &op))) {
		c->requests += op == 9;
		free(text);
	}
}

static void test_ws_silent(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", silent_handler, 3000, 100);
	until(&f, &f.down, 1);
	assert_non_null(strstr(f.last, "silent for"));
	teardown(&f);
	/* one that answers pings stays up */
	setup(&f, "ws", ws_handler, 3000, 50);
	until(&f, &f.up, 1);
	for (uint64_t end = uv_hrtime() + 500000000u; uv_hrtime() < end;)
		uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.down, 0);
	teardown(&f);
}

static void refuse_handler(struct conn *c)
{
	if (strstr(buf_str(&c->in), "\r\n\r\n"))
		conn_respond(c, "403 Forbidden", "Connection: close\r\n", "no");
}

static void test_ws_refused(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", refuse_handler, 3000, 100);
	until(&f, &f.down, 2); /* and again, after the delay */
	assert_int_equal(f.up, 0);
	teardown(&f);
	setup(&f, "ws", mute_handler, 200, 100);
	until(&f, &f.down, 1);
	assert_non_null(strstr(f.last, "no WebSocket connection within"));
	teardown(&f);
}

static void free_in_done(void *arg, enum status st, cJSON *result,
			 const struct rpc_error *error, const struct err *err)
{
	struct fixture *f = arg;

	on_done(arg, st, result, error, err);
	rpc_free(f->rpc);
	f->rpc = NULL;
}

static void test_free_inside(void **state)
{
	static const char *const schemes[] = { "ws", "http" };
	static const char *const methods[] = { "eth_a", "eth_close" };
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		setup(&f, schemes[i % 2], i % 2 ? http_handler : ws_handler,
		      3000, 1000);
		rpc_call(f.rpc, methods[i / 2], "[]", free_in_done, &f);
		rpc_call(f.rpc, methods[i / 2], "[]", on_done, &f);
		until(&f, &f.answers, 1);
		teardown(&f);
		assert_int_equal(f.answers, 1);
	}
}

static void test_ws_batch_and_large(void **state)
{
	static const struct rpc_batch_item one[] = { { "eth_a", "[]" } };
	struct fixture f;
	struct buf params;

	(void)state;
	setup(&f, "ws", ws_handler, 5000, 1000);
	/* A request larger than any socket buffer, written in parts. */
	buf_init(&params, 32u << 20);
	buf_add_str(&params, "[\"");
	for (int i = 0; i < (8 << 20); i++)
		buf_add_byte(&params, 'x');
	buf_add_str(&params, "\"]");
	rpc_call(f.rpc, "eth_b", buf_str(&params), on_done, &f);
	rpc_call(f.rpc, "eth_a", "[]", on_done, &f);
	buf_deinit(&params);
	until(&f, &f.ok, 2);
	/* a batch answered by one object is no answer to it: it times out */
	rpc_batch(f.rpc, one, 1, on_batch, &f);
	until(&f, &f.transient, 1);
	teardown(&f);
}

static void on_tick(uv_timer_t *t)
{
	(*(int *)t->data)++;
}

/* A name that takes three seconds: the loop's timers fire all the while, and
 * nobody asks for a name on the loop's thread. */
static void test_slow_name(void **state)
{
	struct fixture f;
	struct rpc *ws, *http;
	struct err err;
	char url[128];
	uv_timer_t timer;
	int ticks = 0;
	uint64_t t0, longest = 0, last;
	struct rpc_opts opts = { .url = url,
				 .timeout_ms = 8000,
				 .max_message = 65536,
				 .idle_ms = 1000,
				 .arg = &f };

	(void)state;
	setup(&f, "http", http_handler, 3000, 0);
	snprintf(url, sizeof(url), "http://" SLOW_NAME ":%d/", f.srv.port);
	assert_int_equal(rpc_new(&http, &f.loop, f.http, &opts, &err), ST_OK);
	snprintf(url, sizeof(url), "ws://" SLOW_NAME ":%d/", f.srv.port);
	assert_int_equal(rpc_new(&ws, &f.loop, NULL, &opts, &err), ST_OK);
	timer.data = &ticks;
	uv_timer_init(&f.loop, &timer);
	uv_timer_start(&timer, on_tick, 10, 10);
	rpc_call(http, "eth_a", "[]", on_done, &f);
	t0 = last = uv_hrtime();
	while (f.answers < 1 && uv_hrtime() - t0 < 8000000000u) {
		uint64_t now;

		uv_run(&f.loop, UV_RUN_ONCE);
		now = uv_hrtime();
		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	assert_int_equal(f.ok, 1);
	assert_true(uv_hrtime() - t0 >= 2900000000u);
	assert_true(ticks > 100);
	assert_true(longest < 500000000u);
	assert_int_equal(lookups_on_loop, 0);
	assert_true(slow_lookups >= 2);
	uv_close((uv_handle_t *)&timer, NULL);
	rpc_free(ws);
	rpc_free(http);
	teardown(&f);
}

static void test_wait_and_urls(void **state)
{
	struct fixture f;
	struct rpc *r = NULL;
	struct err err;
	cJSON *result = NULL;
	struct rpc_opts opts = { .url = "ftp://x/SECRET" };

	(void)state;
	setup(&f, "http", http_handler, 3000, 0);
	assert_int_equal(rpc_wait(&result, f.rpc, "eth_x", "[]", &err), ST_OK);
	assert_string_equal(result->valuestring, "0x7");
	cJSON_Delete(result);
	assert_int_equal(rpc_new(&r, &f.loop, f.http, &opts, &err),
			 ST_REJECTED);
	assert_null(strstr(err.msg, "SECRET"));
	assert_null(r);
	server_stop(&f.srv);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(rpc_wait(&result, f.rpc, "eth_x", "[]", &err),
			 ST_TRANSIENT);
	assert_null(strstr(err.msg, "SECRET"));
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_answers),
		cmocka_unit_test(test_http_batch),
		cmocka_unit_test(test_http_cancel_and_limit),
		cmocka_unit_test(test_ws_order),
		cmocka_unit_test(test_ws_lost),
		cmocka_unit_test(test_ws_wrong_id_times_out),
		cmocka_unit_test(test_ws_silent),
		cmocka_unit_test(test_ws_refused),
		cmocka_unit_test(test_free_inside),
		cmocka_unit_test(test_ws_batch_and_large),
		cmocka_unit_test(test_slow_name),
		cmocka_unit_test(test_wait_and_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
