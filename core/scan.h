#ifndef CX_CORE_SCAN_H
#define CX_CORE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/err.h"

/*
 * Walks JSON text (RFC 8259) once, without a tree: for logs and receipts, whose
 * answers are megabytes. The caller asks for what it expects; the first thing
 * that is not so makes the scan bad, and everything after answers false, so a
 * reader checks once, at the end, with scan_end().
 *
 *	scan_init(&s, text, len);
 *	for (scan_array(&s); scan_item(&s);)
 *		for (scan_object(&s); scan_key(&s, &key);)
 *			if (text_is(key, "address"))
 *				scan_string(&s, &address);
 *			else
 *				scan_skip(&s);
 *	st = scan_end(&s, "logs", err);
 */

#define SCAN_DEPTH_MAX 64

/* Text inside a message; not ended by a zero byte. p NULL: absent. */
struct text {
	const char *p;
	size_t n;
};

struct scan {
	const char *p, *end;
	const char *bad; /* what was wrong first; NULL: nothing yet */
	unsigned depth;
	bool first[SCAN_DEPTH_MAX]; /* no member of this level was read yet */
};

enum scan_type {
	SCAN_NONE, /* bad, or at the end */
	SCAN_OBJECT,
	SCAN_ARRAY,
	SCAN_STRING,
	SCAN_NUMBER,
	SCAN_TRUE,
	SCAN_FALSE,
	SCAN_NULL,
};

/** scan_init - @p[0..@n) stays the caller's and must outlive every text */
void scan_init(struct scan *s, const char *p, size_t n);

/** scan_peek - type of the value that comes next; reads nothing of it */
enum scan_type scan_peek(struct scan *s);

/** scan_object, scan_array - enter; bad when something else comes */
void scan_object(struct scan *s);
void scan_array(struct scan *s);
/** scan_key - next member's name, its value comes next; false: the object
 * ended and was left, or the scan is bad */
bool scan_key(struct scan *s, struct text *key);
/** scan_item - whether another item comes next; as scan_key() */
bool scan_item(struct scan *s);

/**
 * scan_string - a string's bytes between its quotes
 * @out: not unescaped: hex and names hold no escape; empty when bad
 *
 * Control characters and bad escapes make the scan bad.
 */
bool scan_string(struct scan *s, struct text *out);
/** scan_null - reads null if that comes next, else reads nothing */
bool scan_null(struct scan *s);
/** scan_skip - any one value, checked to be JSON within SCAN_DEPTH_MAX; that
 * its strings are UTF-8 is not checked */
bool scan_skip(struct scan *s);
/** scan_value - as scan_skip(), giving the value's text without white space
 * around it */
bool scan_value(struct scan *s, struct text *out);

/** scan_fail - the caller found something wrong: @why lives as long as @s */
void scan_fail(struct scan *s, const char *why);
/** scan_end - ST_OK when nothing was bad, all that was entered was left, and
 * only white space is left; else ST_REJECTED: "@what: why", never quoting the
 * text */
enum status scan_end(struct scan *s, const char *what,
		     struct err *err) MUST_CHECK;

/** text_is - whether @t is the string @s; inline, so that the compiler knows
 * the length of a literal */
static inline bool text_is(struct text t, const char *s)
{
	return t.n == strlen(s) && (t.n == 0 || memcmp(t.p, s, t.n) == 0);
}

/** text_eq - whether two texts have the same bytes */
static inline bool text_eq(struct text a, struct text b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
