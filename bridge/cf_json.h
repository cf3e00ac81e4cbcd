#ifndef CX_BRIDGE_CF_JSON_H
#define CX_BRIDGE_CF_JSON_H

#include <cjson/cJSON.h>

#include "bridge/cf_parse.h"

/* The inside of cf_parse.c and cf_list.c: what answers have in common. */

/** cf_member - of @obj, by its exact name; NULL: it has none */
const cJSON *cf_member(const cJSON *obj, const char *key);
/** cf_absent - it has none of that name, or null */
bool cf_absent(const cJSON *obj, const char *key);
/** cf_copy_str - copies what fits; what does not fit counts as absent, never
 * as cut */
void cf_copy_str(char *out, size_t size, const cJSON *obj, const char *key);
/** cf_copy_uid - member "uid"; empty when it is none */
void cf_copy_uid(char out[static CF_UID_SIZE], const cJSON *obj);
/** cf_time - "2026-01-02T02:20:00[.…]Z" as Unix time; 0 when it reads
 * otherwise */
int64_t cf_time(const cJSON *obj, const char *key);

/** cf_open - an answer of any kind: @root is the caller's to wipe and free on
 * every return, here and below */
enum status cf_open(cJSON **root, struct cf_envelope *env, const char *text,
		    size_t len, struct err *err) MUST_CHECK;
/** cf_open_one - one whose result is a thing, named @what in errors; @result
 * is NULL when it tells a failure */
enum status cf_open_one(cJSON **root, struct cf_envelope *env,
			const cJSON **result, const char *what,
			const char *text, size_t len,
			struct err *err) MUST_CHECK;

/** cf_copy_meta - members chaincast and room of its meta; both empty unless the
 * room is a number */
void cf_copy_meta(char *mark, char *room, const cJSON *obj);
/** cf_read_days - member deleteRecordingAfterDays; 0: none, or no such
 * number */
uint16_t cf_read_days(const cJSON *obj);
/** cf_read_lease - its deployment is empty when @obj is no lease */
void cf_read_lease(struct cf_lease *out, const cJSON *obj);

struct cf_list_shape {
	const char *what, *key; /* the result's member; NULL: the result */
	int max;
};
/** cf_open_many - one whose result is a list of @n; NULL and 0 when it tells a
 * failure */
enum status cf_open_many(cJSON **root, struct cf_envelope *env,
			 const cJSON **items, size_t *n,
			 const struct cf_list_shape *shape, const char *text,
			 size_t len, struct err *err) MUST_CHECK;

#endif
