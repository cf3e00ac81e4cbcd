#ifndef CX_CORE_RESOLVE_H
#define CX_CORE_RESOLVE_H

#include <stdint.h>
#include <uv.h>

#include "core/err.h"
#include "core/mem.h"

#define RESOLVE_ADDRS_MAX 8
#define RESOLVE_ADDR_LEN  46

/*
 * Names to addresses, never on the loop's thread: uv_getaddrinfo() on libuv's
 * pool, so that a name server that takes seconds stalls no timer. Answers are
 * kept for a minute; questions for the same name share one lookup.
 */
struct resolver;
struct resolve_wait;

struct resolved {
	size_t n;                                       /* at least 1 */
	char addr[RESOLVE_ADDRS_MAX][RESOLVE_ADDR_LEN]; /* numeric, v4 or v6 */
};

/**
 * resolve_done_fn - called exactly once from the loop, unless cancelled
 * @st: ST_OK with @res (valid inside the call), or ST_TRANSIENT
 */
typedef void (*resolve_done_fn)(void *arg, enum status st,
				const struct resolved *res,
				const struct err *err);

struct resolver *resolver_new(uv_loop_t *loop);
/** resolver_free - drops every callback. A lookup under way cannot be stopped;
 * the loop stays alive until it ends, and its answer is thrown away. */
void resolver_free(struct resolver *r);
DEFINE_AUTO(resolver, resolver_free)

/** resolver_start - ask for @host (copied); never answers inside this call */
struct resolve_wait *resolver_start(struct resolver *r, const char *host,
				    resolve_done_fn done, void *arg);
/** resolver_cancel - @w must not have been answered */
void resolver_cancel(struct resolve_wait *w);
/** resolver_forget - after a failed connection: ask anew next time */
void resolver_forget(struct resolver *r, const char *host);

#endif
