#ifndef CX_BRIDGE_CLOUDFLARE_H
#define CX_BRIDGE_CLOUDFLARE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "bridge/cf_parse.h"
#include "core/err.h"
#include "core/http.h"
#include "core/mem.h"

/*
 * Cloudflare Stream's API for live inputs: one queue, one token bucket, one
 * account. It builds requests, waits its turn and says what an answer means;
 * what to do about it is the caller's.
 */
struct cloudflare;
struct cf_call;

enum cf_op {
	CF_CREATE = 0,
	CF_LIST,
	CF_GET,
	CF_ENABLE,
	CF_DISABLE,
	CF_SET_DAYS, /* that recordings stay */
	CF_ROTATE,
	CF_DELETE,
	CF_VIDEOS, /* recordings of the input @uid */
	CF_VIDEO_DELETE,
	CF_RECORDINGS, /* the same while the input lives and after */
	CF_LEASE_MAKE, /* POST, and PUT, of the input that is a lease */
	CF_LEASE_BEAT,
	CF_OUTPUT_CREATE, /* of the input @uid, as the four below */
	CF_OUTPUTS,       /* the list */
	CF_OUTPUT_ENABLE,
	CF_OUTPUT_DISABLE,
	CF_OUTPUT_DELETE,
};
const char *cf_op_name(enum cf_op op);

/* What an answer means for the thing asked. */
enum cf_outcome {
	CF_DONE = 0,
	CF_GONE,     /* no such input or output (404, code 10003) */
	CF_CONFLICT, /* 409: that key's input was deleted */
	CF_REFUSED,  /* other 4xx: nothing happened, repeating cannot help */
	CF_DENIED,   /* 401, 403: the token; nothing happened */
	CF_UNSENT,   /* it never left: nothing happened */
	CF_UNKNOWN,  /* no answer, 5xx, or not readable: it may have happened */
	CF_BAD_UID,  /* created, but its uid is not 32 hex digits */
	CF_FOREIGN,  /* the answer is of another account than configured */
};
const char *cf_outcome_name(enum cf_outcome outcome);

struct cf_answer {
	enum cf_outcome outcome;
	long http;                 /* 0: no answer */
	int64_t code;              /* Cloudflare's, 0: none */
	struct cf_input input;     /* of one; wiped after the callback */
	struct cf_list list;       /* LIST; take it by copying and zeroing */
	struct cf_videos videos;   /* VIDEOS, RECORDINGS */
	struct cf_output output;   /* OUTPUT_CREATE; wiped as @input */
	struct cf_outputs outputs; /* OUTPUTS; the same */
	uint64_t asked_ms;         /* loop time at which it was sent */
	const struct err *err; /* NULL if DONE: what went wrong, no secret */
};

struct cf_request {
	enum cf_op op;
	const char *uid;    /* of the input or the video; NULL: CREATE, LIST */
	const uint8_t *who; /* 20 bytes: hosts take turns; NULL: nobody's */
	bool first;         /* before all others of its class */
	/* CREATE */
	const char *name;        /* cleaned UTF-8 */
	const char *room, *host; /* decimal; 0x… */
	uint32_t attempt;
	bool require_signed;
	uint32_t recording_days;      /* of CREATE and SET_DAYS; 0: for ever */
	bool low_latency;             /* where the ingest allows it */
	const struct cf_lease *lease; /* LEASE_MAKE, LEASE_BEAT */
	/* OUTPUT_ENABLE, OUTPUT_DISABLE, OUTPUT_DELETE */
	const char *output;
	/* OUTPUT_CREATE: secrets, copied and wiped */
	const char *target_url, *target_key;
	bool output_on;
};

/** cf_done_fn - once, from the loop. @a is not const so that lists can be
 * taken; everything else in it dies with the call. */
typedef void (*cf_done_fn)(void *arg, struct cf_answer *a);

struct cf_opts {
	uv_loop_t *loop;
	struct http *http;
	const char *api_url, *account_id, *api_token, *customer_code;
	const char *deployment, *signer; /* see cf_lease */
	uint32_t timeout_ms;
	uint32_t rate_burst;
	double rate_per_s;
	bool prefer_low_latency;
	char *const *allowed_origins;
	size_t allowed_origin_count;
	/* A 429 came: nothing is asked for so long, and whoever takes over
	 * should not ask either. May be NULL. */
	void (*on_limited)(void *arg, uint64_t wait_s);
	void *arg;
};

/** cloudflare_new - everything in @opts but @http is copied */
struct cloudflare *cloudflare_new(const struct cf_opts *opts);
/** cloudflare_free - drops callbacks, wipes the token; accepts NULL */
void cloudflare_free(struct cloudflare *cf);
DEFINE_AUTO(cloudflare, cloudflare_free)

/* Calls that ended, of one operation with one HTTP status. */
struct cf_count {
	enum cf_op op;
	int http; /* 0: no answer */
	uint64_t n;
};

#define CF_COUNTS_MAX 64 /* pairs that come later are not counted */

/* For health and metrics. */
struct cf_view {
	double tokens;       /* calls that may be made at once */
	uint64_t limited_ms; /* nobody may ask for so long; 0: not limited */
	size_t queued;
	bool open; /* an endpoint is left alone after failures in a row */
	const struct cf_count *counts; /* owned by the client */
	size_t count;
};
void cloudflare_view(const struct cloudflare *cf, struct cf_view *out);

/** cloudflare_block - ask nothing for @ms: what a 429 said to a process before
 * this one */
void cloudflare_block(struct cloudflare *cf, uint64_t ms);
/** cloudflare_may - whether the endpoint of @op is asked at all now; a call to
 * one that failed too often in a row ends as CF_UNSENT */
bool cloudflare_may(const struct cloudflare *cf, enum cf_op op);

/** cloudflare_spare - whether a call would go at once and at least @share (0 to
 * 1) of the burst is at hand: asked by what is in no hurry */
bool cloudflare_spare(const struct cloudflare *cf, double share);

/** cloudflare_call - queue one call. Stops, deletions and rotations go first,
 * but for every fourth call while others wait (turns.h); in each class the
 * hosts take turns. A 429 is not an answer: the whole account waits as told,
 * then the call goes again. */
void cloudflare_call(struct cloudflare *cf, const struct cf_request *req,
		     cf_done_fn done, void *arg);

#endif
