/*
 * The registry of metrics and its text form. A series is found by walking its
 * metric's list, which is short by its bound. It never allocates past the
 * bounds, never fails, and knows nothing of what it counts.
 */
#include "core/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OTHER "other"

struct series {
	char values[METRIC_LABELS_MAX][METRIC_LABEL_BYTES];
	double value;      /* a histogram's sum */
	uint64_t count;    /* histogram only */
	uint64_t *buckets; /* histogram only: one a bound, not cumulative */
};

struct metric {
	struct metric *next;
	enum metric_kind kind;
	const char *name, *help;
	const char *labels[METRIC_LABELS_MAX];
	size_t label_count;
	double bounds[METRIC_BOUNDS_MAX];
	size_t bound_count;
	struct series *series; /* the one for all others stands last */
	size_t series_count, series_max;
};

struct metrics {
	struct metric *first, **last;
};

struct metrics *metrics_new(void)
{
	struct metrics *m = mem_zalloc(sizeof(*m));

	m->last = &m->first;
	return m;
}

void metric_clear(struct metric *m)
{
	for (size_t i = 0; i < m->series_count; i++)
		free(m->series[i].buckets);
	free(m->series);
	m->series = NULL;
	m->series_count = 0;
}

void metrics_free(struct metrics *m)
{
	struct metric *next;

	if (!m)
		return;
	for (struct metric *p = m->first; p; p = next) {
		next = p->next;
		metric_clear(p);
		free(p);
	}
	free(m);
}

/* "A-Za-z_" and, after the first, digits; metrics may hold a colon too, which
 * is for recording rules: ours do not. */
static bool name_ok(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (!*s || !strchr(letters, *s))
		return false;
	for (; *s; s++)
		if (!strchr(letters, *s) && !strchr("0123456789", *s))
			return false;
	return true;
}

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static void check_opts(const struct metrics *m, const struct metric_opts *o)
{
	assert(name_ok(o->name));
	assert((o->kind == METRIC_COUNTER) == ends_in(o->name, "_total"));
	assert(o->bound_count <= METRIC_BOUNDS_MAX);
	assert(o->kind == METRIC_HISTOGRAM || !o->bound_count);
	for (const struct metric *p = m->first; p; p = p->next)
		assert(strcmp(p->name, o->name) != 0);
	for (size_t i = 1; i < o->bound_count; i++)
		assert(o->bounds[i] > o->bounds[i - 1]);
}

struct metric *metrics_add(struct metrics *m, const struct metric_opts *opts)
{
	struct metric *p = mem_zalloc(sizeof(*p));

	check_opts(m, opts);
	p->kind = opts->kind;
	p->name = opts->name;
	p->help = opts->help;
	while (p->label_count < METRIC_LABELS_MAX &&
	       opts->labels[p->label_count]) {
		const char *label = opts->labels[p->label_count];

		assert(name_ok(label) && strncmp(label, "__", 2) != 0);
		assert(strcmp(label, "le") != 0);
		p->labels[p->label_count++] = label;
	}
	assert(!opts->labels[p->label_count]);
	p->series_max = opts->series_max ? opts->series_max : METRIC_SERIES_MAX;
	if (!p->label_count)
		p->series_max = 1;
	p->bound_count = opts->bound_count;
	if (p->bound_count)
		memcpy(p->bounds, opts->bounds,
		       p->bound_count * sizeof(*p->bounds));
	*m->last = p;
	m->last = &p->next;
	return p;
}

/* ---- series ---- */

static bool series_is(const struct metric *m, const struct series *s,
		      const char *const *values)
{
	for (size_t i = 0; i < m->label_count; i++)
		if (strncmp(s->values[i], values[i], METRIC_LABEL_BYTES - 1))
			return false;
	return true;
}

static struct series *series_find(const struct metric *m,
				  const char *const *values)
{
	for (size_t i = 0; i < m->series_count; i++)
		if (series_is(m, &m->series[i], values))
			return &m->series[i];
	return NULL;
}

static struct series *series_of(struct metric *m, const char *const *values,
				size_t n)
{
	static const char *const other[] = { OTHER, OTHER, OTHER };
	struct series *s;

	_Static_assert(ARRAY_SIZE(other) == METRIC_LABELS_MAX, "other");
	assert(n == m->label_count);
	s = series_find(m, values);
	if (s)
		return s;
	/* The last place is kept for all that come too late. */
	if (m->label_count && m->series_count + 1 >= m->series_max) {
		values = other;
		s = series_find(m, values);
		if (s)
			return s;
	}
	m->series =
	    mem_resize(m->series, m->series_count + 1, sizeof(*m->series));
	s = &m->series[m->series_count++];
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < n; i++)
		(void)snprintf(s->values[i], METRIC_LABEL_BYTES, "%s",
			       values[i]);
	if (m->kind == METRIC_HISTOGRAM)
		s->buckets = mem_array(m->bound_count, sizeof(*s->buckets));
	return s;
}

void metric_set(struct metric *m, double value, const char *const *values,
		size_t n)
{
	assert(m->kind != METRIC_HISTOGRAM);
	series_of(m, values, n)->value = value;
}

void metric_inc(struct metric *m, double by, const char *const *values,
		size_t n)
{
	assert(m->kind == METRIC_GAUGE ||
	       (m->kind == METRIC_COUNTER && by >= 0));
	series_of(m, values, n)->value += by;
}

void metric_observe(struct metric *m, double value, const char *const *values,
		    size_t n)
{
	struct series *s = series_of(m, values, n);

	assert(m->kind == METRIC_HISTOGRAM);
	s->count++;
	s->value += value;
	for (size_t i = 0; i < m->bound_count; i++) {
		if (value <= m->bounds[i]) {
			s->buckets[i]++;
			return;
		}
	}
}

/* ---- text ---- */

static void add_number(struct buf *out, double v)
{
	if (isnan(v))
		buf_add_str(out, "NaN");
	else if (isinf(v))
		buf_add_str(out, v > 0 ? "+Inf" : "-Inf");
	else if (fabs(v) < 9007199254740992.0 && v == trunc(v))
		buf_printf(out, "%.0f", v);
	else
		buf_printf(out, "%.15g", v);
}

/* The format escapes \, line feed and, in label values, the quote. Other
 * controls and what is not ASCII become '?': it would have to be valid UTF-8,
 * and names of ours hold none. */
static void add_escaped(struct buf *out, const char *s, bool quote)
{
	for (; *s; s++) {
		if (*s == '\\')
			buf_add_str(out, "\\\\");
		else if (*s == '\n')
			buf_add_str(out, "\\n");
		else if (*s == '"' && quote)
			buf_add_str(out, "\\\"");
		else if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			buf_add_byte(out, '?');
		else
			buf_add_byte(out, (uint8_t)*s);
	}
}

static void add_labels(struct buf *out, const struct metric *m,
		       const struct series *s, const char *le)
{
	const char *before = "{";

	for (size_t i = 0; i < m->label_count; i++) {
		buf_printf(out, "%s%s=\"", before, m->labels[i]);
		add_escaped(out, s->values[i], true);
		buf_add_byte(out, '"');
		before = ",";
	}
	if (le)
		buf_printf(out, "%sle=\"%s\"", before, le);
	if (le || m->label_count)
		buf_add_byte(out, '}');
}

static void add_line(struct buf *out, const struct metric *m, const char *what,
		     const struct series *s, const char *le, double v)
{
	buf_printf(out, "%s%s", m->name, what);
	add_labels(out, m, s, le);
	buf_add_byte(out, ' ');
	add_number(out, v);
	buf_add_byte(out, '\n');
}

static void add_histogram(struct buf *out, const struct metric *m,
			  const struct series *s)
{
	uint64_t below = 0;
	char le[32];

	for (size_t i = 0; i < m->bound_count; i++) {
		below += s->buckets[i];
		(void)snprintf(le, sizeof(le), "%.15g", m->bounds[i]);
		add_line(out, m, "_bucket", s, le, (double)below);
	}
	add_line(out, m, "_bucket", s, "+Inf", (double)s->count);
	add_line(out, m, "_sum", s, NULL, s->value);
	add_line(out, m, "_count", s, NULL, (double)s->count);
}

static const char *kind_name(enum metric_kind kind)
{
	switch (kind) {
	case METRIC_COUNTER:
		return "counter";
	case METRIC_GAUGE:
		return "gauge";
	case METRIC_HISTOGRAM:
		return "histogram";
	}
	abort();
}

void metrics_write(const struct metrics *m, struct buf *out)
{
	for (const struct metric *p = m->first; p; p = p->next) {
		if (!p->series_count)
			continue;
		buf_printf(out, "# HELP %s ", p->name);
		add_escaped(out, p->help, false);
		buf_printf(out, "\n# TYPE %s %s\n", p->name,
			   kind_name(p->kind));
		for (size_t i = 0; i < p->series_count; i++) {
			if (p->kind == METRIC_HISTOGRAM)
				add_histogram(out, p, &p->series[i]);
			else
				add_line(out, p, "", &p->series[i], NULL,
					 p->series[i].value);
		}
	}
}
