/*
 * JSON-RPC over HTTP against small servers in this process, honest and
 * hostile; waiting for an answer. No fixed ports, nothing outside loopback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rpc_fixture.h"

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
		cmocka_unit_test(test_wait_and_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
