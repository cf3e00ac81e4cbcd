#ifndef CX_TESTS_UNIT_VECTORS_H
#define CX_TESTS_UNIT_VECTORS_H

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"

/** vectors_load - the array NAME.json that tests/vectors/convert.mjs wrote; a
 * message and NULL when it is not there: a test must then fail */
static inline cJSON *vectors_load(const char *name)
{
	char path[512], chunk[65536];
	cJSON *out;
	AUTO_BUF b = BUF_NULL;
	size_t n;
	FILE *f;

	buf_init(&b, 256u << 20);
	snprintf(path, sizeof(path), "%s/%s.json", CX_VECTORS_DIR, name);
	f = fopen(path, "re");
	if (!f) {
		fprintf(stderr,
			"%s is missing: node tests/vectors/convert.mjs "
			"%s\n",
			path, CX_VECTORS_DIR);
		return NULL;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	out = cJSON_ParseWithLength(buf_str(&b), b.len);
	if (!out)
		fprintf(stderr, "%s: not JSON\n", path);
	return out;
}

/** vectors_count - prints how many ran; false when none did */
static inline int vectors_count(const char *name, size_t n)
{
	printf("vectors: %s: %zu\n", name, n);
	return n > 0;
}

static inline const char *vectors_str(const cJSON *obj, const char *key)
{
	const char *s =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(obj, key));

	return s ? s : "";
}

#endif
