/*
 * A call that is waited for: for commands, and for a daemon before it serves.
 * It runs the loop meanwhile; nothing else may, so it is never for callbacks.
 */
#include "core/rpc_int.h"

struct waiting {
	bool done;
	enum status st;
	cJSON *result;
	char *data;
	struct err err;
};

static void on_waited(void *arg, enum status st, cJSON *result,
		      const struct rpc_error *error, const struct err *err)
{
	struct waiting *w = arg;

	if (error && error->data)
		w->data = mem_strdup(error->data);
	w->done = true;
	w->st = st;
	if (st == ST_OK)
		w->result = mem_check(cJSON_Duplicate(result, 1));
	else
		w->err = *err;
}

/* @data may be NULL */
static enum status wait_for(cJSON **result, char **data, struct rpc *r,
			    const char *method, const char *params,
			    const bool *stop, struct err *err)
{
	struct waiting w = { 0 };
	struct rpc_call *call = rpc_call(r, method, params, on_waited, &w);

	while (!w.done && !*stop)
		uv_run(r->loop, UV_RUN_ONCE);
	if (!w.done) {
		rpc_cancel(call);
		return err_set(err, ST_AGAIN, "%s: given up for a stop",
			       method);
	}
	if (w.st == ST_OK)
		*result = w.result;
	else if (err)
		*err = w.err;
	if (data)
		*data = STEAL(w.data);
	free(w.data);
	return w.st;
}

enum status rpc_wait_unless(cJSON **result, struct rpc *r, const char *method,
			    const char *params, const bool *stop,
			    struct err *err)
{
	return wait_for(result, NULL, r, method, params, stop, err);
}

enum status rpc_wait(cJSON **result, struct rpc *r, const char *method,
		     const char *params, struct err *err)
{
	static const bool never;

	return wait_for(result, NULL, r, method, params, &never, err);
}

enum status rpc_wait_data(cJSON **result, char **data, struct rpc *r,
			  const char *method, const char *params,
			  struct err *err)
{
	static const bool never;

	return wait_for(result, data, r, method, params, &never, err);
}
