/*
 * The three paths of a daemon's health, and the numbers that every process
 * has. Takes no decision: whether it is ready is asked of the daemon at each
 * request.
 */
#include "core/health.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/httpd.h"

#define LAG_MS   500 /* how often the loop's punctuality is looked at */
#define RETRY_MS 1000

struct health {
	struct health_opts o;
	char *listen;
	struct httpd *server;
	struct metrics *metrics;
	uv_timer_t lag_timer, retry_timer;
	unsigned open_handles;
	uint64_t lag_due_ms;
	bool told;
	struct {
		struct metric *ready, *reasons, *leader;
		struct metric *lag, *memory, *cpu, *files, *start, *build;
	} m;
};

/* ---- the report ---- */

void health_reason(struct health_report *r, const char *name, const char *fmt,
		   ...)
{
	va_list ap;

	if (r->count == HEALTH_REASONS_MAX)
		return;
	r->reasons[r->count].name = name;
	va_start(ap, fmt);
	(void)vsnprintf(r->reasons[r->count].detail,
			sizeof(r->reasons[r->count].detail), fmt, ap);
	va_end(ap);
	r->count++;
}

bool health_has(const struct health_report *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->reasons[i].name, name) == 0)
			return true;
	return false;
}

static void add_string(struct buf *out, const char *s)
{
	buf_add_byte(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			buf_printf(out, "\\u%04x", (unsigned char)*s);
		else
			buf_add_byte(out, (uint8_t)*s);
	}
	buf_add_byte(out, '"');
}

void health_write(const struct health_report *r, struct buf *out)
{
	buf_printf(out, "{\"ready\":%s,\"role\":", r->count ? "false" : "true");
	add_string(out, r->role);
	buf_add_str(out, ",\"reasons\":[");
	for (size_t i = 0; i < r->count; i++) {
		buf_printf(out, "%s{\"reason\":", i ? "," : "");
		add_string(out, r->reasons[i].name);
		buf_add_str(out, ",\"detail\":");
		add_string(out, r->reasons[i].detail);
		buf_add_byte(out, '}');
	}
	buf_add_str(out, "]}\n");
}

uint64_t health_mark_age_ms(struct health_mark *m, uint64_t have,
			    uint64_t target, uint64_t now_ms)
{
	if (have >= target) {
		m->set = false;
		return 0;
	}
	if (!m->set || have >= m->target || target < m->target)
		*m = (struct health_mark){ true, target, now_ms };
	return now_ms - m->since_ms;
}

/* ---- this process ---- */

static double resident_bytes(void)
{
	unsigned long total, resident = 0;
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fgets(text, sizeof(text), f)) {
		char *end = text;

		total = strtoul(text, &end, 10);
		resident = total ? strtoul(end, NULL, 10) : 0;
	}
	(void)fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	double n = -3; /* ".", ".." and the folder's own */

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void read_process(struct health *h)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) == 0)
		METRIC_SET(h->m.cpu, seconds(u.ru_utime) + seconds(u.ru_stime));
	METRIC_SET(h->m.memory, resident_bytes());
	METRIC_SET(h->m.files, open_files());
}

static void add_process(struct health *h)
{
	static const double lags[] = { 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10 };
	struct metrics *m = h->metrics;

	h->m.build = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "chaincast_build_info",
				      .help = "Always 1; which version runs.",
				      .labels = { "version" } });
	h->m.start = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_GAUGE,
		   .name = "process_start_time_seconds",
		   .help = "When the process began, in Unix time." });
	h->m.cpu = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_COUNTER,
				      .name = "process_cpu_seconds_total",
				      .help = "CPU time, user and system." });
	h->m.memory = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "process_resident_memory_bytes",
				      .help = "Memory held." });
	h->m.files = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "process_open_fds",
				      .help = "Open file descriptors." });
	h->m.lag = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_HISTOGRAM,
		   .name = "chaincast_loop_lag_seconds",
		   .help = "How late the event loop was, twice a second.",
		   .bounds = lags,
		   .bound_count = ARRAY_SIZE(lags) });
	h->m.ready = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_GAUGE,
				      .name = "chaincast_ready",
				      .help = "1 when /readyz answers 200." });
	h->m.reasons = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_GAUGE,
		   .name = "chaincast_not_ready",
		   .help = "1 for each reason that /readyz gives now.",
		   .labels = { "reason" } });
	h->m.leader = metrics_add(
	    m, &(struct metric_opts){
		   .kind = METRIC_GAUGE,
		   .name = "chaincast_leader",
		   .help = "1 for the instance that works, 0 for a standby." });
	METRIC_SET(h->m.build, 1, CX_VERSION);
	METRIC_SET(h->m.start, time(NULL));
}

static void on_lag(uv_timer_t *timer)
{
	struct health *h = timer->data;
	uint64_t now = uv_now(h->o.loop), late = 0;

	if (h->lag_due_ms && now > h->lag_due_ms)
		late = now - h->lag_due_ms;
	METRIC_OBSERVE(h->m.lag, (double)late / 1000);
	h->lag_due_ms = now + LAG_MS;
	uv_timer_start(timer, on_lag, LAG_MS, 0);
}

/* ---- the server ---- */

static void collect(struct health *h)
{
	struct health_report report = { .role = "starting" };

	h->o.ready(h->o.arg, &report);
	METRIC_SET(h->m.ready, !report.count);
	METRIC_SET(h->m.leader, strcmp(report.role, "leader") == 0);
	metric_clear(h->m.reasons);
	for (size_t i = 0; i < report.count; i++)
		METRIC_SET(h->m.reasons, 1, report.reasons[i].name);
	read_process(h);
	h->o.collect(h->o.arg);
}

static void on_request(void *arg, const char *path, struct httpd_answer *a)
{
	struct health *h = arg;
	struct health_report report = { .role = "starting" };

	if (strcmp(path, "/healthz") == 0) {
		a->code = 200;
		buf_add_str(&a->body, "alive\n");
	} else if (strcmp(path, "/readyz") == 0) {
		h->o.ready(h->o.arg, &report);
		a->code = report.count ? 503 : 200;
		a->type = "application/json";
		health_write(&report, &a->body);
	} else if (strcmp(path, "/metrics") == 0) {
		collect(h);
		a->code = 200;
		a->type = METRICS_TYPE;
		metrics_write(h->metrics, &a->body);
	}
}

static void listen_now(struct health *h);

static void on_retry(uv_timer_t *timer)
{
	listen_now(timer->data);
}

static void listen_now(struct health *h)
{
	struct err err = { 0 };
	enum status st =
	    httpd_new(&h->server, h->o.loop, h->listen, on_request, h, &err);

	if (st == ST_TRANSIENT)
		uv_timer_start(&h->retry_timer, on_retry, RETRY_MS, 0);
	if (st == ST_OK || !h->told)
		h->o.on_listen(h->o.arg,
			       st == ST_OK ? httpd_port(h->server) : 0,
			       st == ST_OK ? NULL : &err);
	h->told = true;
}

struct health *health_new(const struct health_opts *opts)
{
	struct health *h = mem_zalloc(sizeof(*h));

	h->o = *opts;
	h->listen = mem_strdup(opts->listen);
	h->metrics = metrics_new();
	add_process(h);
	uv_timer_init(opts->loop, &h->lag_timer);
	uv_timer_init(opts->loop, &h->retry_timer);
	h->lag_timer.data = h->retry_timer.data = h;
	h->open_handles = 2;
	if (strcmp(h->listen, "off") != 0) {
		uv_timer_start(&h->lag_timer, on_lag, LAG_MS, 0);
		listen_now(h);
	}
	return h;
}

static void on_closed(uv_handle_t *handle)
{
	struct health *h = handle->data;

	if (--h->open_handles == 0)
		free(h);
}

void health_free(struct health *h)
{
	if (!h)
		return;
	httpd_free(h->server);
	metrics_free(h->metrics);
	free(h->listen);
	uv_close((uv_handle_t *)&h->lag_timer, on_closed);
	uv_close((uv_handle_t *)&h->retry_timer, on_closed);
}

struct metrics *health_metrics(struct health *h)
{
	return h->metrics;
}
