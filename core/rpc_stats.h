#ifndef CX_CORE_RPC_STATS_H
#define CX_CORE_RPC_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "core/metrics.h"

/*
 * What all JSON-RPC clients of this process did: calls by method and outcome,
 * bytes. Process-wide, as the log is. Methods are names of ours; the first
 * RPC_METHODS_MAX are told apart, the rest are counted together.
 */
enum rpc_outcome {
	RPC_ANSWERED = 0, /* with a result */
	RPC_REFUSED,      /* with an error object */
	RPC_UNANSWERED,   /* lost, late, unreadable */
};

#define RPC_METHODS_MAX 32

/** rpc_stats_method - the number that stands for @method (copied) */
uint8_t rpc_stats_method(const char *method);
void rpc_stats_count(uint8_t method, enum rpc_outcome outcome);
/** rpc_stats_bytes - of JSON, without HTTP's or the WebSocket's own */
void rpc_stats_bytes(size_t sent, size_t received);

/* The same as metrics. */
struct rpc_metrics;
struct rpc_metrics *rpc_metrics_new(struct metrics *m);
void rpc_metrics_free(struct rpc_metrics *r);
void rpc_metrics_collect(struct rpc_metrics *r);

#endif
