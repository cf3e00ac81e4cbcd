#ifndef CX_CORE_HTTPD_H
#define CX_CORE_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * A very small HTTP server for one's own machine (RFC 9110, RFC 9112): GET and
 * HEAD, no bodies taken, one answer a connection. It listens on loopback
 * addresses only, since it knows neither users nor TLS. Everything is bounded:
 * connections (a new one replaces the oldest), the request's bytes, the time
 * of each phase.
 *
 * It is not libwebsockets, although that is here: on the shared context the
 * strangers' connections would count against the node's in one table of
 * descriptors, and a daemon without a WebSocket would make a context and its
 * TLS for three short answers.
 */
struct httpd;

#define HTTPD_CONNECTIONS_MAX 16
#define HTTPD_REQUEST_MAX     4096 /* bytes of request line and headers */
#define HTTPD_PATH_MAX        128
#define HTTPD_BODY_MAX        ((size_t)2 * 1024 * 1024)
#define HTTPD_PHASE_MS        5000 /* to send a request, to take its answer */

struct httpd_answer {
	int code;         /* 200 unless set */
	const char *type; /* of the content; text/plain unless set */
	struct buf body;
};

/** httpd_fn - fill @a for a GET or HEAD of @path, which has no query; must not
 * block. Leave code 0 for a path that is not there. */
typedef void (*httpd_fn)(void *arg, const char *path, struct httpd_answer *a);

/**
 * httpd_address - a loopback address and port: "127.0.0.1:9464", "[::1]:0",
 * "localhost:9464" (which is 127.0.0.1); port 0: one that is free
 *
 * Return: ST_OK, or ST_REJECTED: malformed, or not a loopback address.
 */
enum status httpd_address(struct sockaddr_storage *out, const char *text,
			  struct err *err) MUST_CHECK;

/**
 * httpd_new - listen on @listen, see httpd_address()
 *
 * Return: ST_OK; ST_TRANSIENT: the port is in use; ST_REJECTED: another
 * reason that @err tells. Release with httpd_free().
 */
enum status httpd_new(struct httpd **out, uv_loop_t *loop, const char *listen,
		      httpd_fn fn, void *arg, struct err *err) MUST_CHECK;
/** httpd_free - closes everything; run the loop before uv_loop_close().
 * Accepts NULL. */
void httpd_free(struct httpd *h);
DEFINE_AUTO(httpd, httpd_free)

/** httpd_port - the port listened on */
uint16_t httpd_port(const struct httpd *h);

/* What a request asks for; pure, see httpd_parse(). */
struct httpd_request {
	bool head;                     /* HEAD: no body is sent */
	char path[HTTPD_PATH_MAX + 1]; /* percent signs as they came */
};

/**
 * httpd_parse - read a request's head from the first @len bytes
 * @out: set only when 200 is returned
 *
 * Return: 200: complete; 0: more bytes are needed; else the status to answer
 * with: 400 malformed, 405 another method, 414 path over HTTPD_PATH_MAX, 431
 * longer than HTTPD_REQUEST_MAX, 505 not HTTP/1.
 */
int httpd_parse(struct httpd_request *out, const char *data, size_t len);

#endif
