#ifndef CX_CORE_JSON_H
#define CX_CORE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

#define JSON_DEPTH_MAX 64

/* cJSON with bounds, and lookups whose errors name the member. */
#define AUTO_JSON __attribute__((cleanup(json_auto)))
void json_auto(cJSON **p);
/** AUTO_SECRET_JSON - the same for what holds secrets: every string is
 * overwritten first */
#define AUTO_SECRET_JSON __attribute__((cleanup(json_secret_auto)))
void json_secret_auto(cJSON **p);

/**
 * json_parse - one whole JSON value, nothing after it but white space
 * @out: set only on ST_OK; release with cJSON_Delete()
 * @text: need not be NUL-terminated; NUL bytes inside are refused
 * @what: names the document in the error
 *
 * Return: ST_OK, or ST_REJECTED: not JSON, cut short, or deeper than
 * JSON_DEPTH_MAX. The error never quotes the text (it may hold secrets).
 */
enum status json_parse(cJSON **out, const char *text, size_t len,
		       const char *what, struct err *err) MUST_CHECK;

/** json_str - member @key of object @obj as a string owned by @obj;
 * ST_REJECTED when @obj is no object or the member is absent or no string */
enum status json_str(const char **out, const cJSON *obj, const char *key,
		     struct err *err) MUST_CHECK;
/** json_u64 - member @key: a whole number below 2^53 */
enum status json_u64(uint64_t *out, const cJSON *obj, const char *key,
		     struct err *err) MUST_CHECK;
enum status json_bool(bool *out, const cJSON *obj, const char *key,
		      struct err *err) MUST_CHECK;
/** json_add_str - append @s, quoted and escaped; nothing of it is kept */
void json_add_str(struct buf *out, const char *s);
/** json_str_or - member as string, or @fallback when absent, null or other */
const char *json_str_or(const cJSON *obj, const char *key,
			const char *fallback);

#endif
