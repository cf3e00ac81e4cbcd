/*
 * HTTP client: the life of a call, from the name being looked up to its
 * callback. What an error may show is scheme, host and port; path, query and
 * userinfo may hold keys and are never shown. Bodies are wiped when done.
 */
#include "core/http.h"

#include <stdio.h>
#include <strings.h>

#include "core/crash.h"
#include "core/http_int.h"

#define RETRY_AFTER_MAX_S 86400

uint32_t http_retry_after_s(const char *value, size_t len, time_t now)
{
	char text[64];
	uint64_t s = 0;
	time_t date;
	size_t i;

	while (len && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len && strchr(" \t\r\n", value[len - 1]))
		len--;
	if (len == 0 || len >= sizeof(text))
		return 0;
	for (i = 0; i < len && value[i] >= '0' && value[i] <= '9'; i++) {
		s = s * 10 + (uint64_t)(value[i] - '0');
		if (s > RETRY_AFTER_MAX_S)
			s = RETRY_AFTER_MAX_S;
	}
	if (i < len) {
		memcpy(text, value, len);
		text[len] = '\0';
		date = curl_getdate(text, NULL);
		if (date <= now)
			return 0;
		s = (uint64_t)(date - now);
	}
	return (uint32_t)(s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s);
}

struct http *http_new(uv_loop_t *loop, uint32_t max_connections)
{
	struct http *h = mem_zalloc(sizeof(*h));

	h->loop = loop;
	h->resolver = resolver_new(loop);
	http_loop_init(h, max_connections);
	return h;
}

static void on_call_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Takes the call out of everything; its memory goes one loop turn later. */
static void call_drop(struct http_call *call)
{
	struct http *h = call->http;

	if (call->prev)
		call->prev->next = call->next;
	else
		h->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	if (call->wait)
		resolver_cancel(call->wait);
	if (call->added)
		curl_multi_remove_handle(h->multi, call->easy);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	for (struct curl_slist *l = call->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->resolve);
	if (call->body)
		explicit_bzero(call->body, call->body_len);
	free(call->body);
	explicit_bzero(call->url_text, strlen(call->url_text));
	free(call->url_text);
	url_wipe(&call->url);
	call->wait = NULL;
	call->easy = NULL;
	uv_close((uv_handle_t *)&call->timer, on_call_closed);
}

/* The callback comes last, when the call is out of every list. */
static void call_answer(struct http_call *call, enum status st)
{
	struct http_response res = call->res;

	crash_http(CRASH_AFTER, call->method, call->url_text);
	call_drop(call);
	if (st != ST_OK)
		buf_wipe(&res.body);
	call->done(call->arg, st, &res, &call->err);
	buf_wipe(&res.body);
}

/* Whether the code alone proves that no byte of the request left. */
static bool before_request(CURLcode code)
{
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return true;
	default:
		return false;
	}
}

static bool may_be_sent(struct http_call *call, CURLcode code)
{
	curl_off_t begun = 0;
	long bytes = 0;

	curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &begun);
	curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &bytes);
	if (bytes == 0 && begun == 0)
		return false;
	return bytes > 0 || !before_request(code);
}

void http_call_finished(struct http_call *call, CURLcode code)
{
	long os_errno = 0;
	enum status st = ST_OK;

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->res.code);
	if (code == CURLE_OK) {
		call_answer(call, ST_OK);
		return;
	}
	call->res.maybe_sent = may_be_sent(call, code);
	call->res.too_long =
	    call->res.body.overflow || code == CURLE_FILESIZE_EXCEEDED;
	if (!call->res.too_long)
		call->res.code = 0;
	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (call->refused && code == CURLE_COULDNT_CONNECT)
		st = err_set(&call->err, ST_REJECTED,
			     "%s: the address is not public", call->url.label);
	else if (call->headers_too_long)
		st =
		    err_set(&call->err, ST_REJECTED,
			    "%s: answer with endless headers", call->url.label);
	else if (call->res.too_long)
		st = err_set(&call->err, ST_REJECTED,
			     "%s: answer longer than %zu bytes",
			     call->url.label, call->res.body.max);
	else if (code == CURLE_URL_MALFORMAT ||
		 code == CURLE_UNSUPPORTED_PROTOCOL)
		st = err_set(&call->err, ST_REJECTED, "%s: %s", call->url.label,
			     curl_easy_strerror(code));
	else
		st = err_set(&call->err, ST_TRANSIENT, "%s: %s%s%s%s",
			     call->url.label, curl_easy_strerror(code),
			     os_errno ? " (" : "",
			     os_errno ? strerror((int)os_errno) : "",
			     os_errno ? ")" : "");
	if (code == CURLE_COULDNT_CONNECT)
		resolver_forget(call->http->resolver, call->url.host);
	call_answer(call, st);
}

static void call_perform(struct http_call *call, const struct resolved *res)
{
	uint64_t now = uv_now(call->http->loop);
	uint64_t left = call->deadline_ms > now ? call->deadline_ms - now : 1;

	uv_timer_stop(&call->timer);
	crash_http(CRASH_BEFORE, call->method, call->url_text);
	http_call_setup(call, res, (uint32_t)left);
	if (curl_multi_add_handle(call->http->multi, call->easy) != CURLM_OK)
		abort();
	call->added = true;
}

static void on_resolved(void *arg, enum status st, const struct resolved *res,
			const struct err *err)
{
	struct http_call *call = arg;

	call->wait = NULL;
	if (st == ST_OK) {
		call_perform(call, res);
		return;
	}
	err_set(&call->err, st, "%s: %s", call->url.label, err->msg);
	call_answer(call, st);
}

static void on_resolve_timeout(uv_timer_t *timer)
{
	struct http_call *call = timer->data;

	call_answer(call,
		    err_set(&call->err, ST_TRANSIENT,
			    "%s: name not resolved in time", call->url.label));
}

/* Behind a proxy the target's name is the proxy's business. */
static bool goes_by_proxy(const struct url *url)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY",
					     "http_proxy", "all_proxy",
					     "ALL_PROXY" };

	if (url_is_loopback(url))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	return false;
}

static void on_first_turn(uv_timer_t *timer)
{
	struct http_call *call = timer->data;
	uint64_t now = uv_now(call->http->loop);

	if (call->early != ST_OK) {
		call_answer(call, call->early);
		return;
	}
	if (url_is_numeric(&call->url) ||
	    (!call->public_only && goes_by_proxy(&call->url))) {
		call_perform(call, NULL);
		return;
	}
	uv_timer_start(&call->timer, on_resolve_timeout,
		       call->deadline_ms > now ? call->deadline_ms - now : 0,
		       0);
	call->wait = resolver_start(call->http->resolver, call->url.host,
				    on_resolved, call);
}

static bool method_is_idempotent(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0;
}

static void check_request(struct http_call *call,
			  const struct http_request *req)
{
	call->early = url_parse(&call->url, req->url, &call->err);
	if (call->early == ST_OK && call->url.ws)
		call->early = err_set(&call->err, ST_REJECTED,
				      "%s: not an http URL", call->url.label);
	if (call->early == ST_OK &&
	    (strlen(req->method) >= sizeof(call->method) || !*req->method))
		call->early = err_set(&call->err, ST_REJECTED,
				      "%s: bad HTTP method", call->url.label);
	for (size_t i = 0; req->headers && req->headers[i]; i++) {
		if (strpbrk(req->headers[i], "\r\n"))
			call->early = err_set(&call->err, ST_REJECTED,
					      "%s: line break in a header",
					      call->url.label);
		call->headers = mem_check(
		    curl_slist_append(call->headers, req->headers[i]));
	}
}

struct http_call *http_start(struct http *h, const struct http_request *req,
			     http_done_fn done, void *arg)
{
	struct http_call *call = mem_zalloc(sizeof(*call));

	call->http = h;
	call->done = done;
	call->arg = arg;
	check_request(call, req);
	snprintf(call->method, sizeof(call->method), "%s", req->method);
	call->idempotent = req->idempotent || method_is_idempotent(req->method);
	call->public_only = req->public_only;
	call->sift = req->sift;
	call->sift_arg = req->sift_arg;
	call->url_text = mem_strndup(req->url, strcspn(req->url, "#"));
	if (req->body && req->body_len) {
		call->body = mem_dup(req->body, req->body_len);
		call->body_len = req->body_len;
	}
	call->deadline_ms = uv_now(h->loop) + req->timeout_ms;
	buf_init(&call->res.body, req->max_response);
	call->next = h->calls;
	if (call->next)
		call->next->prev = call;
	h->calls = call;
	uv_timer_init(h->loop, &call->timer);
	call->timer.data = call;
	uv_timer_start(&call->timer, on_first_turn, 0, 0);
	return call;
}

void http_cancel(struct http_call *call)
{
	struct buf body;

	call_drop(call);
	body = call->res.body;
	buf_wipe(&body);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->calls)
		http_cancel(h->calls);
	resolver_free(h->resolver);
	http_loop_deinit(h);
}
