/*
 * Totals of the JSON-RPC clients. Counts only; what is counted and when is
 * rpc.c's business.
 */
#include "core/rpc_stats.h"

#include <stdio.h>
#include <string.h>

static struct {
	char names[RPC_METHODS_MAX + 1][48]; /* the last one: all others */
	uint64_t calls[RPC_METHODS_MAX + 1][RPC_UNANSWERED + 1];
	size_t count;
	uint64_t sent, received;
} stats;

struct rpc_metrics {
	struct metric *calls, *sent, *received;
};

uint8_t rpc_stats_method(const char *method)
{
	size_t i = 0;

	while (i < stats.count &&
	       strncmp(stats.names[i], method, sizeof(stats.names[i]) - 1) != 0)
		i++;
	if (i == stats.count && i < RPC_METHODS_MAX) {
		(void)snprintf(stats.names[i], sizeof(stats.names[i]), "%s",
			       method);
		stats.count++;
	}
	return (uint8_t)i;
}

void rpc_stats_count(uint8_t method, enum rpc_outcome outcome)
{
	stats.calls[method][outcome]++;
}

void rpc_stats_bytes(size_t sent, size_t received)
{
	stats.sent += sent;
	stats.received += received;
}

struct rpc_metrics *rpc_metrics_new(struct metrics *m)
{
	struct rpc_metrics *r = mem_zalloc(sizeof(*r));

	r->calls =
	    metrics_add(m, &(struct metric_opts){
			       .kind = METRIC_COUNTER,
			       .name = "chaincast_rpc_calls_total",
			       .help = "JSON-RPC calls by method and outcome.",
			       .labels = { "method", "outcome" } });
	r->sent = metrics_add(
	    m, &(struct metric_opts){ .kind = METRIC_COUNTER,
				      .name = "chaincast_rpc_sent_bytes_total",
				      .help = "JSON sent to nodes." });
	r->received = metrics_add(
	    m,
	    &(struct metric_opts){ .kind = METRIC_COUNTER,
				   .name = "chaincast_rpc_received_bytes_total",
				   .help = "JSON received from nodes." });
	return r;
}

void rpc_metrics_free(struct rpc_metrics *r)
{
	free(r);
}

void rpc_metrics_collect(struct rpc_metrics *r)
{
	static const char *const outcomes[] = { "answered", "refused",
						"unanswered" };

	for (size_t i = 0; i <= stats.count && i <= RPC_METHODS_MAX; i++) {
		const char *name =
		    i < RPC_METHODS_MAX ? stats.names[i] : "other";

		for (size_t o = 0; o < ARRAY_SIZE(outcomes); o++)
			if (stats.calls[i][o])
				METRIC_SET(r->calls, stats.calls[i][o], name,
					   outcomes[o]);
	}
	METRIC_SET(r->sent, stats.sent);
	METRIC_SET(r->received, stats.received);
}
