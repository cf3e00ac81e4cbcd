/*
 * The HTTP client against small servers in this process: answers, bounds,
 * timeouts, reuse of connections, and whether a request may have been sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/http.h"
#include "net_server.h"

enum { OK_ECHO, SLOW, CLOSE_LATE, BIG, RETRY, HEADERS };

struct fixture {
	uv_loop_t loop;
	struct http *http;
	struct server srv;
	char url[128];
	int mode, answers, requests;
	enum status st;
	long code;
	uint32_t retry_after_s;
	bool maybe_sent;
	char body[256], err[400], head[1024];
};

static void on_done(void *arg, enum status st, const struct http_response *res,
		    const struct err *err)
{
	struct fixture *f = arg;

	f->answers++;
	f->st = st;
	f->code = res->code;
	f->retry_after_s = res->retry_after_s;
	f->maybe_sent = res->maybe_sent;
	snprintf(f->body, sizeof(f->body), "%s", buf_str(&res->body));
	snprintf(f->err, sizeof(f->err), "%s", st == ST_OK ? "" : err->msg);
	assert_null(strstr(f->err, "SECRET"));
}

static void respond_big(struct conn *c, bool headers)
{
	struct buf out;

	buf_init(&out, 1u << 20);
	buf_add_str(&out, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; headers && i < 5000; i++)
		buf_printf(&out, "X-%d: %0100d\r\n", i, i);
	buf_add_str(&out, "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		buf_printf(&out, "64\r\n%0100d\r\n", i);
	buf_add_str(&out, "0\r\n\r\n");
	conn_send(c, out.data, out.len);
	buf_deinit(&out);
}

static void handler(struct conn *c)
{
	struct fixture *f = c->server->arg;
	char *body, *head = NULL;

	while ((body = conn_request(c, &head))) {
		f->requests++;
		snprintf(f->head, sizeof(f->head), "%s", head);
		if (f->mode == CLOSE_LATE && f->requests > 1)
			conn_close(c);
		else if (f->mode == BIG || f->mode == HEADERS)
			respond_big(c, f->mode == HEADERS);
		else if (f->mode == RETRY)
			conn_respond(c, "503 Busy", "retry-after:  12 \r\n",
				     "busy");
		else if (f->mode != SLOW)
			conn_respond(c, "200 OK", "", body);
		free(head);
		free(body);
		if (c->closed)
			return;
	}
}

static void setup(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	uv_loop_init(&f->loop);
	server_start(&f->srv, &f->loop, handler, f);
	snprintf(f->url, sizeof(f->url), "http://us:SECRET@127.0.0.1:%d/SECRET",
		 f->srv.port);
	f->http = http_new(&f->loop, 4);
}

static void teardown(struct fixture *f)
{
	http_free(f->http);
	server_stop(&f->srv);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static struct http_call *start(struct fixture *f, const char *method,
			       const char *body)
{
	const struct http_request req = { .method = method,
					  .url = f->url,
					  .body = body,
					  .body_len = body ? strlen(body) : 0,
					  .timeout_ms = 400,
					  .max_response = 1000 };

	return http_start(f->http, &req, on_done, f);
}

static void call(struct fixture *f, const char *method, const char *body)
{
	int want = f->answers + 1;

	start(f, method, body);
	assert_int_equal(f->answers, want - 1);
	while (f->answers < want)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void test_methods(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	call(&f, "POST", "{}");
	assert_int_equal(f.st, ST_OK);
	assert_int_equal(f.code, 200);
	assert_string_equal(f.body, "{}");
	assert_non_null(strstr(f.head, "POST /SECRET HTTP/1.1"));
	assert_non_null(strstr(f.head, "Authorization: Basic dXM6U0VDUkVU"));
	assert_null(strstr(f.head, "Expect"));
	assert_null(strstr(f.head, "urlencoded"));
	call(&f, "GET", NULL);
	assert_non_null(strstr(f.head, "GET /SECRET"));
	call(&f, "PUT", "x");
	assert_non_null(strstr(f.head, "PUT /SECRET"));
	assert_string_equal(f.body, "x");
	call(&f, "DELETE", NULL);
	assert_non_null(strstr(f.head, "DELETE /SECRET"));
	assert_int_equal(f.srv.accepted, 1); /* all on one connection */
	call(&f, "POST", NULL);
	assert_int_equal(f.code, 200);
	teardown(&f);
}

static void test_failures(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.mode = BIG;
	call(&f, "GET", NULL);
	assert_int_equal(f.st, ST_REJECTED);
	assert_non_null(strstr(f.err, "longer than 1000 bytes"));
	assert_string_equal(f.body, "");
	f.mode = HEADERS;
	call(&f, "GET", NULL);
	assert_int_equal(f.st, ST_REJECTED);
	f.mode = RETRY;
	call(&f, "GET", NULL);
	assert_int_equal(f.code, 503);
	assert_int_equal(f.retry_after_s, 12);
	f.mode = SLOW;
	call(&f, "POST", "x");
	assert_int_equal(f.st, ST_TRANSIENT);
	assert_true(f.maybe_sent);
	server_stop(&f.srv);
	while (f.srv.conns)
		uv_run(&f.loop, UV_RUN_ONCE);
	call(&f, "POST", "x");
	assert_int_equal(f.st, ST_TRANSIENT);
	assert_false(f.maybe_sent);
	snprintf(f.url, sizeof(f.url), "http://no such/SECRET");
	call(&f, "GET", NULL);
	assert_int_equal(f.st, ST_REJECTED);
	snprintf(f.url, sizeof(f.url), "http://nothing.invalid/SECRET");
	call(&f, "GET", NULL);
	assert_int_equal(f.st, ST_TRANSIENT);
	assert_false(f.maybe_sent);
	teardown(&f);
}

/* The server acts, then drops the answer on a kept-alive connection: a POST
 * must not be sent again behind its caller's back. */
static void test_never_twice(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	f.mode = CLOSE_LATE;
	call(&f, "POST", "1");
	assert_int_equal(f.st, ST_OK);
	call(&f, "POST", "2");
	assert_int_equal(f.st, ST_TRANSIENT);
	assert_true(f.maybe_sent);
	assert_int_equal(f.requests, 2);
	teardown(&f);
	setup(&f);
	f.mode = CLOSE_LATE;
	call(&f, "POST", "1");
	call(&f, "POST", NULL);
	assert_int_equal(f.st, ST_TRANSIENT);
	assert_int_equal(f.requests, 2);
	teardown(&f);
}

static void test_cancel(void **state)
{
	struct fixture f;
	struct http_call *c;

	(void)state;
	setup(&f);
	http_cancel(start(&f, "GET", NULL));
	c = start(&f, "GET", NULL);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	http_cancel(c);
	snprintf(f.url, sizeof(f.url), "http://nothing.invalid/");
	c = start(&f, "GET", NULL);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	http_cancel(c);
	start(&f, "GET", NULL);
	uv_run(&f.loop, UV_RUN_NOWAIT);
	teardown(&f); /* while the name is being looked up */
	assert_int_equal(f.answers, 0);
}

static uint32_t retry(const char *value)
{
	return http_retry_after_s(value, strlen(value), 784111777);
}

static void test_retry_after(void **state)
{
	(void)state;
	assert_int_equal(retry("120"), 120);
	assert_int_equal(retry(" 5\r\n"), 5);
	assert_int_equal(retry("99999999999999999999"), 86400);
	assert_int_equal(retry("Sun, 06 Nov 1994 08:50:07 GMT"), 30);
	assert_int_equal(retry("Sun, 06 Nov 1994 08:49:07 GMT"), 0);
	assert_int_equal(retry(""), 0);
	assert_int_equal(retry("soon"), 0);
	assert_int_equal(retry("-5"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_never_twice),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
