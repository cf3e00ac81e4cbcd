/*
 * JSON-RPC over HTTP: one POST a call or batch. HTTP's own failures become
 * ST_TRANSIENT; a node's error object is the node's answer, whatever HTTP
 * status it came with, except 429 and 503, which ask to come back later. An
 * answer past the bound is the call's own failing, not the endpoint's.
 */
#include <stdio.h>

#include "core/rpc_int.h"
#include "core/rpc_stats.h"

static void fail_code(struct rpc_call *call, const struct http_response *res)
{
	const char *hint = "";
	char why[160], wait[48] = "";

	if (res->code == 401 || res->code == 403)
		hint = " (is the key right?)";
	else if (res->code == 404)
		hint = " (is the path right?)";
	else if (res->code == 429)
		hint = " (too many requests)";
	if (res->retry_after_s)
		snprintf(wait, sizeof(wait), ", retry after %u s",
			 res->retry_after_s);
	snprintf(why, sizeof(why), "HTTP status %ld%s%s", res->code, hint,
		 wait);
	rpc_call_fail(call, why);
}

static void on_http(void *arg, enum status st, const struct http_response *res,
		    const struct err *err)
{
	struct rpc_call *call = arg;
	struct rpc *r = call->rpc;
	struct rpc_message m;
	struct err why = { 0 };

	call->http = NULL;
	r->retry_after_s = res->retry_after_s;
	rpc_stats_bytes(0, res->body.len);
	if (res->too_long && res->code >= 200 && res->code < 300) {
		rpc_call_too_long(call, rpc_without_label(r, err->msg));
		return;
	}
	if (res->too_long) {
		fail_code(call, res);
		return;
	}
	if (st != ST_OK) {
		rpc_call_fail(call, rpc_without_label(r, err->msg));
		return;
	}
	if (res->code == 429 || res->code == 503) {
		fail_code(call, res);
		return;
	}
	st = rpc_message_start(&m, buf_str(&res->body), res->body.len, &why);
	if (res->code < 200 || res->code >= 300) {
		if (st != ST_OK || m.array || !m.first.error.p ||
		    !m.first.versioned) {
			fail_code(call, res);
			return;
		}
	}
	if (st != ST_OK || !rpc_call_answer(call, &m, &why))
		rpc_call_fail(call, why.msg);
}

void rpc_http_send(struct rpc_call *call)
{
	static const char *const headers[] = { "Content-Type: application/json",
					       "Accept: application/json",
					       NULL };
	struct rpc *r = call->rpc;
	const struct http_request req = {
		.method = "POST",
		.url = r->opts.url,
		.headers = headers,
		.body = call->body,
		.body_len = call->body_len,
		.timeout_ms = r->opts.timeout_ms,
		.max_response = r->opts.max_message,
		/* Reads are; a raw transaction sent twice is one too. */
		.idempotent = true,
	};

	call->sent = true;
	call->http = http_start(r->http, &req, on_http, call);
}
