#ifndef CX_BENCH_SERVE_H
#define CX_BENCH_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/*
 * HTTP/1.1 (keep-alive, Content-Length) and WebSocket on one loopback port, on
 * one thread. It carries messages; what they mean is the caller's. Trusts its
 * clients as far as a benchmark may: a broken one is dropped.
 */

/* A message made of pieces: texts that the caller keeps alive, and own bytes.
 */
struct reply;

/** reply_ref - @p stays valid until the message is sent */
void reply_ref(struct reply *r, const char *p, size_t n);
void reply_str(struct reply *r, const char *text); /* copied */
void reply_printf(struct reply *r, const char *fmt, ...) PRINTF(2, 3);
/** reply_mark, reply_cut - drop what was added since */
struct reply_mark {
	size_t pieces, text, total;
};
struct reply_mark reply_mark(const struct reply *r);
void reply_cut(struct reply *r, struct reply_mark mark);
/** reply_size - bytes so far */
size_t reply_size(const struct reply *r);

/* Per connection, kept for the caller. */
struct client {
	bool websocket;
	void *data; /* NULL at first; given to on_gone() */
};

struct serve_ops {
	/* a request's body or a WebSocket message; the answer goes to @out */
	void (*on_message)(struct client *c, const char *text, size_t len,
			   struct reply *out);
	/* the connection ends; NULL: nothing to do */
	void (*on_gone)(struct client *c);
};

/** serve_run - bind 127.0.0.1:@port (0: any), print "ready PORT" to standard
 * output, serve until a signal ends the process */
_Noreturn void serve_run(uint16_t port, const struct serve_ops *ops);

/**
 * serve_push - send a message of its own to each WebSocket client at once
 * @make: false: nothing for this client
 * Called from within on_message(), whose own answer follows later.
 */
void serve_push(bool (*make)(struct client *c, struct reply *out, void *arg),
		void *arg);

/** serve_connections - accepted so far */
uint64_t serve_connections(void);

#endif
