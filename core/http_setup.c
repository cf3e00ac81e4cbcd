/*
 * One call's curl handle: every option in one place, and the callbacks that
 * carry its bytes. Bounds are kept here; it never looks at what the bytes mean.
 */
#include "core/http_int.h"

#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/netaddr.h"

#define HEADERS_MAX        (256 * 1024)
#define CONNECT_TIMEOUT_MS 10000
#define RECEIVE_BUFFER     (64 * 1024)

#ifndef CX_VERSION
#define CX_VERSION "0"
#endif

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	struct buf *body = &call->res.body;
	curl_off_t announced = 0;

	if (call->sift) {
		call->sift(call->sift_arg, data, size * n, body);
		return body->overflow ? 0 : size * n;
	}
	/* Of a compressed body this is less than will come. */
	if (body->len == 0 &&
	    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
			      &announced) == CURLE_OK &&
	    announced > 0)
		buf_expect(body, (size_t)announced);
	buf_add(body, data, size * n);
	return body->overflow ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "retry-after:";
	struct http_call *call = arg;
	size_t len = size * n, skip = sizeof(name) - 1;

	call->header_len += len;
	if (call->header_len > HEADERS_MAX) {
		call->headers_too_long = true;
		return 0;
	}
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		call->res.retry_after_s = 0; /* an interim answer's is void */
	else if (len > skip && strncasecmp(data, name, skip) == 0)
		call->res.retry_after_s =
		    http_retry_after_s(data + skip, len - skip, time(NULL));
	return len;
}

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	size_t left = call->body_len - call->body_sent;

	if (left > size * n)
		left = size * n;
	if (left)
		memcpy(out, call->body + call->body_sent, left);
	call->body_sent += left;
	return left;
}

/* curl sends a request again when a kept-alive connection dies before any
 * answer. It has to rewind the body for that, and here is where we refuse. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *call = arg;

	if (origin != SEEK_SET || offset != 0 ||
	    (!call->idempotent && call->body_sent > 0))
		return CURL_SEEKFUNC_FAIL;
	call->body_sent = 0;
	return CURL_SEEKFUNC_OK;
}

static bool has_header(const struct curl_slist *list, const char *name)
{
	size_t n = strlen(name);

	for (; list; list = list->next) {
		if (strncasecmp(list->data, name, n) == 0)
			return true;
	}
	return false;
}

static void add_header(struct http_call *call, const char *line)
{
	call->headers = mem_check(curl_slist_append(call->headers, line));
}

static void set_method(struct http_call *call)
{
	CURL *e = call->easy;
	bool post = strcmp(call->method, "POST") == 0;

	if (strcmp(call->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (post || call->body_len) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)call->body_len);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, call);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, call);
		if (!has_header(call->headers, "Content-Type:"))
			add_header(call, "Content-Type:");
		add_header(call, "Expect:");
	}
	if (!post && strcmp(call->method, "GET") != 0 &&
	    strcmp(call->method, "HEAD") != 0)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
	/* Without a body there is no rewind to refuse. */
	if (!call->idempotent && call->body_len == 0)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_resolved(struct http_call *call, const struct resolved *res)
{
	char line[sizeof(call->url.host) + 16 +
		  (size_t)RESOLVE_ADDRS_MAX * (RESOLVE_ADDR_LEN + 3)];
	size_t len;

	if (!res)
		return;
	/* '+': the entry ages like one that curl looked up itself. */
	len = (size_t)snprintf(line, sizeof(line), "+%s:%u:", call->url.host,
			       call->url.port);
	for (size_t i = 0; i < res->n; i++) {
		const char *a = res->addr[i];
		bool ip6 = strchr(a, ':') != NULL;

		len += (size_t)snprintf(line + len, sizeof(line) - len,
					"%s%s%s%s", i ? "," : "",
					ip6 ? "[" : "", a, ip6 ? "]" : "");
	}
	call->resolve = mem_check(curl_slist_append(NULL, line));
	curl_easy_setopt(call->easy, CURLOPT_RESOLVE, call->resolve);
}

/* What curl is about to connect to, whoever resolved it. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose,
				    struct curl_sockaddr *to)
{
	struct http_call *call = arg;

	(void)purpose;
	if (!netaddr_is_public(&to->addr)) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void set_reach(struct http_call *call)
{
	CURL *e = call->easy;

	if (url_is_loopback(&call->url) || call->public_only)
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	if (!call->public_only)
		return;
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, call);
}

void http_call_setup(struct http_call *call, const struct resolved *res,
		     uint32_t timeout_ms)
{
	CURL *e = mem_check(curl_easy_init());
	const char *ca = getenv("SSL_CERT_FILE");

	call->easy = e;
	curl_easy_setopt(e, CURLOPT_PRIVATE, call);
	curl_easy_setopt(e, CURLOPT_URL, call->url_text);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "chaincast/" CX_VERSION);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, call->url.tls ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)CONNECT_TIMEOUT_MS);
	set_reach(call);
	if (ca && *ca)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
	set_method(call);
	set_resolved(call, res);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	/* What says beforehand that it is too long is not even begun. */
	curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
			 (curl_off_t)call->res.body.max);
}
