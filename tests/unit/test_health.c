/*
 * The health server: what a request's head must be, which addresses are
 * allowed, and then real connections: answers, slow and greedy ones, too many
 * at once, a port that is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/health.h"
#include "core/httpd.h"
#include "core/loop.h"

static int parse(struct httpd_request *r, const char *text)
{
	return httpd_parse(r, text, strlen(text));
}

#define H "Host: x\r\n"

static void test_parse_good(void **state)
{
	static const struct {
		const char *text, *path;
		bool head;
	} cases[] = {
		{ "GET /metrics HTTP/1.1\r\n" H "\r\n", "/metrics", false },
		{ "HEAD / HTTP/1.1\r\nhOsT:\r\nA: b c\r\n\r\n", "/", true },
		{ "GET /a?b=c/d HTTP/1.0\r\n\r\n", "/a", false },
		{ "GET http://h:1/readyz HTTP/1.1\r\n" H "\r\nbody", "/readyz",
		  false },
	};
	struct httpd_request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = strlen(cases[i].text);

		memset(&r, 0xff, sizeof(r));
		assert_int_equal(httpd_parse(&r, cases[i].text, n), 200);
		assert_string_equal(r.path, cases[i].path);
		assert_int_equal(r.head, cases[i].head);
		/* Cut anywhere before the empty line, more is asked for. */
		n = (size_t)(strstr(cases[i].text, "\r\n\r\n") + 3 -
			     cases[i].text);
		while (n--)
			assert_int_equal(httpd_parse(&r, cases[i].text, n), 0);
	}
}

static void test_parse_bad(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "POST /metrics HTTP/1.1\r\n" H "\r\n", 405 },
		{ "BREW /x HTTP/1.1\r\n" H "\r\n", 405 },
		{ "get / HTTP/1.1\r\n" H "\r\n", 405 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 }, /* no Host */
		{ "GET / HTTP/1.1\r\n" H H "\r\n", 400 },
		{ "\r\n", 400 },
		{ "GET /\r\n", 400 },
		{ "GET  / HTTP/1.1\r\n", 400 },
		{ "GET / x HTTP/1.1\r\n", 400 },
		{ "G@T / HTTP/1.1\r\n", 400 },
		{ "GET * HTTP/1.1\r\n", 400 },
		{ "GET http://h HTTP/1.1\r\n", 400 },
		{ "GET /\x01 HTTP/1.1\r\n", 400 },
		{ "GET / HTTP/11\r\n", 400 },
		{ "GET / XTTP/1.1\r\n", 400 },
		{ "GET / HTTP/2.0\r\n", 505 },
		{ "GET / HTTP/1.1\nHost: x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\n" H " folded\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : x\r\n", 400 },
		{ "GET / HTTP/1.1\r\nA: b\rc\r\n", 400 },
		{ "GET / HTTP/1.1\r\nnocolon\r\n", 400 },
	};
	char text[HTTPD_REQUEST_MAX + 100];
	struct httpd_request r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(parse(&r, cases[i].text), cases[i].code);
	assert_int_equal(httpd_parse(&r, "GET / HTTP/1.1\r\nA: \0\r\n", 22),
			 400);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(httpd_parse(&r, text, HTTPD_REQUEST_MAX - 1), 0);
	assert_int_equal(httpd_parse(&r, text, sizeof(text)), 431);
	memcpy(text + 5 + HTTPD_PATH_MAX, " HTTP/1.1\r\n" H "\r\n", 22);
	assert_int_equal(httpd_parse(&r, text, 300), 414);
	memmove(text + 5, text + 6, 290);
	assert_int_equal(httpd_parse(&r, text, 300), 200);
}

static void test_address(void **state)
{
	static const char *const good[] = { "127.0.0.1:0", "127.9.9.9:65535",
					    "[::1]:9464", "localhost:1" };
	static const char *const bad[] = {
		"",
		"9464",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1: 1",
		"0.0.0.0:1",
		"10.0.0.1:1",
		"[::]:1",
		"::1:1",
		"example.org:1",
		":1",
		"127.0.0.1:000001",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1",
	};
	struct sockaddr_storage ss;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(httpd_address(&ss, good[i], NULL), ST_OK);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(httpd_address(&ss, bad[i], NULL), ST_REJECTED);
}

static void test_mark(void **state)
{
	struct health_mark m = { 0 };

	(void)state;
	assert_int_equal(health_mark_age_ms(&m, 10, 10, 100), 0);
	assert_int_equal(health_mark_age_ms(&m, 10, 11, 200), 0);
	assert_int_equal(health_mark_age_ms(&m, 10, 12, 900), 700);
	/* 11 is done: 12 is waited for since it was noted */
	assert_int_equal(health_mark_age_ms(&m, 11, 13, 1000), 0);
	assert_int_equal(health_mark_age_ms(&m, 12, 14, 1500), 500);
	/* a reorg makes the chain shorter than what was waited for */
	assert_int_equal(health_mark_age_ms(&m, 10, 12, 2000), 0);
	assert_int_equal(health_mark_age_ms(&m, 12, 12, 9000), 0);
	assert_int_equal(health_mark_age_ms(&m, 12, 13, 9500), 0);
}

/* ---- over real connections ---- */

struct fixture {
	uv_loop_t loop;
	struct health *health;
	uint16_t port;
	int listens, collects;
	char listen[40], failure[400];
	const char *reason; /* NULL: ready */
};

static void on_ready(void *arg, struct health_report *out)
{
	struct fixture *f = arg;

	out->role = "leader";
	if (f->reason)
		health_reason(out, f->reason, "for %d \"s\"", 3);
}

static void on_collect(void *arg)
{
	((struct fixture *)arg)->collects++;
}

static void on_listen(void *arg, uint16_t port, const struct err *err)
{
	struct fixture *f = arg;

	f->listens++;
	f->port = port;
	(void)snprintf(f->failure, sizeof(f->failure), "%s",
		       err ? err->msg : "");
}

static struct health *serve(struct fixture *f, const char *listen)
{
	struct health_opts opts = {
		.loop = &f->loop,
		.listen = listen,
		.ready = on_ready,
		.collect = on_collect,
		.on_listen = on_listen,
		.arg = f,
	};

	return health_new(&opts);
}

static int set_up(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));

	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->health = serve(f, "127.0.0.1:0");
	assert_int_equal(f->listens, 1);
	assert_true(f->port > 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	health_free(f->health);
	assert_true(loop_finish(&f->loop, 5000));
	free(f);
	return 0;
}

static int dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What the server sends until it closes; "" when it closes without a word. */
static const char *hear(struct fixture *f, int fd, uint32_t ms)
{
	static char text[HTTPD_REQUEST_MAX * 8];
	uint64_t end = uv_hrtime() / 1000000 + ms;
	size_t len = 0;
	ssize_t n = -1;

	while (n != 0 && uv_hrtime() / 1000000 < end) {
		loop_pause(&f->loop, 1);
		n = recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	assert_int_equal(n, 0);
	assert_int_equal(close(fd), 0);
	return text;
}

static const char *ask(struct fixture *f, const char *request)
{
	int fd = dial(f->port);
	size_t n = strlen(request);

	assert_int_equal(send(fd, request, n, MSG_NOSIGNAL), (ssize_t)n);
	return hear(f, fd, 8000);
}

static const char *get(struct fixture *f, const char *path)
{
	char request[200];

	(void)snprintf(request, sizeof(request),
		       "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
	return ask(f, request);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static void begins(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

static void test_paths(void **state)
{
	struct fixture *f = *state;
	const char *text = get(f, "/healthz");

	begins(text, "HTTP/1.1 200 OK\r\n");
	has(text, "\r\nContent-Length: 6\r\n");
	has(text, "\r\nConnection: close\r\n");
	has(text, "\r\n\r\nalive\n");
	text = get(f, "/readyz");
	begins(text, "HTTP/1.1 200 OK\r\n");
	has(text, "\r\nContent-Type: application/json\r\n");
	has(text, "\r\n\r\n"
		  "{\"ready\":true,\"role\":\"leader\",\"reasons\":[]}\n");
	f->reason = "database";
	text = get(f, "/readyz?verbose");
	begins(text, "HTTP/1.1 503 Service Unavailable\r\n");
	has(text, "{\"ready\":false,\"role\":\"leader\",\"reasons\":["
		  "{\"reason\":\"database\","
		  "\"detail\":\"for 3 \\\"s\\\"\"}]}\n");
	assert_int_equal(f->collects, 0);
	text = get(f, "/metrics");
	begins(text, "HTTP/1.1 200 OK\r\n");
	has(text, "\r\nContent-Type: text/plain; version=0.0.4; "
		  "charset=utf-8\r\n");
	has(text, "\nchaincast_ready 0\n");
	has(text, "\nchaincast_not_ready{reason=\"database\"} 1\n");
	has(text, "\nchaincast_leader 1\n");
	has(text, "\nprocess_resident_memory_bytes ");
	has(text, "\n# TYPE process_cpu_seconds_total counter\n");
	assert_int_equal(f->collects, 1);
	begins(get(f, "/"), "HTTP/1.1 404 Not Found\r\n");
	begins(get(f, "/healthz/"), "HTTP/1.1 404 Not Found\r\n");
}

static void test_methods(void **state)
{
	struct fixture *f = *state;
	const char *text = ask(f, "HEAD /healthz HTTP/1.1\r\n" H "\r\n");
	char *big = mem_zalloc(40000);

	begins(text, "HTTP/1.1 200 OK\r\n");
	has(text, "\r\nContent-Length: 6\r\n");
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	/* Its answer arrives although its body was never asked for. */
	memset(big, 'b', 39999);
	memcpy(big, "POST /metrics HTTP/1.1\r\n" H "\r\n", 35);
	text = ask(f, big);
	free(big);
	begins(text, "HTTP/1.1 405 Method Not Allowed\r\n");
	has(text, "\r\nAllow: GET, HEAD\r\n");
	begins(ask(f, "nonsense\r\n\r\n"), "HTTP/1.1 400 Bad Request\r\n");
}

static void test_slow(void **state)
{
	struct fixture *f = *state;
	uint64_t start = uv_hrtime();
	int fd = dial(f->port), half = dial(f->port);

	assert_int_equal(send(fd, "GET / HT", 8, MSG_NOSIGNAL), 8);
	/* One that has sent all and says so still gets its answer. */
	assert_int_equal(
	    send(half, "GET /healthz HTTP/1.0\r\n\r\n", 25, MSG_NOSIGNAL), 25);
	assert_int_equal(shutdown(half, SHUT_WR), 0);
	begins(hear(f, half, 500), "HTTP/1.1 200 OK\r\n");
	assert_string_equal(hear(f, fd, HTTPD_PHASE_MS + 3000), "");
	assert_true((uv_hrtime() - start) / 1000000 >= HTTPD_PHASE_MS - 500);
}

static void test_greedy(void **state)
{
	struct fixture *f = *state;
	int fds[HTTPD_CONNECTIONS_MAX + 4];

	/* Those who came first and said nothing make room. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial(f->port);
		loop_pause(&f->loop, 1);
	}
	begins(get(f, "/healthz"), "HTTP/1.1 200 OK\r\n");
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(hear(f, fds[i], 3000), "");
	for (size_t i = 5; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(close(fds[i]), 0);
}

static void test_port_taken(void **state)
{
	struct fixture *f = *state;
	struct fixture second = { 0 };
	struct fixture *s = &second;
	uint16_t port = f->port;

	/* As two daemons of one config: the second waits for the port. */
	assert_int_equal(uv_loop_init(&s->loop), 0);
	(void)snprintf(s->listen, sizeof(s->listen), "127.0.0.1:%u", port);
	s->health = serve(s, s->listen);
	assert_int_equal(s->listens, 1);
	has(s->failure, "address already in use");
	loop_pause(&s->loop, 1200);
	assert_int_equal(s->listens, 1); /* said once */
	health_free(f->health);
	loop_pause(&f->loop, 10);
	f->health = serve(f, "off");
	for (int i = 0; i < 50 && s->listens == 1; i++)
		loop_pause(&s->loop, 100);
	assert_int_equal(s->listens, 2);
	assert_int_equal(s->port, port);
	begins(get(s, "/healthz"), "HTTP/1.1 200 OK\r\n");
	health_free(s->health);
	assert_true(loop_finish(&s->loop, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_good),
		cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_mark),
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_methods, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_slow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_greedy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_port_taken, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
