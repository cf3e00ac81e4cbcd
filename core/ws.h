#ifndef CX_CORE_WS_H
#define CX_CORE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/url.h"

/*
 * One WebSocket connection (RFC 6455, client side) on a libuv loop, by
 * libwebsockets. A struct ws is one attempt: it opens once at most, closes
 * once, and is then only good for ws_free(). All connections of a loop share
 * one libwebsockets context, made with the first and destroyed after the last.
 * It connects directly: no proxy. TLS is checked against the system's CAs, or
 * SSL_CERT_FILE.
 */
struct ws;

#define WS_FRONT 512

struct ws_opts {
	const struct url *url; /* copied */
	uint32_t connect_ms;   /* name, TCP, TLS and upgrade together */
	uint32_t idle_ms;      /* silent this long: ping; twice: dead */
	size_t max_message;    /* bytes of one received message, above 0 */

	void (*on_open)(void *arg);
	/* one whole message, fragments put together; valid inside the call */
	void (*on_message)(void *arg, const char *data, size_t len);
	/* a message passes max_message: its first bytes, WS_FRONT or all if it
	 * is shorter. true: the rest of it is read and dropped, and the
	 * connection goes on; false, or NULL here: it is closed */
	bool (*on_too_long)(void *arg, const char *front, size_t len,
			    size_t max_message);
	/* the socket takes one more message: append it to @out, true; or
	 * false when there is none (ws_want_write() asks again later) */
	bool (*on_write)(void *arg, struct buf *out);
	/* failed or lost, once; ST_TRANSIENT, or ST_REJECTED for a message
	 * over max_message, or ST_FATAL when libwebsockets cannot start */
	void (*on_close)(void *arg, const struct err *err);
	void *arg;
};

/**
 * ws_keep - what all WebSockets of @loop share stays until ws_unkeep()
 *
 * For whoever connects again: libwebsockets 4.1 closes one descriptor of its
 * own twice when it goes, some turns of the loop apart, and the second time it
 * may be a socket that somebody else has got by then.
 */
struct ws_hub *ws_keep(uv_loop_t *loop);
void ws_unkeep(struct ws_hub *hub);

/** ws_open - callbacks come from the loop, never from inside this call; any
 * of them may call ws_free() */
struct ws *ws_open(uv_loop_t *loop, const struct ws_opts *opts);
/** ws_free - closes without further callbacks; run the loop before
 * uv_loop_close() so that handles can close */
void ws_free(struct ws *ws);
DEFINE_AUTO(ws, ws_free)

/** ws_set_max_message - from the next message on */
void ws_set_max_message(struct ws *ws, size_t max_message);
/** ws_want_write - on_write() will be called when the socket takes bytes */
void ws_want_write(struct ws *ws);

#endif
