/*
 * JSON-RPC answers past the bound, and peers that fall silent in the middle of
 * something: whose call it fails, and what goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/rpc.h"
#include "net_server.h"

#define BOUND 65536
#define BIG   300000
#define HALF  100000

struct fixture {
	uv_loop_t loop;
	struct http *http;
	struct rpc *rpc;
	struct server srv;
	char url[64];

	const char *how; /* what the server does with "eth_big" */
	struct conn *half;
	struct buf rest; /* what it sends on "eth_rest" */
	bool mute;

	int answers, ok, rejected, transient;
	int up, down;
	char last[400];
	size_t n, length;
	struct rpc_error errors[4];
	char messages[4][64];
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

static void on_items(void *arg, enum status st, const struct rpc_item *items,
		     size_t n, const struct err *err)
{
	struct fixture *f = arg;

	f->answers++;
	f->ok += st == ST_OK;
	f->rejected += st == ST_REJECTED;
	f->transient += st == ST_TRANSIENT;
	if (st != ST_OK)
		snprintf(f->last, sizeof(f->last), "%s", err->msg);
	f->n = n;
	f->length = n ? items[0].result.n : 0;
	for (size_t i = 0; i < n && i < 4; i++) {
		f->errors[i] = items[i].error;
		f->errors[i].message = NULL;
		snprintf(f->messages[i], sizeof(f->messages[i]), "%s",
			 items[i].error.message ? items[i].error.message : "");
	}
}

static void on_done(void *arg, enum status st, cJSON *result,
		    const struct rpc_error *error, const struct err *err)
{
	struct rpc_item item = { 0 };

	assert_true(!result == (st != ST_OK));
	if (error)
		item.error = *error;
	on_items(arg, st, &item, st == ST_TRANSIENT ? 0 : 1, err);
}

static void setup(struct fixture *f, const char *scheme,
		  void (*handler)(struct conn *), uint32_t idle_ms)
{
	struct rpc_opts opts = {
		.url = f->url,
		.timeout_ms = 20000,
		.max_message = BOUND,
		.idle_ms = idle_ms,
		.on_state = on_state,
		.arg = f,
	};

	memset(f, 0, sizeof(*f));
	buf_init(&f->rest, 64u << 20);
	uv_loop_init(&f->loop);
	server_start(&f->srv, &f->loop, handler, f);
	snprintf(f->url, sizeof(f->url), "%s://127.0.0.1:%d/", scheme,
		 f->srv.port);
	f->http = http_new(&f->loop, 8);
	assert_int_equal(rpc_new(&f->rpc, &f->loop, f->http, &opts, NULL),
			 ST_OK);
}

static void teardown(struct fixture *f)
{
	rpc_free(f->rpc);
	http_free(f->http);
	server_stop(&f->srv);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_deinit(&f->rest);
}

static void until(struct fixture *f, const int *what, int n)
{
	uint64_t end = uv_hrtime() + 15000000000u;

	while (*what < n && uv_hrtime() < end)
		uv_run(&f->loop, UV_RUN_ONCE);
	if (*what != n)
		fail_msg("%d instead of %d; %s", *what, n, f->last);
}

static const struct rpc_batch_item two[] = { { "eth_big", "[]" },
					     { "eth_b", "[]" } };

static struct rpc_call *ask(struct fixture *f, const char *how)
{
	f->how = how;
	return rpc_batch_text(f->rpc, two, 2, on_items, f);
}

static void assert_too_long(const struct fixture *f, size_t n, size_t bound)
{
	char want[64];

	snprintf(want, sizeof(want), "answer longer than %zu bytes", bound);
	assert_int_equal(f->n, n);
	assert_non_null(strstr(f->last, want));
	assert_non_null(strstr(f->last, rpc_label(f->rpc)));
	for (size_t i = 0; i < n; i++) {
		assert_true(f->errors[i].too_long);
		assert_string_equal(f->messages[i], want);
	}
}

static unsigned long long id_of(const char *body)
{
	const char *p = strstr(body, "\"id\":");

	return p ? strtoull(p + 5, NULL, 10) : 0;
}

/* An answer to a batch of two whose first result has @len characters. */
static void big_answer(struct buf *out, unsigned long long id, size_t len,
		       bool id_last)
{
	buf_init(out, 64u << 20);
	buf_printf(out, "[{\"jsonrpc\":\"2.0\"");
	if (!id_last)
		buf_printf(out, ",\"id\":%llu", id);
	buf_add_str(out, ",\"result\":\"");
	for (size_t i = 0; i < len; i++)
		buf_add_byte(out, 'x');
	buf_add_byte(out, '"');
	if (id_last)
		buf_printf(out, ",\"id\":%llu", id);
	buf_printf(out, "},{\"id\":%llu,\"result\":null}]", id + 1);
}

static void http_handler(struct conn *c)
{
	struct fixture *f = c->server->arg;
	char *body;

	while ((body = conn_request(c, NULL))) {
		unsigned long long id = id_of(body);
		struct buf out;

		free(body);
		big_answer(&out, id, strcmp(f->how, "small") ? BIG : 1000,
			   false);
		if (strcmp(f->how, "chunked") == 0) {
			conn_send(c,
				  "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				  "chunked\r\n\r\n",
				  47);
			for (size_t at = 0; at < out.len; at += 10000) {
				char head[32];
				size_t n =
				    out.len - at < 10000 ? out.len - at : 10000;

				snprintf(head, sizeof(head), "%zx\r\n", n);
				conn_send(c, head, strlen(head));
				conn_send(c, out.data + at, n);
				conn_send(c, "\r\n", 2);
			}
			conn_send(c, "0\r\n\r\n", 5);
		} else if (strcmp(f->how, "busy") == 0) {
			conn_respond(c, "429 Too Many Requests",
				     "Retry-After: 3\r\n", buf_str(&out));
		} else {
			conn_respond(c, "200 OK", "", buf_str(&out));
		}
		buf_deinit(&out);
	}
}

static void test_http_too_long(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "http", http_handler, 0);
	ask(&f, "length");
	until(&f, &f.rejected, 1);
	assert_too_long(&f, 2, BOUND);
	ask(&f, "chunked");
	until(&f, &f.rejected, 2);
	assert_too_long(&f, 2, BOUND);
	rpc_call(f.rpc, "eth_big", "[]", on_done, &f);
	until(&f, &f.rejected, 3);
	assert_too_long(&f, 1, BOUND);
	ask(&f, "busy");
	until(&f, &f.transient, 1);
	assert_non_null(strstr(f.last, "HTTP status 429"));
	assert_int_equal(f.n, 0);
	ask(&f, "small");
	until(&f, &f.ok, 1);
	assert_int_equal(f.length, 1002);
	rpc_set_max_message(f.rpc, BIG + 1000);
	ask(&f, "chunked");
	until(&f, &f.ok, 2);
	assert_int_equal(f.length, BIG + 2);
	ask(&f, "length");
	until(&f, &f.ok, 3);
	assert_int_equal(f.length, BIG + 2);
	rpc_set_max_message(f.rpc, BIG);
	ask(&f, "length");
	until(&f, &f.rejected, 4);
	assert_too_long(&f, 2, BIG);
	teardown(&f);
}

static void frame_head(struct conn *c, size_t len)
{
	uint8_t head[10] = { 0x81, 127 };

	for (int i = 0; i < 8; i++)
		head[9 - i] = (uint8_t)((uint64_t)len >> (8 * i));
	conn_send(c, head, sizeof(head));
}

static void fragments(struct conn *c, const struct buf *out, size_t step)
{
	for (size_t at = 0; at < out->len; at += step) {
		bool last = out->len - at <= step;

		ws_frame(c, at ? 0 : 1, last, (const char *)out->data + at,
			 last ? out->len - at : step);
	}
}

static void send_big(struct fixture *f, struct conn *c, unsigned long long id)
{
	struct buf out;

	big_answer(&out, strcmp(f->how, "other") ? id : 999999, BIG,
		   strcmp(f->how, "id last") == 0);
	if (strcmp(f->how, "fragments") == 0) {
		fragments(c, &out, 1000);
	} else if (strcmp(f->how, "crumbs") == 0) {
		ws_frame(c, 1, false, (const char *)out.data, 3);
		ws_frame(c, 0, false, (const char *)out.data + 3, 30);
		ws_frame(c, 0, true, (const char *)out.data + 33, out.len - 33);
	} else if (strcmp(f->how, "half") == 0) {
		/* more than is received at once; the rest when it is asked
		 * for */
		frame_head(c, out.len);
		conn_send(c, out.data, HALF);
		buf_reset(&f->rest);
		buf_add(&f->rest, out.data + HALF, out.len - HALF);
	} else {
		ws_frame(c, 1, true, (const char *)out.data, out.len);
	}
	buf_deinit(&out);
}

static void ws_handler(struct conn *c)
{
	struct fixture *f = c->server->arg;
	char out[128], *text;
	int op;

	if (!c->upgraded) {
		ws_accept(c);
		return;
	}
	while ((text = ws_take(c, &op))) {
		if (op == 9 && !f->mute)
			ws_frame(c, 10, true, text, strlen(text));
		if (op == 1 && strstr(text, "eth_big")) {
			send_big(f, c, id_of(text));
		} else if (op == 1 && strstr(text, "eth_stall")) {
			uv_read_stop((uv_stream_t *)&c->tcp);
		} else if (op == 1 && !strstr(text, "eth_never")) {
			if (f->rest.len)
				conn_send(c, f->rest.data, f->rest.len);
			buf_reset(&f->rest);
			snprintf(out, sizeof(out),
				 "{\"id\":%llu,\"result\":\"small\"}",
				 id_of(text));
			ws_text(c, out);
		}
		free(text);
	}
}

static void test_ws_too_long(void **state)
{
	static const char *const ways[] = { "whole", "fragments", "crumbs" };
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 5000);
	for (int i = 0; i < 3; i++) {
		ask(&f, ways[i]);
		rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
		until(&f, &f.rejected, i + 1);
		assert_too_long(&f, 2, BOUND);
		until(&f, &f.ok, i + 1); /* behind it, on the same socket */
	}
	/* an answer that nobody waits for any more is dropped as well */
	ask(&f, "other");
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 4);
	assert_int_equal(f.answers, 7);
	/* told before the rest came; the smaller call is answered after it */
	ask(&f, "half");
	until(&f, &f.rejected, 4);
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 5);
	/* within the new bound it is an answer */
	rpc_set_max_message(f.rpc, BIG + 1000);
	for (int i = 0; i < 3; i++) {
		ask(&f, ways[i]);
		until(&f, &f.ok, 6 + i);
		assert_int_equal(f.length, BIG + 2);
	}
	assert_int_equal(f.up, 1);
	assert_int_equal(f.down, 0);
	/* whose it is cannot be told: all are in doubt */
	rpc_set_max_message(f.rpc, BOUND);
	ask(&f, "id last");
	until(&f, &f.down, 1);
	assert_non_null(strstr(f.last, "message longer than 65536 bytes"));
	assert_int_equal(f.transient, 2); /* this one and "other" */
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 9);
	teardown(&f);
}

static void reconnect_in_items(void *arg, enum status st,
			       const struct rpc_item *items, size_t n,
			       const struct err *err)
{
	struct fixture *f = arg;

	on_items(arg, st, items, n, err);
	rpc_reconnect(f->rpc);
}

static void free_in_items(void *arg, enum status st,
			  const struct rpc_item *items, size_t n,
			  const struct err *err)
{
	struct fixture *f = arg;

	on_items(arg, st, items, n, err);
	rpc_free(f->rpc);
	f->rpc = NULL;
}

static void test_drop_inside(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 5000);
	f.how = "whole";
	rpc_batch_text(f.rpc, two, 2, reconnect_in_items, &f);
	until(&f, &f.rejected, 1);
	until(&f, &f.up, 2);
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 1);
	/* inside of an answer that is whole, its text read before and after */
	rpc_set_max_message(f.rpc, BIG + 1000);
	rpc_batch_text(f.rpc, two, 2, reconnect_in_items, &f);
	until(&f, &f.ok, 2);
	assert_int_equal(f.length, BIG + 2);
	until(&f, &f.up, 3);
	rpc_set_max_message(f.rpc, BOUND);
	rpc_batch_text(f.rpc, two, 2, free_in_items, &f);
	until(&f, &f.rejected, 2);
	teardown(&f);
	setup(&f, "http", http_handler, 0);
	f.how = "chunked";
	rpc_batch_text(f.rpc, two, 2, free_in_items, &f);
	until(&f, &f.rejected, 1);
	teardown(&f);
}

/* A call under way when the socket is dropped fails at once, what was not
 * sent goes out on the next one, and that one answers. */
static void test_reconnect_in_call(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 5000);
	until(&f, &f.up, 1);
	rpc_call(f.rpc, "eth_never", "[]", on_done, &f);
	ask(&f, "half"); /* the middle of a message is no hindrance */
	until(&f, &f.rejected, 1);
	rpc_reconnect(f.rpc);
	assert_int_equal(f.transient, 1);
	assert_non_null(strstr(f.last, "dropped to connect anew"));
	assert_int_equal(f.down, 1);
	buf_reset(&f.rest);
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 1);
	assert_int_equal(f.up, 2);
	teardown(&f);
}

/* Peers whose socket is open and who are gone: one takes bytes and answers no
 * ping, one takes none any more, one stops in the middle of a message. */
static void test_silent_peers(void **state)
{
	struct fixture f;
	struct buf params;
	uint64_t began;

	(void)state;
	buf_init(&params, 32u << 20);
	buf_add_str(&params, "[\"");
	for (int i = 0; i < (16 << 20); i++)
		buf_add_byte(&params, 'x');
	buf_add_str(&params, "\"]");
	for (int i = 0; i < 3; i++) {
		setup(&f, "ws", ws_handler, 200);
		f.mute = true;
		rpc_set_max_message(f.rpc, 1u << 20);
		until(&f, &f.up, 1);
		began = uv_hrtime();
		if (i == 0) {
			rpc_call(f.rpc, "eth_never", "[]", on_done, &f);
		} else if (i == 1) {
			rpc_call(f.rpc, "eth_stall", "[]", on_done, &f);
			rpc_call(f.rpc, "eth_never", buf_str(&params), on_done,
				 &f);
		} else {
			ask(&f, "half");
		}
		until(&f, &f.down, 1);
		assert_non_null(strstr(f.last, "silent for"));
		assert_int_equal(f.transient, i == 1 ? 2 : 1);
		assert_true(uv_hrtime() - began >= 300000000u);
		assert_true(uv_hrtime() - began < 5000000000u);
		/* and the next socket serves */
		f.mute = false;
		buf_reset(&f.rest);
		rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
		until(&f, &f.ok, 1);
		teardown(&f);
	}
	buf_deinit(&params);
}

/* When our own thread was kept busy, what came meanwhile is read before the
 * peer is called silent. */
static void test_busy_is_not_silent(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, "ws", ws_handler, 200);
	until(&f, &f.up, 1);
	for (int i = 0; i < 3; i++) {
		ws_text(f.srv.conns, "7");
		usleep(500000);
		for (int turn = 0; turn < 5; turn++)
			uv_run(&f.loop, UV_RUN_NOWAIT);
		if (f.down)
			fail_msg("%s", f.last);
	}
	rpc_call(f.rpc, "eth_small", "[]", on_done, &f);
	until(&f, &f.ok, 1);
	assert_int_equal(f.down, 0);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_too_long),
		cmocka_unit_test(test_ws_too_long),
		cmocka_unit_test(test_drop_inside),
		cmocka_unit_test(test_reconnect_in_call),
		cmocka_unit_test(test_silent_peers),
		cmocka_unit_test(test_busy_is_not_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
