/*
 * The bridge's readiness as a pure function. It reads no clock and asks
 * nobody.
 */
#include "bridge/ready.h"

#include <inttypes.h>

static void check_chain(const struct ready_facts *f, struct health_report *out)
{
	if (f->node_silent_s > f->max_node_silent_s)
		health_reason(out, "chain_unreachable",
			      "no endpoint has answered for %" PRIu64
			      " s, allowed are %" PRIu64,
			      f->node_silent_s, f->max_node_silent_s);
	if (!f->indexed)
		health_reason(out, "history_incomplete",
			      "the indexer has not read all blocks since the "
			      "contract's deployment");
	else if (f->behind_s > f->max_behind_s)
		health_reason(out, "indexer_stale",
			      "a block known for %" PRIu64
			      " s is not indexed, allowed are %" PRIu64,
			      f->behind_s, f->max_behind_s);
}

static void check_lane(const struct ready_facts *f, struct health_report *out)
{
	if (f->lane_stopped)
		health_reason(out, "lane_stopped",
			      "no signing key may write to the contract");
	else if (!f->lane_ready)
		health_reason(out, "lane_not_ready",
			      "the signing key's nonces are not known yet");
	if (f->lane_no_funds)
		health_reason(out, "lane_no_funds",
			      "no signing key can pay for its transactions");
}

static void check_provider(const struct ready_facts *f,
			   struct health_report *out)
{
	if (f->provider_refused)
		health_reason(out, "cloudflare_refused",
			      "the account is not the configured one");
	if (f->limited_s)
		health_reason(out, "cloudflare_limited",
			      "no request for another %" PRIu64 " s",
			      f->limited_s);
	if (!f->listed)
		health_reason(out, "live_inputs_unlisted",
			      "the account's live inputs are not known yet");
}

static void check_operator(const struct ready_facts *f,
			   struct health_report *out)
{
	if (f->paused)
		health_reason(out, "paused", "until chaincast resume");
	if (f->tripped)
		health_reason(out, "breaker_tripped",
			      "too much that no event explains; see the log, "
			      "then chaincast resume");
}

void ready_bridge(const struct ready_facts *f, struct health_report *out)
{
	if (!f->database)
		health_reason(out, "database", "not connected");
	else if (f->silent_s > READY_SILENT_S)
		health_reason(out, "database",
			      "no answer for %" PRIu64 " s, allowed are %d",
			      f->silent_s, READY_SILENT_S);
	switch (f->role) {
	case READY_STARTING:
		out->role = "starting";
		health_reason(out, "starting", "neither leads nor stands by");
		if (f->needs_node)
			health_reason(out, "chain_unreachable",
				      "no endpoint has answered yet");
		return;
	case READY_STANDBY:
		out->role = "standby";
		return;
	case READY_LEADER:
		out->role = "leader";
		check_chain(f, out);
		check_lane(f, out);
		check_operator(f, out);
		check_provider(f, out);
		return;
	}
	abort();
}
