/*
 * Bounded JSON reading on top of cJSON. Never quotes what it read: an answer
 * may hold credentials.
 */
#include "core/json.h"

#include <math.h>
#include <string.h>

void json_auto(cJSON **p)
{
	cJSON_Delete(*p);
}

/* Overwrite every string, iteratively per level (depth is bounded). */
static void wipe(cJSON *node)
{
	for (; node; node = node->next) {
		if (node->valuestring)
			explicit_bzero(node->valuestring,
				       strlen(node->valuestring));
		wipe(node->child);
	}
}

void json_secret_auto(cJSON **p)
{
	wipe(*p);
	cJSON_Delete(*p);
}

/* cJSON's own nesting limit is 1000 and fixed when it was built. */
static bool depth_ok(const char *text, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return true;
}

enum status json_parse(cJSON **out, const char *text, size_t len,
		       const char *what, struct err *err)
{
	const char *end = NULL;
	cJSON *json;

	if (memchr(text, 0, len))
		return err_set(err, ST_REJECTED, "%s: NUL byte in JSON", what);
	if (!depth_ok(text, len))
		return err_set(err, ST_REJECTED, "%s: JSON deeper than %d",
			       what, JSON_DEPTH_MAX);
	json = cJSON_ParseWithLengthOpts(text, len, &end, 0);
	if (!json)
		return err_set(err, ST_REJECTED,
			       "%s: not JSON (%zu bytes, fails at %zu)", what,
			       len, end ? (size_t)(end - text) : (size_t)0);
	for (; end < text + len; end++) {
		if (*end != ' ' && *end != '\n' && *end != '\r' &&
		    *end != '\t') {
			cJSON_Delete(json);
			return err_set(err, ST_REJECTED,
				       "%s: text after the JSON value", what);
		}
	}
	*out = json;
	return ST_OK;
}

/* The member, or NULL with ST_REJECTED in @err. */
static const cJSON *member(const cJSON *obj, const char *key, struct err *err)
{
	const cJSON *m;

	if (!cJSON_IsObject(obj)) {
		err_set(err, ST_REJECTED, "no JSON object to read \"%s\" from",
			key);
		return NULL;
	}
	m = cJSON_GetObjectItemCaseSensitive(obj, key);
	if (!m)
		err_set(err, ST_REJECTED, "member \"%s\" is missing", key);
	return m;
}

enum status json_str(const char **out, const cJSON *obj, const char *key,
		     struct err *err)
{
	const cJSON *m = member(obj, key, err);

	if (!m)
		return ST_REJECTED;
	if (!cJSON_IsString(m))
		return err_set(err, ST_REJECTED,
			       "member \"%s\" is not a string", key);
	*out = m->valuestring;
	return ST_OK;
}

enum status json_u64(uint64_t *out, const cJSON *obj, const char *key,
		     struct err *err)
{
	const cJSON *m = member(obj, key, err);

	if (!m)
		return ST_REJECTED;
	if (!cJSON_IsNumber(m) || m->valuedouble < 0 ||
	    m->valuedouble > 9007199254740991.0 ||
	    floor(m->valuedouble) < m->valuedouble)
		return err_set(err, ST_REJECTED,
			       "member \"%s\" is not a whole number", key);
	*out = (uint64_t)m->valuedouble;
	return ST_OK;
}

enum status json_bool(bool *out, const cJSON *obj, const char *key,
		      struct err *err)
{
	const cJSON *m = member(obj, key, err);

	if (!m)
		return ST_REJECTED;
	if (!cJSON_IsBool(m))
		return err_set(err, ST_REJECTED,
			       "member \"%s\" is not true or false", key);
	*out = cJSON_IsTrue(m);
	return ST_OK;
}

const char *json_str_or(const cJSON *obj, const char *key, const char *fallback)
{
	const cJSON *m = cJSON_GetObjectItemCaseSensitive(obj, key);

	return cJSON_IsString(m) ? m->valuestring : fallback;
}

void json_add_str(struct buf *out, const char *s)
{
	buf_add_byte(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			buf_add_byte(out, '\\');
			buf_add_byte(out, (uint8_t)*s);
		} else if ((uint8_t)*s < 0x20) {
			buf_printf(out, "\\u%04x", (unsigned)(uint8_t)*s);
		} else {
			buf_add_byte(out, (uint8_t)*s);
		}
	}
	buf_add_byte(out, '"');
}
