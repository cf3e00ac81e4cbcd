#ifndef CX_CORE_RPC_H
#define CX_CORE_RPC_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/err.h"
#include "core/http.h"
#include "core/mem.h"
#include "core/scan.h"

/*
 * JSON-RPC 2.0 client of one endpoint: http(s):// by POST, ws(s):// over one
 * libwebsockets connection with eth_subscribe notifications. Connects by
 * itself, reconnects with backoff, fails what was in flight with ST_TRANSIENT.
 */
struct rpc;
struct rpc_call;

struct rpc_error {
	int64_t code;
	const char
	    *message; /* at most 300 bytes, control characters replaced */
	/* ours, not the node's: "answer longer than N bytes", the bound; ask
	 * for less */
	bool too_long;
	/* "0x…" that came as the error's data: what a contract reverted with;
	 * NULL: none, or more than 2050 bytes */
	const char *data;
};

/**
 * rpc_done_fn - called exactly once from the loop, unless cancelled
 * @st: ST_OK with @result; ST_REJECTED with @error when the node answered with
 *	an error object or with more than max_message; ST_TRANSIENT: no
 *	answer, HTTP error, not JSON
 * @result: valid inside the call only (steal parts with cJSON_Detach…)
 * @error: NULL unless ST_REJECTED
 */
typedef void (*rpc_done_fn)(void *arg, enum status st, cJSON *result,
			    const struct rpc_error *error,
			    const struct err *err);

/** subscription message: params.result, valid inside the call only */
typedef void (*rpc_notify_fn)(void *arg, const char *subscription,
			      cJSON *result);
/** the same as JSON text, @subscription without its quotes */
typedef void (*rpc_notify_text_fn)(void *arg, struct text subscription,
				   struct text result);
/** the socket came up (true: subscribe again now, @err is NULL), or went away
 * or could not be opened (false, once each attempt) */
typedef void (*rpc_state_fn)(void *arg, bool up, const struct err *err);

struct rpc_opts {
	const char *url;     /* may hold a key: never logged */
	uint32_t timeout_ms; /* per call */
	size_t max_message;  /* bytes of one answer */
	uint32_t idle_ms;    /* ws: ping after this, dead after twice this */
	/* ws only; any may be NULL */
	rpc_notify_fn on_notify;
	rpc_notify_text_fn on_notify_text;
	rpc_state_fn on_state;
	void *arg;
};

/*
 * Calls made while a WebSocket is down wait for it until their timeout; at most
 * 4096 calls wait or are under way, more fail with ST_TRANSIENT. Callbacks come
 * from the loop, never from inside a call made here, except that
 * rpc_reconnect() fails what was under way at once. Any callback may call,
 * cancel and free.
 */

/** rpc_new - @http is used by http(s) URLs and may be shared. ST_REJECTED for
 * an unusable URL. Release with rpc_free(), which drops callbacks. */
enum status rpc_new(struct rpc **out, uv_loop_t *loop, struct http *http,
		    const struct rpc_opts *opts, struct err *err) MUST_CHECK;
void rpc_free(struct rpc *r);
DEFINE_AUTO(rpc, rpc_free)

/** rpc_label - scheme://host:port of the endpoint, without credentials, path
 * or query: what logs call it */
const char *rpc_label(const struct rpc *r);
/** rpc_is_ws - whether eth_subscribe can work */
bool rpc_is_ws(const struct rpc *r);
/** rpc_retry_after_s - http: what the last answer's Retry-After asked for, in
 * seconds; 0: nothing */
uint32_t rpc_retry_after_s(const struct rpc *r);
/** rpc_set_max_message - bytes of one answer, above 0; for calls made from now
 * on (ws: messages that begin from now on). A longer one is ST_REJECTED for
 * its call alone, with error.too_long in every item; none of it is kept. */
void rpc_set_max_message(struct rpc *r, size_t max_message);
/** rpc_reconnect - ws: drop a silent socket and connect again with backoff */
void rpc_reconnect(struct rpc *r);

/**
 * rpc_call - send one call
 * @params: JSON array text, e.g. "[\"latest\",false]"; copied
 */
struct rpc_call *rpc_call(struct rpc *r, const char *method, const char *params,
			  rpc_done_fn done, void *arg);
/** rpc_cancel - @call must not have been answered; its callback is dropped */
void rpc_cancel(struct rpc_call *call);

struct rpc_batch_item {
	const char *method, *params;
};

/** rpc_batch_done_fn - @results: @n members in the order asked, an item the
 * node refused being NULL with its error in @errors (message NULL: no error).
 * @st: ST_OK when every item has an answer; ST_REJECTED when the node refused
 * the batch as a whole or its answer passed max_message, the error then in
 * every item of @errors; ST_TRANSIENT: no whole answer, @results and @errors
 * NULL, @n 0 */
typedef void (*rpc_batch_done_fn)(void *arg, enum status st, cJSON **results,
				  const struct rpc_error *errors, size_t n,
				  const struct err *err);
/** rpc_batch - one JSON array of calls, answered by one backend */
struct rpc_call *rpc_batch(struct rpc *r, const struct rpc_batch_item *items,
			   size_t n, rpc_batch_done_fn done, void *arg);

struct rpc_item {
	struct text result;     /* JSON; p NULL: refused, error.message set */
	struct rpc_error error; /* message NULL: none */
};

/** rpc_items_fn - as rpc_batch_done_fn, with @st of the same meaning; the
 * texts lie in the received message and are valid inside the call only. They
 * are JSON already (scan_skip() took them), each of one value. */
typedef void (*rpc_items_fn)(void *arg, enum status st,
			     const struct rpc_item *items, size_t n,
			     const struct err *err);
/** rpc_batch_text - as rpc_batch(), without a tree and without a copy: for
 * answers of megabytes */
struct rpc_call *rpc_batch_text(struct rpc *r,
				const struct rpc_batch_item *items, size_t n,
				rpc_items_fn done, void *arg);

/**
 * rpc_wait - for commands: call and run the loop until the answer
 * @result: set on ST_OK; caller owns it, release with cJSON_Delete()
 * The node's error text becomes @err on ST_REJECTED.
 */
enum status rpc_wait(cJSON **result, struct rpc *r, const char *method,
		     const char *params, struct err *err) MUST_CHECK;
/** rpc_wait_data - the same; @data: set on ST_REJECTED to a copy of the
 * error's data (struct rpc_error) or NULL; caller frees it */
enum status rpc_wait_data(cJSON **result, char **data, struct rpc *r,
			  const char *method, const char *params,
			  struct err *err) MUST_CHECK;
/** rpc_wait_unless - the same as rpc_wait() for a daemon that starts: @stop may
 * become true in a callback of the loop and ends the wait with ST_AGAIN */
enum status rpc_wait_unless(cJSON **result, struct rpc *r, const char *method,
			    const char *params, const bool *stop,
			    struct err *err) MUST_CHECK;

#endif
