/*
 * The head of an HTTP/1 request (RFC 9112), and the addresses that the server
 * may listen on. Pure; strict, since only probes and scrapers talk to it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "core/httpd.h"

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') ||
		      (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return n > 0;
}

static bool is_visible(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return false;
	return n > 0;
}

static bool is(const char *s, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(s, text, n) == 0;
}

/* The path of an origin-form or absolute-form target, without its query. */
static int take_path(struct httpd_request *out, const char *s, size_t n)
{
	const char *query;

	if (!is_visible(s, n))
		return 400;
	if (n > 7 && strncasecmp(s, "http://", 7) == 0) {
		const char *slash = memchr(s + 7, '/', n - 7);

		if (!slash)
			return 400;
		n -= (size_t)(slash - s);
		s = slash;
	}
	if (*s != '/')
		return 400;
	query = memchr(s, '?', n);
	if (query)
		n = (size_t)(query - s);
	if (n > HTTPD_PATH_MAX)
		return 414;
	memcpy(out->path, s, n);
	out->path[n] = '\0';
	return 200;
}

static int take_line(struct httpd_request *out, const char *s, size_t n,
		     bool *needs_host)
{
	const char *end = s + n, *sp = memchr(s, ' ', n), *version = NULL;
	int code;

	for (const char *p = s; p < end; p++)
		if (*p == ' ')
			version = p + 1;
	if (!sp || !version || version == sp + 1 ||
	    !is_token(s, (size_t)(sp - s)))
		return 400;
	n = (size_t)(end - version);
	if (n != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.')
		return 400;
	if (version[5] != '1')
		return 505;
	*needs_host = version[7] != '0';
	code = take_path(out, sp + 1, (size_t)(version - 1 - (sp + 1)));
	if (code != 200)
		return code;
	out->head = is(s, (size_t)(sp - s), "HEAD");
	return out->head || is(s, (size_t)(sp - s), "GET") ? 200 : 405;
}

/* One header: its name is a token up to the colon; a line that begins with
 * white space (an old way to fold) is refused by that too. */
static bool check_header(const char *s, size_t n, unsigned *hosts)
{
	const char *colon = memchr(s, ':', n);

	if (!colon || !is_token(s, (size_t)(colon - s)) || memchr(s, '\0', n) ||
	    memchr(s, '\r', n))
		return false;
	if (colon - s == 4 && strncasecmp(s, "host", 4) == 0)
		++*hosts;
	return true;
}

static const char *find_crlf(const char *s, const char *end)
{
	for (; s + 1 < end; s++)
		if (s[0] == '\r' && s[1] == '\n')
			return s;
	return NULL;
}

int httpd_parse(struct httpd_request *out, const char *data, size_t len)
{
	const char *end, *at = data, *eol;
	struct httpd_request req = { 0 };
	bool needs_host = false;
	unsigned hosts = 0;
	int code = 0;

	if (len > HTTPD_REQUEST_MAX)
		len = HTTPD_REQUEST_MAX;
	end = data + len;
	while ((eol = find_crlf(at, end)) && eol != at) {
		size_t n = (size_t)(eol - at);

		if (memchr(at, '\n', n))
			return 400;
		if (at == data)
			code = take_line(&req, at, n, &needs_host);
		else if (!check_header(at, n, &hosts))
			return 400;
		if (code != 200 && code != 405)
			return code;
		at = eol + 2;
	}
	if (!eol)
		return len == HTTPD_REQUEST_MAX ? 431 : 0;
	if (at == data || hosts > 1 || (needs_host && !hosts))
		return 400;
	if (code == 200)
		*out = req;
	return code;
}

static bool take_port(uint16_t *out, const char *s)
{
	unsigned v = 0;

	if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 5)
		return false;
	for (; *s; s++)
		v = v * 10 + (unsigned)(*s - '0');
	*out = (uint16_t)v;
	return v <= UINT16_MAX;
}

enum status httpd_address(struct sockaddr_storage *out, const char *text,
			  struct err *err)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	const char *colon = strrchr(text, ':');
	char host[48] = "";
	uint16_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) ||
	    !take_port(&port, colon + 1))
		return err_set(err, ST_REJECTED,
			       "must be an address and a port, such as "
			       "127.0.0.1:9464 or [::1]:9464");
	memcpy(host, text, (size_t)(colon - text));
	if (strcmp(host, "[::1]") == 0) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		v6->sin6_addr = in6addr_loopback;
		*out = ss;
		return ST_OK;
	}
	if (strcmp(host, "localhost") == 0)
		memcpy(host, "127.0.0.1", 10);
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	if (inet_pton(AF_INET, host, &v4->sin_addr) != 1 ||
	    ntohl(v4->sin_addr.s_addr) >> 24 != 127)
		return err_set(err, ST_REJECTED,
			       "must be a loopback address (127.0.0.1, [::1]): "
			       "the server knows neither users nor TLS");
	*out = ss;
	return ST_OK;
}
