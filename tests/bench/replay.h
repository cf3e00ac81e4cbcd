#ifndef CX_BENCH_REPLAY_H
#define CX_BENCH_REPLAY_H

#include <cjson/cJSON.h>

#include "history.h"
#include "serve.h"

/* Shared by replay.c (the node) and replay_reads.c (what it tells of its
 * chain). */

/* the one chain that is served */
extern struct history *replay_chain;

/* Appends its result, NULL; or returns an error: its code, and its message
 * as a member of JSON. */
struct replay_method {
	const char *name;
	const char *(*fn)(struct client *c, const cJSON *params,
			  struct reply *out);
};

#define REPLAY_INVALID "-32602,\"message\":\"invalid params\""

#define REPLAY_READS 12
extern const struct replay_method replay_reads[REPLAY_READS];

/** replay_add_slice - text of the history, by reference */
void replay_add_slice(struct reply *out, struct slice s);
/** replay_add_logs - those of blocks @from to @to that @filter lets pass, comma
 * between */
void replay_add_logs(struct reply *out, const cJSON *filter, uint64_t from,
		     uint64_t to);

#endif
