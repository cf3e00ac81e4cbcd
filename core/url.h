#ifndef CX_CORE_URL_H
#define CX_CORE_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

#define URL_MAX 2048

/*
 * An endpoint's URL taken apart (RFC 3986, the part of it that endpoints use).
 * Path, query and userinfo may hold keys: only @label may be shown.
 */
struct url {
	bool ws;  /* ws or wss; else http or https */
	bool tls; /* https or wss */
	bool ip6; /* @host is an IPv6 literal, without its brackets */
	uint16_t port;
	char host[256];     /* lower case */
	char target[2049];  /* path and query, "/" when empty; no fragment */
	char userinfo[512]; /* percent-decoded "user:password", or "" */
	char label[300];    /* scheme://host:port */
};

/**
 * url_parse - take @text apart
 * @out: set only on ST_OK; holds secrets if @text does: url_wipe()
 *
 * Return: ST_OK, or ST_REJECTED: longer than URL_MAX, a scheme other than
 * http, https, ws, wss, no host, a bad port, or characters that no URL has
 * (names beyond ASCII must be written as xn--…). The error names the fault
 * and never quotes the URL.
 */
enum status url_parse(struct url *out, const char *text,
		      struct err *err) MUST_CHECK;
void url_wipe(struct url *url);

/** url_is_loopback - localhost, *.localhost, 127.0.0.0/8 or ::1 */
bool url_is_loopback(const struct url *url);
/** url_is_numeric - the host is an IPv4 or IPv6 address: nothing to resolve */
bool url_is_numeric(const struct url *url);

#endif
