/*
 * Names of endpoints: slow to be found, and of hosts that move. This program
 * stands before the C library's lookup.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "rpc_fixture.h"

#define SLOW_NAME  "slow-name.test"
#define MOVED_NAME "moved-name.test"

static pthread_t loop_thread;
static int slow_lookups, moved_lookups, lookups_on_loop;

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
	/* It was elsewhere, where nobody listens; now it is here. */
	if (node && strcmp(node, MOVED_NAME) == 0)
		return real(
		    __atomic_fetch_add(&moved_lookups, 1, __ATOMIC_SEQ_CST)
			? "127.0.0.1"
			: "127.0.0.2",
		    service, hints, res);
	return real(node, service, hints, res);
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
	loop_thread = pthread_self();
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

/* Opens, and is there. */
static void open_handler(struct conn *c)
{
	char *text;
	int op;

	if (!c->upgraded) {
		ws_accept(c);
		return;
	}
	while ((text = ws_take(c, &op)))
		free(text);
}

/* What was looked up is not believed once it has failed. */
static void test_moved_host(void **state)
{
	struct fixture f;
	struct rpc *ws;
	struct err err;
	char url[128];
	struct rpc_opts opts = { .url = url,
				 .timeout_ms = 8000,
				 .max_message = 65536,
				 .idle_ms = 60000,
				 .on_state = on_state,
				 .arg = &f };

	(void)state;
	setup(&f, "http", open_handler, 3000, 0);
	snprintf(url, sizeof(url), "ws://" MOVED_NAME ":%d/", f.srv.port);
	assert_int_equal(rpc_new(&ws, &f.loop, NULL, &opts, &err), ST_OK);
	until(&f, &f.up, 1);
	assert_int_equal(f.down, 1);
	assert_int_equal(moved_lookups, 2);
	rpc_free(ws);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_name),
		cmocka_unit_test(test_moved_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
