/*
 * Taking an endpoint's URL apart. Pure: bytes in, struct out. It never
 * resolves a name and never puts anything but scheme, host and port where an
 * error or a log could show it.
 */
#include "core/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct scheme {
	const char *prefix;
	bool ws, tls;
	uint16_t port;
};

static const struct scheme schemes[] = {
	{ "http://", false, false, 80 },
	{ "https://", false, true, 443 },
	{ "ws://", true, false, 80 },
	{ "wss://", true, true, 443 },
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static const struct scheme *find_scheme(const char *text)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const char *p = schemes[i].prefix;
		size_t n = 0;

		while (p[n] && lower(text[n]) == p[n])
			n++;
		if (!p[n])
			return &schemes[i];
	}
	return NULL;
}

static int hex_digit(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static enum status copy_userinfo(struct url *url, const char *p, size_t len,
				 struct err *err)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '%') {
			int hi = i + 2 < len ? hex_digit(p[i + 1]) : -1;
			int lo = i + 2 < len ? hex_digit(p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err_set(err, ST_REJECTED,
					       "url: bad %%-escape in the "
					       "user or password");
			c = (char)(hi * 16 + lo);
			if (!c)
				return err_set(err, ST_REJECTED,
					       "url: zero byte in the user "
					       "or password");
			i += 2;
		}
		if (out + 1 >= sizeof(url->userinfo))
			return err_set(err, ST_REJECTED,
				       "url: user and password too long");
		url->userinfo[out++] = c;
	}
	url->userinfo[out] = '\0';
	return ST_OK;
}

static enum status copy_host(struct url *url, const char *p, size_t len,
			     struct err *err)
{
	struct in6_addr addr;

	if (len == 0)
		return err_set(err, ST_REJECTED, "url: no host");
	if (len >= sizeof(url->host) - 2)
		return err_set(err, ST_REJECTED, "url: host too long");
	for (size_t i = 0; i < len; i++) {
		char c = lower(p[i]);
		bool name = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '-' || c == '_';

		if (!(name && !url->ip6) && !(url->ip6 && (name || c == ':')))
			return err_set(err, ST_REJECTED,
				       "url: bad character in the host");
		url->host[i] = c;
	}
	url->host[len] = '\0';
	if (url->ip6 && inet_pton(AF_INET6, url->host, &addr) != 1)
		return err_set(err, ST_REJECTED, "url: bad IPv6 address");
	return ST_OK;
}

static enum status copy_port(struct url *url, const char *p, size_t len,
			     struct err *err)
{
	unsigned int port = 0;

	if (len == 0)
		return ST_OK; /* "host:" means the scheme's own port */
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9' || port > 65535)
			return err_set(err, ST_REJECTED, "url: bad port");
		port = port * 10 + (unsigned int)(p[i] - '0');
	}
	if (port == 0 || port > 65535)
		return err_set(err, ST_REJECTED, "url: bad port");
	url->port = (uint16_t)port;
	return ST_OK;
}

/* host, host:port, [v6], [v6]:port */
static enum status copy_authority(struct url *url, const char *p, size_t len,
				  struct err *err)
{
	const char *end, *at = memrchr(p, '@', len);
	enum status st;
	size_t host_len;

	if (at) {
		st = copy_userinfo(url, p, (size_t)(at - p), err);
		if (st != ST_OK)
			return st;
		len -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	if (len && p[0] == '[') {
		end = memchr(p, ']', len);
		if (!end)
			return err_set(err, ST_REJECTED,
				       "url: bracket without its end");
		url->ip6 = true;
		st = copy_host(url, p + 1, (size_t)(end - p - 1), err);
		end++;
	} else {
		end = memchr(p, ':', len);
		host_len = end ? (size_t)(end - p) : len;
		end = p + host_len;
		st = copy_host(url, p, host_len, err);
	}
	if (st != ST_OK || end == p + len)
		return st;
	if (*end != ':')
		return err_set(err, ST_REJECTED, "url: junk after the host");
	return copy_port(url, end + 1, (size_t)(p + len - end - 1), err);
}

static enum status take_apart(struct url *url, const struct scheme *scheme,
			      const char *text, struct err *err)
{
	const char *p = text + strlen(scheme->prefix);
	size_t n = strcspn(p, "/?#");
	enum status st;

	url->ws = scheme->ws;
	url->tls = scheme->tls;
	url->port = scheme->port;
	st = copy_authority(url, p, n, err);
	if (st != ST_OK)
		return st;
	p += n;
	n = strcspn(p, "#");
	snprintf(url->target, sizeof(url->target), "%s%.*s",
		 *p == '/' ? "" : "/", (int)n, p);
	snprintf(url->label, sizeof(url->label), "%s%s%s%s:%u", scheme->prefix,
		 url->ip6 ? "[" : "", url->host, url->ip6 ? "]" : "",
		 url->port);
	return ST_OK;
}

enum status url_parse(struct url *out, const char *text, struct err *err)
{
	const struct scheme *scheme = find_scheme(text);
	struct url url = { 0 };
	enum status st;
	size_t len = strnlen(text, URL_MAX);

	if (len == URL_MAX)
		return err_set(err, ST_REJECTED, "url: longer than %d bytes",
			       URL_MAX - 1);
	if (!scheme)
		return err_set(err, ST_REJECTED,
			       "url: must begin with http://, https://, ws:// "
			       "or wss://");
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' ||
		    (unsigned char)text[i] > '~' || text[i] == '\\' ||
		    text[i] == '"')
			return err_set(err, ST_REJECTED,
				       "url: space, control or non-ASCII "
				       "character at byte %zu",
				       i);
	}
	st = take_apart(&url, scheme, text, err);
	if (st == ST_OK)
		*out = url;
	explicit_bzero(&url, sizeof(url));
	return st;
}

void url_wipe(struct url *url)
{
	explicit_bzero(url, sizeof(*url));
}

bool url_is_loopback(const struct url *url)
{
	static const char suffix[] = ".localhost";
	struct in_addr v4;
	struct in6_addr v6;
	size_t len = strlen(url->host);

	if (url->ip6)
		return inet_pton(AF_INET6, url->host, &v6) == 1 &&
		       IN6_IS_ADDR_LOOPBACK(&v6);
	if (inet_pton(AF_INET, url->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (strcmp(url->host, "localhost") == 0)
		return true;
	return len >= sizeof(suffix) &&
	       strcmp(url->host + len - (sizeof(suffix) - 1), suffix) == 0;
}

bool url_is_numeric(const struct url *url)
{
	struct in_addr v4;

	return url->ip6 || inet_pton(AF_INET, url->host, &v4) == 1;
}
