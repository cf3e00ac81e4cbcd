/* The JSON scanner against cJSON on the same bytes: what the scanner takes,
 * cJSON must take too (not the other way round: cJSON lets numbers such as 01
 * and control characters in strings pass). Reading level by level must come to
 * the same verdict as skipping, and what scan_value() cuts out is a value. */
#include "core/json.h"
#include "core/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads as far as one level goes, by the functions a caller uses. */
static void read_level(struct scan *s, int left)
{
	struct text name, t;
	struct err err;

	switch (scan_peek(s)) {
	case SCAN_OBJECT:
		for (scan_object(s); scan_key(s, &name);)
			read_level(s, left);
		break;
	case SCAN_ARRAY:
		for (scan_array(s); scan_item(s);) {
			if (left) {
				read_level(s, left - 1);
				continue;
			}
			if (scan_value(s, &t)) {
				struct scan part;

				scan_init(&part, t.p, t.n);
				scan_skip(&part);
				if (scan_end(&part, "part", &err) != ST_OK)
					abort();
			}
		}
		break;
	case SCAN_STRING:
		scan_string(s, &t);
		break;
	case SCAN_NULL:
		scan_null(s);
		break;
	case SCAN_NUMBER:
	case SCAN_TRUE:
	case SCAN_FALSE:
	case SCAN_NONE:
		scan_skip(s);
		break;
	}
}

/* cJSON refuses an escaped zero and surrogates without their other half, and
 * numbers of more than 63 characters. */
static bool beyond_cjson(const char *p, size_t n)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		digits =
		    strchr("0123456789+-.eE", p[i]) && p[i] ? digits + 1 : 0;
		if (digits > 60)
			return true;
		if (i + 1 < n && p[i] == '\\' && p[i + 1] == 'u')
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON cJSON *root = NULL;
	const char *p = (const char *)data;
	enum status whole, parts;
	struct scan s;
	struct err err;

	scan_init(&s, p, size);
	scan_skip(&s);
	whole = scan_end(&s, "fuzz", &err);
	scan_init(&s, p, size);
	read_level(&s, 2);
	parts = scan_end(&s, "fuzz", &err);
	if (whole != parts)
		abort();
	if (whole == ST_OK && !beyond_cjson(p, size) &&
	    json_parse(&root, p, size, "fuzz", &err) != ST_OK)
		abort();
	return 0;
}
