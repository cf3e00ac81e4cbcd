#ifndef CX_CORE_HTTP_INT_H
#define CX_CORE_HTTP_INT_H

#include <curl/curl.h>

#include "core/http.h"
#include "core/resolve.h"
#include "core/url.h"

/* Shared by http.c (one call's life) and http_loop.c (curl on the loop). */

struct http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct resolver *resolver;
	struct http_call *calls;
	bool closing; /* freed; memory goes when the timer has closed */
};

struct http_call {
	struct http *http;
	struct http_call *prev, *next;
	uv_timer_t timer; /* first turn, and the deadline while resolving */
	struct resolve_wait *wait;
	CURL *easy; /* NULL until the name is known */
	bool added; /* curl has it */
	bool idempotent;
	bool headers_too_long;
	bool public_only, refused; /* refused: the address is not public */
	struct url url;
	char *url_text; /* without its fragment; wiped */
	char method[16];
	struct curl_slist *headers, *resolve;
	uint8_t *body;
	size_t body_len, body_sent, header_len;
	uint64_t deadline_ms;
	void (*sift)(void *arg, const char *piece, size_t n, struct buf *body);
	void *sift_arg;
	struct http_response res;
	enum status early; /* not ST_OK: answer with this, start nothing */
	struct err err;
	http_done_fn done;
	void *arg;
};

/** http_loop_init - ST_OK sets @h->multi, driven by @h->loop from now on */
void http_loop_init(struct http *h, uint32_t max_connections);
/** http_loop_deinit - drops every connection; @h is freed by the loop */
void http_loop_deinit(struct http *h);
/** http_call_setup - give @call its easy handle with every option set */
void http_call_setup(struct http_call *call, const struct resolved *res,
		     uint32_t timeout_ms);
/** http_call_finished - curl is done with @call */
void http_call_finished(struct http_call *call, CURLcode code);

#endif
