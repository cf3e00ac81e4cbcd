#ifndef CX_BRIDGE_CF_WIRE_H
#define CX_BRIDGE_CF_WIRE_H

#include "bridge/cloudflare.h"
#include "bridge/turns.h"

/*
 * The inside of the client: one call's request and its answer as values,
 * apart from the queue, the budget and the connection (cloudflare.c).
 */
#define CF_OPS (CF_OUTPUT_DELETE + 1)

/* What a good answer holds. */
enum cf_shape {
	CF_SHAPE_INPUT,
	CF_SHAPE_LIST,
	CF_SHAPE_VIDEOS,
	CF_SHAPE_OUTPUT,
	CF_SHAPE_OUTPUTS,
	CF_SHAPE_PLAIN, /* its envelope says all */
	CF_SHAPE_NONE,  /* its status does */
};

struct cf_traits {
	const char *name, *method;
	enum cf_class class;
	enum cf_shape shape;
};
const struct cf_traits *cf_traits(enum cf_op op);

struct cf_wire {
	char *path;  /* after the account */
	char *body;  /* NULL: none */
	char *extra; /* Idempotency-Key header; NULL: none */
};

/** cf_wire_fill - @req as it is sent; owned by the caller, who wipes it */
void cf_wire_fill(struct cf_wire *w, const struct cf_opts *opts,
		  const struct cf_request *req);
void cf_wire_wipe(struct cf_wire *w);

/** cf_answer_max - the most bytes that its body may have */
size_t cf_answer_max(enum cf_op op);
/** cf_judge - fills all of @a but asked_ms and err from an answer of any HTTP
 * status but 429; @err is set unless @a->outcome is CF_DONE
 * @sieve: what a list came through */
void cf_judge(const struct cf_opts *opts, enum cf_op op, struct cf_answer *a,
	      const struct http_response *res, struct cf_sieve *sieve,
	      struct err *err);
void cf_answer_wipe(struct cf_answer *a);

/** cf_format - a new string; aborts when memory is gone */
char *cf_format(const char *fmt, ...) PRINTF(1, 2);

#endif
