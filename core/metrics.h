#ifndef CX_CORE_METRICS_H
#define CX_CORE_METRICS_H

#include <stddef.h>

#include "core/buf.h"
#include "core/mem.h"

/*
 * Numbers for Prometheus: counters, gauges and histograms by name and labels,
 * written as its text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Everything
 * is bounded: a metric that has its most series counts further ones together
 * under the label value "other". Label values are names of ours, never what
 * the chain, a provider or a config says: no title, address, URL or secret.
 */
struct metrics;
struct metric; /* owned by its struct metrics */

#define METRIC_LABELS_MAX  3
#define METRIC_BOUNDS_MAX  16
#define METRIC_SERIES_MAX  128
#define METRIC_LABEL_BYTES 64 /* of a label's value; longer ones are cut */
#define METRICS_BYTES_MAX  ((size_t)1024 * 1024)
#define METRICS_TYPE       "text/plain; version=0.0.4; charset=utf-8"

enum metric_kind { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_opts {
	enum metric_kind kind;
	const char *name; /* kept; a counter's ends in _total */
	const char *help; /* kept; one line */
	const char *labels[METRIC_LABELS_MAX + 1]; /* names, kept; then NULL */
	size_t series_max;    /* 0: METRIC_SERIES_MAX; 1 without labels */
	const double *bounds; /* histogram: ascending, without +Inf; copied */
	size_t bound_count;
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
DEFINE_AUTO(metrics, metrics_free)

/** metrics_add - a metric of @m; a malformed name, or one that stands there
 * already, is a bug and aborts. It is written once it has a value. */
struct metric *metrics_add(struct metrics *m, const struct metric_opts *opts);

/** metric_set - the value of a gauge, or the total that a counter reached
 * elsewhere; @values: one for each label, copied */
void metric_set(struct metric *m, double value, const char *const *values,
		size_t n);
/** metric_inc - add @by, which is not negative for a counter */
void metric_inc(struct metric *m, double by, const char *const *values,
		size_t n);
/** metric_observe - one value more in a histogram */
void metric_observe(struct metric *m, double value, const char *const *values,
		    size_t n);
/** metric_clear - forget all series: what is not set again is gone */
void metric_clear(struct metric *m);

#define METRIC_VALUES(...) ((const char *const[]){ NULL, ##__VA_ARGS__ } + 1)
#define METRIC_COUNT(...)                                                      \
	(sizeof((const char *const[]){ NULL, ##__VA_ARGS__ }) /                \
	     sizeof(const char *) -                                            \
	 1)
/* METRIC_INC(calls, 1, "create", "200"); */
#define METRIC_SET(m, v, ...)                                                  \
	metric_set((m), (double)(v), METRIC_VALUES(__VA_ARGS__),               \
		   METRIC_COUNT(__VA_ARGS__))
#define METRIC_INC(m, by, ...)                                                 \
	metric_inc((m), (double)(by), METRIC_VALUES(__VA_ARGS__),              \
		   METRIC_COUNT(__VA_ARGS__))
#define METRIC_OBSERVE(m, v, ...)                                              \
	metric_observe((m), (double)(v), METRIC_VALUES(__VA_ARGS__),           \
		       METRIC_COUNT(__VA_ARGS__))

/** metrics_write - append all of @m to @out, METRICS_TYPE. Metrics in the
 * order added, series in the order first used. */
void metrics_write(const struct metrics *m, struct buf *out);

#endif
