/*
 * What a JSON-RPC message says to a call: pure, from a parsed message to
 * results and errors in the order asked. It trusts nothing in it: ids must be
 * the ones sent, each once, and an error's text is cut and cleaned.
 */
#include <math.h>

#include "core/rpc_int.h"

void rpc_answer_init(struct rpc_answer *a, size_t n)
{
	a->results = mem_array(n, sizeof(*a->results));
	a->errors = mem_array(n, sizeof(*a->errors));
	a->texts = mem_array(n, sizeof(*a->texts));
	a->seen = mem_array(n, sizeof(*a->seen));
	a->refused = false;
}

void rpc_answer_deinit(struct rpc_answer *a)
{
	free(a->results);
	free(a->errors);
	free(a->texts);
	free(a->seen);
}

static void read_error(struct rpc_answer *a, size_t i, const cJSON *error)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(error, "message");
	const char *p = cJSON_IsString(text)    ? text->valuestring
			: cJSON_IsString(error) ? error->valuestring
						: "no message";
	char *out = a->texts[i];
	size_t len = 0;

	for (; *p && len < RPC_MESSAGE_MAX; p++) {
		unsigned char c = (unsigned char)*p;

		out[len++] = c < ' ' || c == 0x7f ? ' ' : *p;
	}
	out[len] = '\0';
	a->errors[i].message = out;
	if (cJSON_IsNumber(code) && fabs(code->valuedouble) < 9e15)
		a->errors[i].code = (int64_t)code->valuedouble;
}

/* One response object. */
static enum status read_item(struct rpc_answer *a, size_t i, cJSON *item,
			     struct err *err)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(item, "error");
	cJSON *result = cJSON_GetObjectItemCaseSensitive(item, "result");

	if (a->seen[i])
		return err_set(err, ST_TRANSIENT, "two answers with one id");
	a->seen[i] = true;
	if (error && !cJSON_IsNull(error))
		read_error(a, i, error);
	else if (result)
		a->results[i] = result;
	else
		return err_set(err, ST_TRANSIENT,
			       "answer with neither result nor error");
	return ST_OK;
}

/* Index into the call, or -1. */
static int64_t item_index(const cJSON *item, uint64_t id, size_t n)
{
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(item, "id");
	double d;

	if (!cJSON_IsNumber(p))
		return -1;
	d = p->valuedouble - (double)id;
	return d >= 0 && d < (double)n && d == floor(d) ? (int64_t)d : -1;
}

/* An error that could not be tied to an id: the request was not understood. */
static bool is_refusal(const cJSON *root)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(root, "id");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");

	return cJSON_IsObject(root) && error && !cJSON_IsNull(error) &&
	       (!id || cJSON_IsNull(id));
}

static enum status read_batch(struct rpc_answer *a, uint64_t id, size_t n,
			      cJSON *root, struct err *err)
{
	cJSON *item;
	enum status st;
	size_t left = n;

	cJSON_ArrayForEach(item, root)
	{
		int64_t i = item_index(item, id, n);

		if (i < 0)
			return err_set(err, ST_TRANSIENT,
				       "answer with an id that was not asked");
		st = read_item(a, (size_t)i, item, err);
		if (st != ST_OK)
			return st;
		left--;
	}
	if (left)
		return err_set(err, ST_TRANSIENT,
			       "batch answer lacks %zu of %zu", left, n);
	return ST_OK;
}

enum status rpc_answer_read(struct rpc_answer *a, uint64_t id, size_t n,
			    bool batch, cJSON *root, struct err *err)
{
	if (batch && cJSON_IsArray(root))
		return read_batch(a, id, n, root, err);
	if (is_refusal(root)) {
		a->refused = true;
		return read_item(a, 0, root, err);
	}
	if (batch && cJSON_GetObjectItemCaseSensitive(root, "error")) {
		/* some nodes give the first id with it */
		a->refused = true;
		return read_item(a, 0, root, err);
	}
	if (batch || !cJSON_IsObject(root))
		return err_set(err, ST_TRANSIENT, "answer of the wrong shape");
	if (item_index(root, id, 1) != 0)
		return err_set(err, ST_TRANSIENT,
			       "answer with an id that was not asked");
	return read_item(a, 0, root, err);
}
