/*
 * JSON-RPC over a WebSocket against small servers in this process: order,
 * batches, subscriptions, sockets that are lost, silent or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "rpc_fixture.h"

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

/* While a connection is tried again and again, nobody's descriptor is closed
 * but its own. */
static void test_ws_others_descriptors(void **state)
{
	struct fixture f;
	int others[400];
	size_t n = 0;

	(void)state;
	setup(&f, "ws", mute_handler, 50, 100);
	for (uint64_t end = uv_hrtime() + 60000000000u;
	     f.down < 5 && uv_hrtime() < end;) {
		if (n < ARRAY_SIZE(others))
			others[n++] = dup(STDERR_FILENO);
		uv_run(&f.loop, UV_RUN_ONCE);
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(fcntl(others[i], F_GETFD), -1);
	}
	assert_true(f.down >= 5);
	while (n)
		close(others[--n]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ws_order),
		cmocka_unit_test(test_ws_lost),
		cmocka_unit_test(test_ws_wrong_id_times_out),
		cmocka_unit_test(test_ws_silent),
		cmocka_unit_test(test_ws_refused),
		cmocka_unit_test(test_ws_others_descriptors),
		cmocka_unit_test(test_free_inside),
		cmocka_unit_test(test_ws_batch_and_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
