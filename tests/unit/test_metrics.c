/*
 * Metrics as text: every kind, escaping, the bound on series, and names that
 * are bugs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "core/metrics.h"
#include "core/rpc_stats.h"

static void expect(const struct metrics *m, const char *text)
{
	struct buf out;

	buf_init(&out, METRICS_BYTES_MAX);
	metrics_write(m, &out);
	assert_string_equal(buf_str(&out), text);
	buf_deinit(&out);
}

static void test_kinds(void **state)
{
	static const double bounds[] = { 0.1, 1, 2.5 };
	AUTO(metrics) struct metrics *m = metrics_new();
	struct metric *calls =
	    metrics_add(m, &(struct metric_opts){ .kind = METRIC_COUNTER,
						  .name = "x_calls_total",
						  .help = "Calls.",
						  .labels = { "op", "code" } });
	struct metric *lag = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_GAUGE, .name = "x_lag", .help = "Lag." });
	struct metric *took =
	    metrics_add(m, &(struct metric_opts){ .kind = METRIC_HISTOGRAM,
						  .name = "x_seconds",
						  .help = "Time.",
						  .labels = { "step" },
						  .bounds = bounds,
						  .bound_count = 3 });

	(void)state;
	expect(m, ""); /* nothing has a value yet */
	METRIC_INC(calls, 1, "create", "200");
	METRIC_INC(calls, 2, "create", "200");
	METRIC_SET(calls, 7, "delete", "404");
	METRIC_SET(lag, 1.5);
	METRIC_SET(lag, -3);
	METRIC_OBSERVE(took, 0.1, "a"); /* on the bound: below or equal */
	METRIC_OBSERVE(took, 2, "a");
	METRIC_OBSERVE(took, 99, "a");
	expect(m, "# HELP x_calls_total Calls.\n"
		  "# TYPE x_calls_total counter\n"
		  "x_calls_total{op=\"create\",code=\"200\"} 3\n"
		  "x_calls_total{op=\"delete\",code=\"404\"} 7\n"
		  "# HELP x_lag Lag.\n"
		  "# TYPE x_lag gauge\n"
		  "x_lag -3\n"
		  "# HELP x_seconds Time.\n"
		  "# TYPE x_seconds histogram\n"
		  "x_seconds_bucket{step=\"a\",le=\"0.1\"} 1\n"
		  "x_seconds_bucket{step=\"a\",le=\"1\"} 1\n"
		  "x_seconds_bucket{step=\"a\",le=\"2.5\"} 2\n"
		  "x_seconds_bucket{step=\"a\",le=\"+Inf\"} 3\n"
		  "x_seconds_sum{step=\"a\"} 101.1\n"
		  "x_seconds_count{step=\"a\"} 3\n");
}

static void test_numbers(void **state)
{
	AUTO(metrics) struct metrics *m = metrics_new();
	struct metric *g = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_GAUGE, .name = "g", .help = "h" });
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 9007199254740991.0, "9007199254740991" },
		{ 1e300, "1e+300" },
		{ 0.25, "0.25" },
		{ INFINITY, "+Inf" },
		{ -INFINITY, "-Inf" },
		{ NAN, "NaN" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[128];

		METRIC_SET(g, cases[i].v);
		(void)snprintf(want, sizeof(want),
			       "# HELP g h\n# TYPE g gauge\ng %s\n",
			       cases[i].text);
		expect(m, want);
	}
	metric_clear(g);
	expect(m, "");
}

static void test_escaping(void **state)
{
	AUTO(metrics) struct metrics *m = metrics_new();
	struct metric *g =
	    metrics_add(m, &(struct metric_opts){ .kind = METRIC_GAUGE,
						  .name = "g",
						  .help = "a \\ b\nc \"d\"",
						  .labels = { "l" } });

	(void)state;
	METRIC_SET(g, 1, "q\"\\\nt\t\x7f\xc3\xa9");
	expect(m, "# HELP g a \\\\ b\\nc \"d\"\n# TYPE g gauge\n"
		  "g{l=\"q\\\"\\\\\\nt????\"} 1\n");
}

static void test_bound(void **state)
{
	AUTO(metrics) struct metrics *m = metrics_new();
	struct metric *c =
	    metrics_add(m, &(struct metric_opts){ .kind = METRIC_COUNTER,
						  .name = "c_total",
						  .help = "h",
						  .labels = { "l" },
						  .series_max = 3 });
	char longer[200];

	(void)state;
	METRIC_INC(c, 1, "a");
	METRIC_INC(c, 1, "b");
	METRIC_INC(c, 1, "c");
	METRIC_INC(c, 1, "d");
	METRIC_INC(c, 1, "a");
	expect(m, "# HELP c_total h\n# TYPE c_total counter\n"
		  "c_total{l=\"a\"} 2\nc_total{l=\"b\"} 1\n"
		  "c_total{l=\"other\"} 2\n");
	metric_clear(c);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	METRIC_INC(c, 1, longer);
	METRIC_INC(c, 1, longer); /* cut, and found again */
	expect(m,
	       "# HELP c_total h\n# TYPE c_total counter\nc_total{l=\""
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "\"} 2\n");
}

/* Process-wide, so the only test that counts calls. */
static void test_rpc_totals(void **state)
{
	AUTO(metrics) struct metrics *m = metrics_new();
	struct rpc_metrics *r = rpc_metrics_new(m);
	uint8_t a = rpc_stats_method("eth_a");
	struct buf out;
	char name[32];

	(void)state;
	rpc_stats_count(a, RPC_ANSWERED);
	rpc_stats_count(rpc_stats_method("eth_a"), RPC_ANSWERED);
	rpc_stats_count(rpc_stats_method("eth_b"), RPC_REFUSED);
	/* More methods than are told apart are counted together. */
	for (int i = 0; i < RPC_METHODS_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "eth_%d", i);
		rpc_stats_count(rpc_stats_method(name), RPC_UNANSWERED);
	}
	assert_int_equal(rpc_stats_method("eth_a"), a);
	rpc_stats_bytes(10, 3);
	rpc_stats_bytes(1, 0);
	rpc_metrics_collect(r);
	rpc_metrics_collect(r); /* totals, not sums */
	buf_init(&out, METRICS_BYTES_MAX);
	metrics_write(m, &out);
	for (const char *const *want =
		 (const char *const[]){
		     "{method=\"eth_a\",outcome=\"answered\"} 2\n",
		     "{method=\"eth_b\",outcome=\"refused\"} 1\n",
		     "{method=\"eth_29\",outcome=\"unanswered\"} 1\n",
		     "{method=\"other\",outcome=\"unanswered\"} 7\n",
		     "chaincast_rpc_sent_bytes_total 11\n",
		     "chaincast_rpc_received_bytes_total 3\n", NULL };
	     *want; want++)
		if (!strstr(buf_str(&out), *want))
			fail_msg("no %s in %s", *want, buf_str(&out));
	buf_deinit(&out);
	rpc_metrics_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_rpc_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
