/*
 * The shape that all of Cloudflare's answers have, and the members that many
 * of them have. Pure, as cf_parse.c, which reads what is in them.
 */
#include "bridge/cf_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/json.h"

const cJSON *cf_member(const cJSON *obj, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(obj, key);
}

bool cf_absent(const cJSON *obj, const char *key)
{
	const cJSON *v = cf_member(obj, key);

	return !v || cJSON_IsNull(v);
}

bool cf_uid_ok(const char *uid)
{
	return strlen(uid) == CF_UID_SIZE - 1 &&
	       strspn(uid, "0123456789abcdef") == CF_UID_SIZE - 1;
}

void cf_copy_str(char *out, size_t size, const cJSON *obj, const char *key)
{
	const char *s = json_str_or(obj, key, "");
	size_t n = strlen(s);

	out[0] = '\0';
	if (n < size)
		memcpy(out, s, n + 1);
}

void cf_copy_uid(char out[static CF_UID_SIZE], const cJSON *obj)
{
	cf_copy_str(out, CF_UID_SIZE, obj, "uid");
	if (!cf_uid_ok(out))
		out[0] = '\0';
}

int64_t cf_time(const cJSON *obj, const char *key)
{
	const char *s = json_str_or(obj, key, "");
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t t;

	if (!end || (*end != 'Z' && *end != '.'))
		return 0;
	t = timegm(&tm);
	return t < 0 ? 0 : (int64_t)t;
}

static void read_envelope(struct cf_envelope *env, const cJSON *root)
{
	const cJSON *errors = cf_member(root, "errors");
	const cJSON *first = cJSON_GetArrayItem(errors, 0);
	const cJSON *code = cf_member(first, "code");
	char *p;

	*env = (struct cf_envelope){
		.success = cJSON_IsTrue(cf_member(root, "success")),
	};
	if (cJSON_IsNumber(code) && code->valuedouble > -1e15 &&
	    code->valuedouble < 1e15)
		env->code = (int64_t)code->valuedouble;
	(void)snprintf(env->message, sizeof(env->message), "%s",
		       json_str_or(first, "message", ""));
	for (p = env->message; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
}

enum status cf_open(cJSON **root, struct cf_envelope *env, const char *text,
		    size_t len, struct err *err)
{
	enum status st =
	    json_parse(root, text, len, "cloudflare's answer", err);

	if (st != ST_OK)
		return st;
	if (!cJSON_IsObject(*root) ||
	    !cJSON_IsBool(cf_member(*root, "success")))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no member success");
	read_envelope(env, *root);
	return ST_OK;
}

enum status cf_open_one(cJSON **root, struct cf_envelope *env,
			const cJSON **result, const char *what,
			const char *text, size_t len, struct err *err)
{
	enum status st = cf_open(root, env, text, len, err);

	if (st != ST_OK)
		return st;
	*result = env->success ? cf_member(*root, "result") : NULL;
	if (env->success && !cJSON_IsObject(*result))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no %s in it", what);
	return ST_OK;
}

enum status cf_open_many(cJSON **root, struct cf_envelope *env,
			 const cJSON **items, size_t *n,
			 const struct cf_list_shape *shape, const char *text,
			 size_t len, struct err *err)
{
	enum status st = cf_open(root, env, text, len, err);

	if (st != ST_OK)
		return st;
	*items = NULL;
	*n = 0;
	if (!env->success)
		return ST_OK;
	*items = cf_member(*root, "result");
	if (shape->key)
		*items = cf_member(*items, shape->key);
	if (!cJSON_IsArray(*items))
		return err_set(err, ST_REJECTED,
			       "cloudflare's answer has no list of %s in it",
			       shape->what);
	*n = (size_t)cJSON_GetArraySize(*items);
	if (*n > (size_t)shape->max)
		return err_set(err, ST_REJECTED, "cloudflare lists over %d %s",
			       shape->max, shape->what);
	return ST_OK;
}
