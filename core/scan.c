/*
 * JSON text walked once, from bracket to bracket and quote to quote, without a
 * tree and without memory of its own. It checks what RFC 8259 asks of the text
 * except that strings are UTF-8, which is for whoever stores them. It never
 * recurses, never unescapes and never quotes the text in an error.
 */
#include "core/scan.h"

#define ONES  (~(uint64_t)0 / 255)
#define HIGHS (ONES * 0x80)

/* The first thing wrong counts. At the end of the text nothing is read any
 * more, so that no other function has to look at @bad first. */
static __attribute__((cold, noinline)) void bad(struct scan *s, const char *why)
{
	if (!s->bad)
		s->bad = s->p == s->end ? "cut short" : why;
	s->p = s->end;
}

void scan_fail(struct scan *s, const char *why)
{
	if (!s->bad)
		s->bad = why;
	s->p = s->end;
}

void scan_init(struct scan *s, const char *p, size_t n)
{
	s->p = p;
	s->end = p + n;
	s->bad = NULL;
	s->depth = 0;
}

/* Next byte that is no white space; 0 at the end, which no value begins with */
static inline char next(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end &&
	       (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	s->p = p;
	return p < s->end ? *p : '\0';
}

/* High bit set in the lowest byte of @v that is a quote, a backslash or a
 * control character; bytes above that one may be marked wrongly. */
static inline uint64_t marks(uint64_t v)
{
	uint64_t quote = v ^ (ONES * '"'), back = v ^ (ONES * '\\');

	return (((quote - ONES) & ~quote) | ((back - ONES) & ~back) |
		((v - ONES * ' ') & ~v)) &
	       HIGHS;
}

/* First byte from @p on that does not simply stand for itself in a string. */
static inline const char *plain_end(const char *p, const char *end)
{
	uint64_t v, found;

	while (end - p >= 8) {
		memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		v = __builtin_bswap64(v);
#endif
		found = marks(v);
		if (found)
			return p + (__builtin_ctzll(found) >> 3);
		p += 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ')
		p++;
	return p;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* After a backslash at @p: where the escape ends, or NULL. */
static const char *escape_end(const char *p, const char *end)
{
	if (end - p < 2)
		return NULL;
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		if (end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) ||
		    !is_hex(p[4]) || !is_hex(p[5]))
			return NULL;
		return p + 6;
	default:
		return NULL;
	}
}

/* The string whose first quote is at s->p. */
static inline bool string(struct scan *s, struct text *out)
{
	const char *start = s->p + 1, *end = s->end;
	const char *p = plain_end(start, end), *after;

	while (p < end && *p == '\\') {
		after = escape_end(p, end);
		if (!after) {
			bad(s, "bad escape in a string");
			return false;
		}
		p = plain_end(after, end);
	}
	if (p == end || *p != '"') {
		s->p = p;
		bad(s, "control character in a string");
		return false;
	}
	*out = (struct text){ start, (size_t)(p - start) };
	s->p = p + 1;
	return true;
}

static const char *digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* Where the number at @p ends, or NULL. */
static const char *number_end(const char *p, const char *end)
{
	const char *from;

	if (*p == '-')
		p++;
	from = p;
	p = digits(p, end);
	if (p == from || (*from == '0' && p > from + 1))
		return NULL;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits(p, end);
		if (p == from)
			return NULL;
	}
	if (p == end || (*p != 'e' && *p != 'E'))
		return p;
	p++;
	if (p < end && (*p == '+' || *p == '-'))
		p++;
	from = p;
	p = digits(p, end);
	return p == from ? NULL : p;
}

static bool number(struct scan *s)
{
	const char *p = number_end(s->p, s->end);

	if (!p) {
		bad(s, "bad number");
		return false;
	}
	s->p = p;
	return true;
}

static bool literal(struct scan *s, const char *word, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) {
		bad(s, "neither true, false nor null");
		return false;
	}
	s->p += n;
	return true;
}

static inline enum scan_type type_of(char c)
{
	switch (c) {
	case '{':
		return SCAN_OBJECT;
	case '[':
		return SCAN_ARRAY;
	case '"':
		return SCAN_STRING;
	case 't':
		return SCAN_TRUE;
	case 'f':
		return SCAN_FALSE;
	case 'n':
		return SCAN_NULL;
	case '-':
	case '0' ... '9':
		return SCAN_NUMBER;
	default:
		return SCAN_NONE;
	}
}

enum scan_type scan_peek(struct scan *s)
{
	enum scan_type type = type_of(next(s));

	if (type == SCAN_NONE && s->p < s->end)
		bad(s, "no JSON value");
	return type;
}

/* The bracket is at s->p. */
static inline bool enter(struct scan *s)
{
	if (s->depth == SCAN_DEPTH_MAX) {
		bad(s, "nested too deep");
		return false;
	}
	s->first[s->depth++] = true;
	s->p++;
	return true;
}

void scan_object(struct scan *s)
{
	if (next(s) != '{')
		bad(s, "no object where one was expected");
	else
		enter(s);
}

void scan_array(struct scan *s)
{
	if (next(s) != '[')
		bad(s, "no array where one was expected");
	else
		enter(s);
}

/* To where the next member of this level begins; false: it was left by
 * @close, or is bad. */
static inline bool member(struct scan *s, char close)
{
	char c = next(s);

	if (s->p == s->end || s->depth == 0) {
		bad(s, "outside of any object or array");
		return false;
	}
	if (c == close) {
		s->depth--;
		s->p++;
		return false;
	}
	if (s->first[s->depth - 1]) {
		s->first[s->depth - 1] = false;
		return true;
	}
	if (c != ',') {
		bad(s, "no comma where one was expected");
		return false;
	}
	s->p++;
	next(s);
	return true;
}

static inline bool key(struct scan *s, struct text *out)
{
	if (!member(s, '}'))
		return false;
	if (s->p == s->end || *s->p != '"') {
		bad(s, "no name where one was expected");
		return false;
	}
	if (!string(s, out))
		return false;
	if (next(s) != ':') {
		bad(s, "no colon after a name");
		return false;
	}
	s->p++;
	return true;
}

static inline bool item(struct scan *s)
{
	if (!member(s, ']'))
		return false;
	if (s->p == s->end || type_of(*s->p) == SCAN_NONE) {
		bad(s, "no item where one was expected");
		return false;
	}
	return true;
}

bool scan_key(struct scan *s, struct text *out)
{
	*out = (struct text){ 0 };
	return key(s, out);
}

bool scan_item(struct scan *s)
{
	return item(s);
}

bool scan_string(struct scan *s, struct text *out)
{
	*out = (struct text){ 0 };
	if (next(s) == '"')
		return string(s, out);
	bad(s, "no string where one was expected");
	return false;
}

bool scan_null(struct scan *s)
{
	return next(s) == 'n' && literal(s, "null", 4);
}

bool scan_skip(struct scan *s)
{
	const unsigned base = s->depth;
	uint64_t objects = 0; /* bit d: level d is an object's */
	struct text t;

	_Static_assert(SCAN_DEPTH_MAX <= 64, "a bit for each level");
	do {
		if (s->depth > base &&
		    !(objects >> (s->depth - 1) & 1 ? key(s, &t) : item(s)))
			continue; /* a level was left, or something is bad */
		switch (type_of(next(s))) {
		case SCAN_OBJECT:
			if (enter(s))
				objects |= (uint64_t)1 << (s->depth - 1);
			break;
		case SCAN_ARRAY:
			if (enter(s))
				objects &= ~((uint64_t)1 << (s->depth - 1));
			break;
		case SCAN_STRING:
			string(s, &t);
			break;
		case SCAN_NUMBER:
			number(s);
			break;
		case SCAN_TRUE:
			literal(s, "true", 4);
			break;
		case SCAN_FALSE:
			literal(s, "false", 5);
			break;
		case SCAN_NULL:
			literal(s, "null", 4);
			break;
		case SCAN_NONE:
			bad(s, "no JSON value");
			break;
		}
	} while (!s->bad && s->depth > base);
	return !s->bad;
}

bool scan_value(struct scan *s, struct text *out)
{
	const char *start;

	*out = (struct text){ 0 };
	next(s);
	start = s->p;
	if (!scan_skip(s))
		return false;
	*out = (struct text){ start, (size_t)(s->p - start) };
	return true;
}

enum status scan_end(struct scan *s, const char *what, struct err *err)
{
	next(s);
	if (!s->bad && s->depth)
		bad(s, "left before its end");
	if (!s->bad && s->p < s->end)
		bad(s, "text after the value");
	if (s->bad)
		return err_set(err, ST_REJECTED, "%s: %s", what, s->bad);
	return ST_OK;
}
