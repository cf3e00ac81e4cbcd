#ifndef CX_CORE_HTTP_H
#define CX_CORE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
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
	/* Called with the body as it comes, in pieces of any size, instead of
	 * keeping it: what it appends to @body is what the answer has. For
	 * answers too long to be held whole. NULL: all is kept */
	void (*sift)(void *arg, const char *piece, size_t n, struct buf *body);
	void *sift_arg;
	/* true: repeating it does no harm, so when a kept-alive connection dies
	 * before any answer it may be sent once more. GET, HEAD, PUT and DELETE
	 * are taken as such; anything else is never sent twice. */
	bool idempotent;
	/* true: only to public addresses (core/netaddr.h), looked at when the
	 * name has been resolved, and by no proxy, which would resolve it
	 * again. Others are ST_REJECTED. Use a client that makes no other
	 * calls: connections are shared. */
	bool public_only;
};

struct http_response {
	long code;              /* HTTP status; on failure 0 unless too_long */
	struct buf body;        /* overwritten when the callback returns */
	uint32_t retry_after_s; /* 0: no such header (seconds or date) */
	bool maybe_sent;        /* on failure: the server may have acted */
	bool too_long;          /* ST_REJECTED for the body's length alone */
};

/**
 * http_done_fn - called exactly once from the loop, unless cancelled
 * @st: ST_OK with any HTTP status; ST_TRANSIENT: no (whole) answer;
 *	ST_REJECTED: answer over max_response or an unusable URL
 * @res: never NULL; body empty unless ST_OK; owned by the caller of this
 *
 * It may start and cancel calls, and free the client.
 */
typedef void (*http_done_fn)(void *arg, enum status st,
			     const struct http_response *res,
			     const struct err *err);

/** http_new - @loop must outlive it; proxies are taken from the environment,
 * except for loopback hosts; CAs are the system's or SSL_CERT_FILE's */
struct http *http_new(uv_loop_t *loop, uint32_t max_connections);
/** http_free - cancels what is under way; callbacks are not called. Handles
 * close in the loop's next turns: run it before uv_loop_close(). */
void http_free(struct http *h);
DEFINE_AUTO(http, http_free)

/** http_start - everything in @req is copied; the answer comes from the loop,
 * never from inside this call. Errors never hold the URL's path or query. */
struct http_call *http_start(struct http *h, const struct http_request *req,
			     http_done_fn done, void *arg);
/** http_cancel - @call must not have been answered; its callback is dropped */
void http_cancel(struct http_call *call);

/**
 * http_retry_after_s - value of a Retry-After header (RFC 9110, 10.2.3)
 * @value: seconds or an HTTP date; surrounding white space is skipped
 * @now: what a date is compared to
 *
 * Return: seconds to wait, at most a day; 0 for a past date or no valid value.
 */
uint32_t http_retry_after_s(const char *value, size_t len, time_t now);

#endif
