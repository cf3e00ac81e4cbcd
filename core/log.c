/*
 * The log sink: formats typed fields as key=value or JSON and writes each
 * line with one write(2), so that lines of two processes never mix.
 */
#include "core/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"

static struct {
	const char *daemon;
	enum log_level min;
	bool json;
} sink = { "chaincast", LOG_LVL_INFO, false };

static const char *const level_names[] = { "debug", "info", "odd", "broken" };

void log_init(const char *daemon, enum log_level min, bool json)
{
	sink.daemon = daemon;
	sink.min = min;
	sink.json = json;
}

struct log_field log_field_str(const char *key, const char *value)
{
	if (!value)
		value = "-";
	return (struct log_field){ .key = key,
				   .kind = LOG_KIND_STR,
				   .len = strlen(value),
				   .p = value };
}

static bool is_bare(const uint8_t *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '=' ||
		    s[i] == '\\')
			return false;
	return true;
}

/* Bytes outside printable ASCII become \u00XX: the line stays one line and
 * valid in any terminal, whatever the chain put into a title. */
static void add_quoted(struct buf *b, const uint8_t *s, size_t n)
{
	buf_add_byte(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_printf(b, "\\%c", s[i]);
		else if (s[i] < ' ' || s[i] >= 0x7f)
			buf_printf(b, "\\u%04x", s[i]);
		else
			buf_add_byte(b, s[i]);
	}
	buf_add_byte(b, '"');
}

static void add_value(struct buf *b, const struct log_field *f)
{
	const uint8_t *p = f->p;
	size_t n = f->len < LOG_VALUE_MAX ? f->len : LOG_VALUE_MAX;

	switch (f->kind) {
	case LOG_KIND_U64:
		buf_printf(b, "%" PRIu64, f->u64);
		return;
	case LOG_KIND_I64:
		buf_printf(b, "%" PRId64, f->i64);
		return;
	case LOG_KIND_STR:
		if (!sink.json && is_bare(p, n))
			buf_add(b, p, n);
		else
			add_quoted(b, p, n);
		return;
	case LOG_KIND_HEX:
		buf_add_str(b, sink.json ? "\"0x" : "0x");
		for (size_t i = 0; i < n; i++)
			buf_printf(b, "%02x", p[i]);
		buf_add_str(b, sink.json ? "\"" : "");
		return;
	}
}

static void add_field(struct buf *b, const struct log_field *f)
{
	if (sink.json)
		buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", f->key);
	else
		buf_printf(b, "%s%s=", b->len ? " " : "", f->key);
	add_value(b, f);
}

static void add_field_str(struct buf *b, const char *key, const char *value)
{
	struct log_field f = log_field_str(key, value);

	add_field(b, &f);
}

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields, size_t n)
{
	char ts[40];
	struct timespec now;
	struct tm tm;
	size_t at;
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 64 * 1024);
	if (level < sink.min)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	at = strftime(ts, sizeof(ts), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ts + at, sizeof(ts) - at, ".%03ldZ", now.tv_nsec / 1000000);
	if (sink.json)
		buf_add_byte(&b, '{');
	add_field_str(&b, "ts", ts);
	add_field_str(&b, "level", level_names[level]);
	add_field_str(&b, "daemon", sink.daemon);
	add_field_str(&b, "event", event);
	for (size_t i = 0; i < n; i++)
		add_field(&b, &fields[i]);
	buf_add_str(&b, sink.json ? "}\n" : "\n");
	if (write(STDERR_FILENO, buf_str(&b), b.len) < 0)
		return; /* a closed stderr must not stop the daemon */
}
