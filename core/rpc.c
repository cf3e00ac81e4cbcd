/*
 * JSON-RPC client: building calls, keeping their ids, deadlines and owners,
 * and handing answers over. The transports are rpc_http.c and rpc_ws.c. It
 * never retries a call: that is the caller's decision. No URL path, query or
 * credential is ever in an error.
 */
#include "core/rpc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/rpc_int.h"

#define BODY_MAX ((size_t)32 * 1024 * 1024)

static void on_deadline(uv_timer_t *timer);

/* Doomed calls stand first and are due at once. HTTP calls have their
 * deadline in the HTTP client. */
static void arm_timer(struct rpc *r)
{
	const struct rpc_call *first = r->head;
	uint64_t now = uv_now(r->loop);

	if (r->closing)
		return;
	if (!first || (!r->url.ws && !first->doomed)) {
		uv_timer_stop(&r->timer);
		return;
	}
	uv_timer_start(&r->timer, on_deadline,
		       first->doomed || first->deadline_ms <= now
			   ? 0
			   : first->deadline_ms - now,
		       0);
}

static void unlink_call(struct rpc_call *call)
{
	struct rpc *r = call->rpc;

	if (call->prev)
		call->prev->next = call->next;
	else
		r->head = call->next;
	if (call->next)
		call->next->prev = call->prev;
	else
		r->tail = call->prev;
	call->prev = call->next = NULL;
	r->pending--;
	arm_timer(r);
}

static void call_free(struct rpc_call *call)
{
	free(call->body);
	free(call);
}

/* Calls back with @st; @call must be out of its list. Frees it. */
static void deliver(struct rpc_call *call, enum status st,
		    const struct rpc_answer *a, const struct err *err)
{
	const struct rpc_error *error =
	    a && a->errors[0].message ? a->errors : NULL;

	if (call->batch)
		call->batch_done(call->arg, st, a ? a->results : NULL,
				 a ? a->errors : NULL, a ? call->n : 0, err);
	else
		call->done(call->arg, st, st == ST_OK ? a->results[0] : NULL,
			   error, err);
	call_free(call);
}

void rpc_call_fail(struct rpc_call *call, const char *why)
{
	struct err err = { 0 };

	unlink_call(call);
	err_set(&err, ST_TRANSIENT, "%s: %s: %s", call->rpc->url.label,
		call->method, why);
	deliver(call, ST_TRANSIENT, NULL, &err);
}

const char *rpc_without_label(const struct rpc *r, const char *msg)
{
	size_t n = strlen(r->url.label);

	return strncmp(msg, r->url.label, n) == 0 &&
		       strncmp(msg + n, ": ", 2) == 0
		   ? msg + n + 2
		   : msg;
}

void rpc_call_refuse(struct rpc_call *call, const char *why)
{
	struct rpc *r = call->rpc;

	err_set(&call->err, ST_TRANSIENT, "%s", why);
	call->doomed = true;
	if (r->head != call) {
		unlink_call(call);
		call->next = r->head;
		if (r->head)
			r->head->prev = call;
		else
			r->tail = call;
		r->head = call;
		r->pending++;
	}
	arm_timer(r);
}

static void on_deadline(uv_timer_t *timer)
{
	struct rpc *r = timer->data;
	uint64_t now = uv_now(r->loop);
	char why[64];

	snprintf(why, sizeof(why), "no answer within %u ms",
		 r->opts.timeout_ms);
	while (
	    !r->closing && r->head &&
	    (r->head->doomed || (r->url.ws && r->head->deadline_ms <= now))) {
		struct rpc_call *call = r->head;
		struct err err = call->err;

		rpc_call_fail(call, call->doomed ? err.msg : why);
	}
	arm_timer(r);
}

void rpc_call_answer(struct rpc_call *call, cJSON *root)
{
	struct rpc_answer a;
	struct err why = { 0 }, err = { 0 };
	enum status st;

	rpc_answer_init(&a, call->n);
	st = rpc_answer_read(&a, call->id, call->n, call->batch, root, &why);
	unlink_call(call);
	if (st != ST_OK) {
		err_set(&err, st, "%s: %s: %s", call->rpc->url.label,
			call->method, why.msg);
		deliver(call, st, NULL, &err);
		rpc_answer_deinit(&a);
		return;
	}
	for (size_t i = 1; a.refused && i < call->n; i++)
		a.errors[i] = a.errors[0];
	if (a.refused || (!call->batch && a.errors[0].message))
		st = err_set(&err, ST_REJECTED,
			     "%s: %s: node error %" PRId64 ": %s",
			     call->rpc->url.label, call->method,
			     a.errors[0].code, a.errors[0].message);
	deliver(call, st, &a, &err);
	rpc_answer_deinit(&a);
}

static struct rpc_call *call_start(struct rpc *r, struct rpc_call *call,
				   struct buf *body)
{
	bool too_long = body->overflow;

	call->rpc = r;
	call->body = mem_dup(buf_str(body), body->len);
	call->body_len = body->len;
	call->deadline_ms = uv_now(r->loop) + r->opts.timeout_ms;
	call->prev = r->tail;
	if (r->tail)
		r->tail->next = call;
	else
		r->head = call;
	r->tail = call;
	r->pending++;
	if (r->pending > RPC_PENDING_MAX)
		rpc_call_refuse(call, "too many calls are waiting");
	else if (too_long)
		rpc_call_refuse(call, "the request is too long");
	else if (r->url.ws)
		rpc_ws_send(call);
	else
		rpc_http_send(call);
	if (r->head == call)
		arm_timer(r);
	return call;
}

static void add_item(struct buf *body, uint64_t id, const char *method,
		     const char *params)
{
	buf_printf(body,
		   "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		   ",\"method\":\"%s\",\"params\":",
		   id, method);
	buf_add_str(body, params);
	buf_add_byte(body, '}');
}

struct rpc_call *rpc_call(struct rpc *r, const char *method, const char *params,
			  rpc_done_fn done, void *arg)
{
	struct rpc_call *call = mem_zalloc(sizeof(*call));
	AUTO_BUF body = BUF_NULL;

	buf_init(&body, BODY_MAX);
	call->n = 1;
	call->id = r->next_id++;
	call->done = done;
	call->arg = arg;
	snprintf(call->method, sizeof(call->method), "%s", method);
	add_item(&body, call->id, method, params);
	return call_start(r, call, &body);
}

struct rpc_call *rpc_batch(struct rpc *r, const struct rpc_batch_item *items,
			   size_t n, rpc_batch_done_fn done, void *arg)
{
	struct rpc_call *call = mem_zalloc(sizeof(*call));
	AUTO_BUF body = BUF_NULL;

	assert(n > 0);
	buf_init(&body, BODY_MAX);
	call->n = n;
	call->batch = true;
	call->id = r->next_id;
	r->next_id += n;
	call->batch_done = done;
	call->arg = arg;
	snprintf(call->method, sizeof(call->method), "batch of %zu from %.48s",
		 n, items[0].method);
	buf_add_byte(&body, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_byte(&body, ',');
		add_item(&body, call->id + i, items[i].method, items[i].params);
	}
	buf_add_byte(&body, ']');
	return call_start(r, call, &body);
}

void rpc_cancel(struct rpc_call *call)
{
	if (call->http)
		http_cancel(call->http);
	unlink_call(call);
	call_free(call);
}

enum status rpc_new(struct rpc **out, uv_loop_t *loop, struct http *http,
		    const struct rpc_opts *opts, struct err *err)
{
	struct rpc *r = mem_zalloc(sizeof(*r));
	enum status st = url_parse(&r->url, opts->url, err);

	if (st == ST_OK && !r->url.ws && !http)
		st = err_set(err, ST_FATAL, "%s: rpc without an HTTP client",
			     r->url.label);
	if (st != ST_OK) {
		free(r);
		return st;
	}
	r->loop = loop;
	r->http = http;
	r->opts = *opts;
	r->opts.url = mem_strdup(opts->url);
	r->next_id = 1;
	uv_timer_init(loop, &r->timer);
	uv_timer_init(loop, &r->retry);
	r->timer.data = r->retry.data = r;
	r->open_handles = 2;
	if (r->url.ws)
		rpc_ws_start(r);
	*out = r;
	return ST_OK;
}

static void on_rpc_closed(uv_handle_t *handle)
{
	struct rpc *r = handle->data;

	if (--r->open_handles)
		return;
	url_wipe(&r->url);
	free(r);
}

void rpc_free(struct rpc *r)
{
	char *url;

	if (!r || r->closing)
		return;
	r->closing = true;
	rpc_ws_stop(r);
	while (r->head)
		rpc_cancel(r->head);
	memcpy(&url, &r->opts.url, sizeof(url));
	explicit_bzero(url, strlen(url));
	free(url);
	r->opts.url = NULL;
	uv_close((uv_handle_t *)&r->timer, on_rpc_closed);
	uv_close((uv_handle_t *)&r->retry, on_rpc_closed);
}

const char *rpc_label(const struct rpc *r)
{
	return r->url.label;
}

bool rpc_is_ws(const struct rpc *r)
{
	return r->url.ws;
}

uint32_t rpc_retry_after_s(const struct rpc *r)
{
	return r->retry_after_s;
}

struct waiting {
	bool done;
	enum status st;
	cJSON *result;
	struct err err;
};

static void on_waited(void *arg, enum status st, cJSON *result,
		      const struct rpc_error *error, const struct err *err)
{
	struct waiting *w = arg;

	(void)error;
	w->done = true;
	w->st = st;
	if (st == ST_OK)
		w->result = mem_check(cJSON_Duplicate(result, 1));
	else
		w->err = *err;
}

enum status rpc_wait_unless(cJSON **result, struct rpc *r, const char *method,
			    const char *params, const bool *stop,
			    struct err *err)
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
	return w.st;
}

enum status rpc_wait(cJSON **result, struct rpc *r, const char *method,
		     const char *params, struct err *err)
{
	static const bool never;

	return rpc_wait_unless(result, r, method, params, &never, err);
}
