#ifndef CX_CORE_HTTP_H
#define CX_CORE_HTTP_H

#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * HTTP client: one curl-multi on one libuv loop, connections reused, HTTP/2
 * where the server has it. Names are resolved off the loop's thread.
 */
struct http;
struct http_call;

struct http_request {
	const char *method; /* "GET", "POST", … */
	const char *url;    /* may hold a secret: never logged */
	const char *const
	    *headers;     /* "Name: value", NULL-terminated; or NULL */
	const void *body; /* NULL: none; copied */
	size_t body_len;
	uint32_t timeout_ms; /* for the whole call */
	size_t max_response; /* bytes; more ends the call, ST_REJECTED */
};

struct http_response {
	long code; /* HTTP status */
	struct buf body;
	uint32_t retry_after_s; /* 0: no such header (seconds or date) */
	bool maybe_sent;        /* on failure: the server may have acted */
};

/**
 * http_done_fn - called exactly once from the loop, unless cancelled
 * @st: ST_OK with any HTTP status; ST_TRANSIENT: no (whole) answer;
 *ST_REJECTED: answer over max_response or an unusable URL
 * @res: never NULL; body empty unless ST_OK; owned by the caller of this
 */
typedef void (*http_done_fn)(void *arg, enum status st,
			     const struct http_response *res,
			     const struct err *err);

struct http *http_new(uv_loop_t *loop, uint32_t max_connections);
/** http_free - cancels what is under way; callbacks are not called */
void http_free(struct http *h);
DEFINE_AUTO(http, http_free)

/** http_start - everything in @req is copied; the answer comes from the loop,
 * never from inside this call. Errors never hold the URL's path or query. */
struct http_call *http_start(struct http *h, const struct http_request *req,
			     http_done_fn done, void *arg);
/** http_cancel - @call must not have been answered; its callback is dropped */
void http_cancel(struct http_call *call);

#endif
