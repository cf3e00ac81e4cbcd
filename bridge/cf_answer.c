/*
 * What an answer means: its HTTP status, its envelope, what it holds. Errors
 * never quote what may be a secret. It never decides what to do about it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/cf_wire.h"

#define CF_ANSWER_MAX     (256 * 1024)
#define CF_LIST_BYTES_MAX (128 * 1024 * 1024)
#define CF_VIDEOS_BYTES   (4 * 1024 * 1024)

const char *cf_outcome_name(enum cf_outcome outcome)
{
	static const char *const names[] = { "done",    "gone",    "conflict",
					     "refused", "denied",  "unsent",
					     "unknown", "bad_uid", "foreign" };

	return names[outcome];
}

size_t cf_answer_max(enum cf_op op)
{
	enum cf_shape shape = cf_traits(op)->shape;

	if (shape == CF_SHAPE_LIST)
		return CF_LIST_BYTES_MAX;
	return shape == CF_SHAPE_VIDEOS ? CF_VIDEOS_BYTES : CF_ANSWER_MAX;
}

/* What the HTTP status and the envelope say, before the content is looked at.
 */
static enum cf_outcome classify(long http, bool readable,
				const struct cf_envelope *env)
{
	if (readable && env->code == CF_CODE_GONE)
		return CF_GONE;
	if (http == 404)
		return CF_GONE;
	if (http == 409)
		return CF_CONFLICT;
	if (http == 401 || http == 403)
		return CF_DENIED;
	if (http == 408 || http >= 500 || http < 200)
		return CF_UNKNOWN;
	if (http >= 400)
		return CF_REFUSED;
	if (http >= 300 || !readable)
		return CF_UNKNOWN;
	return env->success ? CF_DONE : CF_REFUSED;
}

static enum status parse(enum cf_op op, struct cf_envelope *env,
			 struct cf_answer *a, const struct http_response *res,
			 struct cf_sieve *sieve, struct err *err)
{
	const char *text = (const char *)res->body.data;
	size_t len = res->body.len;

	switch (cf_traits(op)->shape) {
	case CF_SHAPE_INPUT:
		return cf_parse_input(env, &a->input, text, len, err);
	case CF_SHAPE_LIST:
		return cf_sifted(sieve, env, &a->list, text, len, err);
	case CF_SHAPE_VIDEOS:
		return cf_parse_videos(env, &a->videos, text, len, err);
	case CF_SHAPE_OUTPUT:
		return cf_parse_output(env, &a->output, text, len, err);
	case CF_SHAPE_OUTPUTS:
		return cf_parse_outputs(env, &a->outputs, text, len, err);
	case CF_SHAPE_PLAIN:
		return cf_parse_plain(env, text, len, err);
	case CF_SHAPE_NONE:
		/* Their body is unspecified and may be empty. */
		if (res->code >= 200 && res->code < 300) {
			*env = (struct cf_envelope){ .success = true };
			return ST_OK;
		}
		return cf_parse_plain(env, text, len, err);
	}
	abort();
}

/* Half an answer is none: what was made is in the list. */
static void bad_uid(struct cf_answer *a, bool absent, struct err *err)
{
	if (absent) {
		a->outcome = CF_UNKNOWN;
		err_set(err, ST_REJECTED, "cloudflare's answer has no uid");
		return;
	}
	a->outcome = CF_BAD_UID;
	err_set(err, ST_REJECTED,
		"cloudflare gave a uid that is not 32 lower-case hex digits");
}

static void check_input(const struct cf_opts *opts, struct cf_answer *a,
			struct err *err)
{
	if (*a->input.customer_code &&
	    strcmp(a->input.customer_code, opts->customer_code) != 0) {
		a->outcome = CF_FOREIGN;
		err_set(err, ST_REJECTED,
			"cloudflare answers for customer code %s, configured "
			"is %s",
			a->input.customer_code, opts->customer_code);
		return;
	}
	if (*a->input.uid == '\0')
		bad_uid(a, a->input.uid_absent, err);
}

void cf_judge(const struct cf_opts *opts, enum cf_op op, struct cf_answer *a,
	      const struct http_response *res, struct cf_sieve *sieve,
	      struct err *err)
{
	enum cf_shape shape = cf_traits(op)->shape;
	struct cf_envelope env = { 0 };
	bool readable = parse(op, &env, a, res, sieve, err) == ST_OK;

	a->http = res->code;
	a->code = env.code;
	a->outcome = classify(res->code, readable, &env);
	if (a->outcome == CF_DONE) {
		if (shape == CF_SHAPE_INPUT)
			check_input(opts, a, err);
		else if (shape == CF_SHAPE_OUTPUT && !*a->output.uid)
			bad_uid(a, a->output.uid_absent, err);
		return;
	}
	/* A message about a target may quote it. */
	if (op >= CF_OUTPUT_CREATE)
		env.message[0] = '\0';
	if (readable || a->outcome != CF_UNKNOWN || res->code >= 300)
		err_set(err, ST_REJECTED,
			"cloudflare %s: HTTP %ld code %" PRId64 " %s",
			cf_op_name(op), res->code, env.code, env.message);
}

void cf_answer_wipe(struct cf_answer *a)
{
	cf_input_wipe(&a->input);
	cf_list_deinit(&a->list);
	cf_videos_deinit(&a->videos);
	cf_output_wipe(&a->output);
	cf_outputs_wipe(&a->outputs);
}
