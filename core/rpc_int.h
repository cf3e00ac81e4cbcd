#ifndef CX_CORE_RPC_INT_H
#define CX_CORE_RPC_INT_H

#include "core/rpc.h"
#include "core/url.h"
#include "core/ws.h"

/* Shared by rpc.c (calls), rpc_http.c and rpc_ws.c (transports) and
 * rpc_answer.c (what a message says). */

#define RPC_MESSAGE_MAX 300
#define RPC_DATA_MAX    2050
#define RPC_PENDING_MAX 4096

struct rpc {
	uv_loop_t *loop;
	struct http *http;
	struct rpc_opts opts; /* opts.url is ours, wiped */
	struct url url;
	uint64_t next_id;
	struct rpc_call *head, *tail; /* in the order of their deadlines */
	size_t pending;
	uv_timer_t timer; /* the first deadline */
	uint32_t retry_after_s;
	bool closing;
	int open_handles;

	/* WebSocket only */
	struct ws_hub *kept;
	struct ws *ws; /* NULL: waiting to try again */
	uv_timer_t retry;
	uint32_t attempt; /* failures since the last good answer */
	bool up;
};

struct rpc_call {
	struct rpc *rpc;
	struct rpc_call *prev, *next;
	uint64_t id; /* of the first item; the others follow */
	size_t n;
	bool batch; /* an array of calls */
	bool sent;
	bool doomed; /* refused at once; told so from the loop, with @err */
	char method[96];
	uint8_t *methods; /* of each item, rpc_stats_method()'s */
	char *body;
	size_t body_len;
	uint64_t deadline_ms;
	struct http_call *http;
	struct err err;
	/* one of the three */
	rpc_done_fn done;
	rpc_batch_done_fn batch_done;
	rpc_items_fn items_done;
	void *arg;
};

/* One object of a message; texts are the message's, p NULL: no such member. */
struct rpc_reply {
	bool object;        /* false: it is some other value */
	bool versioned;     /* has "jsonrpc" */
	bool has_id, no_id; /* a number of ours may be @id; absent or null */
	uint64_t id;
	struct text method, params, result;
	struct text error; /* not null */
};

/* A message of which the first object has been read. */
struct rpc_message {
	struct scan s;
	bool array, empty;
	struct rpc_reply first;
};

/** rpc_message_start - read as far as the first object goes: whose answer it
 * is. ST_REJECTED when that much is not JSON. */
enum status rpc_message_start(struct rpc_message *m, const char *text,
			      size_t len, struct err *err) MUST_CHECK;

/* What one message says to one call. */
struct rpc_answer {
	struct rpc_item *items; /* n; results are the message's */
	size_t n;
	bool refused; /* one error for all items, whose text items[0] owns */
};

void rpc_answer_init(struct rpc_answer *a, size_t n);
void rpc_answer_deinit(struct rpc_answer *a);
/**
 * rpc_answer_read - match the rest of @m to the call with ids @id … @id + n - 1
 * Return: ST_OK with every item filled, ST_TRANSIENT: not an answer to it, or
 * ST_REJECTED: not JSON.
 */
enum status rpc_answer_read(struct rpc_answer *a, uint64_t id, bool batch,
			    struct rpc_message *m, struct err *err) MUST_CHECK;
/** rpc_answer_too_long - as if all of an empty @a was refused, by us */
void rpc_answer_too_long(struct rpc_answer *a, const char *message);
/** rpc_message_front - of a message's first bytes: whether it is an array and
 * its first object's id, in @m->array and @m->first; false: not found */
bool rpc_message_front(struct rpc_message *m, const char *front, size_t len);

/* rpc.c */
/** rpc_call_answer - hand over what @m says and drop @call; false, with @call
 * still waiting: the rest of @m is not JSON, as @why says */
bool rpc_call_answer(struct rpc_call *call, struct rpc_message *m,
		     struct err *why) MUST_CHECK;
/** rpc_call_fail - no answer: ST_TRANSIENT with "label: method: why" */
void rpc_call_fail(struct rpc_call *call, const char *why);
/** rpc_call_too_long - the answer passed the bound, as @message says */
void rpc_call_too_long(struct rpc_call *call, const char *message);
/** rpc_call_refuse - as rpc_call_fail(), from the loop's next turn */
void rpc_call_refuse(struct rpc_call *call, const char *why);

/** rpc_without_label - @msg without a leading "label: " */
const char *rpc_without_label(const struct rpc *r, const char *msg);

/* transports */
void rpc_http_send(struct rpc_call *call);
void rpc_ws_start(struct rpc *r);
void rpc_ws_send(struct rpc_call *call);
void rpc_ws_stop(struct rpc *r);

#endif
