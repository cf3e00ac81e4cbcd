/*
 * The indexer's readiness as a pure function. It reads no clock and asks
 * nobody.
 */
#include "indexer/ready.h"

#include <inttypes.h>

static void check_node(const struct indexer_facts *f, struct health_report *out)
{
	if (!f->usable)
		health_reason(out, "endpoints_unreachable",
			      "none of %" PRIu32 " endpoints can be used",
			      f->endpoints);
	if (f->disagree)
		health_reason(out, "endpoints_disagree",
			      "%" PRIu32 " of %" PRIu32
			      " endpoints show another chain than the rest",
			      f->disagree, f->endpoints);
	else if (f->lagging)
		health_reason(out, "endpoints_disagree",
			      "%" PRIu32 " of %" PRIu32
			      " endpoints are more than %" PRIu64
			      " s behind the newest block",
			      f->lagging, f->endpoints, f->max_head_age_s);
	if (!f->head_known)
		health_reason(out, "head_unknown",
			      "no endpoint has told its newest block");
	else if (f->head_age_s > f->max_head_age_s)
		health_reason(out, "head_old",
			      "the newest block is %" PRIu64
			      " s old, allowed are %" PRIu64,
			      f->head_age_s, f->max_head_age_s);
}

static void check_work(const struct indexer_facts *f, struct health_report *out)
{
	if (f->catching_up)
		health_reason(out, "catching_up",
			      "%" PRIu64 " blocks of history are left",
			      f->left);
	else if (f->behind_s > f->max_head_age_s)
		health_reason(out, "behind",
			      "a block known for %" PRIu64
			      " s is not indexed, allowed are %" PRIu64,
			      f->behind_s, f->max_head_age_s);
	if (f->verifies && f->unverified_s > f->max_head_age_s)
		health_reason(out, "verification",
			      "a block of the tip has waited %" PRIu64
			      " s for its proof, allowed are %" PRIu64,
			      f->unverified_s, f->max_head_age_s);
}

void ready_indexer(const struct indexer_facts *f, struct health_report *out)
{
	if (!f->database)
		health_reason(out, "database", "not connected");
	else if (f->silent_s > READY_SILENT_S)
		health_reason(out, "database",
			      "no answer for %" PRIu64 " s, allowed are %d",
			      f->silent_s, READY_SILENT_S);
	if (f->full)
		health_reason(out, "database_full",
			      "the database's disk is full: nothing is "
			      "written until there is room");
	switch (f->role) {
	case READY_STARTING:
		out->role = "starting";
		health_reason(out, "starting", "neither leads nor stands by");
		return;
	case READY_STANDBY:
		out->role = "standby";
		return;
	case READY_LEADER:
		out->role = "leader";
		check_node(f, out);
		check_work(f, out);
		return;
	}
	abort();
}

uint64_t ready_head_age_s(uint64_t now_s, uint64_t time_s,
			  uint64_t unchanged_ms)
{
	uint64_t age = now_s > time_s ? now_s - time_s : 0;

	return unchanged_ms / 1000 > age ? unchanged_ms / 1000 : age;
}
