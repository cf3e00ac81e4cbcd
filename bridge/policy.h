#ifndef CX_BRIDGE_POLICY_H
#define CX_BRIDGE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mem.h"

/*
 * Which rooms an operator pays for: decisions about a new room, from the
 * config and from what there is. Pure: no I/O, no clock.
 */
struct policy_rules {
	const uint8_t (*allow)[20]; /* none: everyone */
	size_t allow_count;
	const uint8_t (*deny)[20];
	size_t deny_count;
	/* 0: no limit */
	uint32_t host_open_max; /* rooms of one host, open at once */
	uint32_t host_day_max;  /* and created within 24 hours */
	uint32_t open_max;      /* rooms of all, open at once */
};

/* What was accepted so far, the room in question apart. */
struct policy_load {
	uint64_t host_open, host_day, open;
};

enum policy_verdict {
	POLICY_ACCEPT = 0,
	POLICY_DENIED,
	POLICY_NOT_ALLOWED,
	POLICY_HOST_OPEN,
	POLICY_HOST_DAY,
	POLICY_OPEN,
};

struct policy;

/** policy_new - copies the lists */
struct policy *policy_new(const struct policy_rules *rules);
void policy_free(struct policy *p);
DEFINE_AUTO(policy, policy_free)

/** policy_host - the lists alone: what may be asked of an open room, too */
enum policy_verdict policy_host(const struct policy *p, const uint8_t host[20]);
/** policy_judge - whether a new room of @host is accepted */
enum policy_verdict policy_judge(const struct policy *p, const uint8_t host[20],
				 const struct policy_load *load);
/** policy_counts - whether @load matters, so that somebody must count */
bool policy_counts(const struct policy *p);
/** policy_reason - "the host is denied", … */
const char *policy_reason(enum policy_verdict v);

/* Rooms accepted since the load was counted. */
#define POLICY_TALLY_MAX 1024
struct policy_tally {
	struct {
		uint8_t host[20];
		uint32_t rooms;
	} hosts[POLICY_TALLY_MAX];
	size_t count;
	uint32_t rooms;
};

/** policy_tally_add - a room of @host was accepted; at most POLICY_TALLY_MAX
 * rooms between two counts */
void policy_tally_add(struct policy_tally *t, const uint8_t host[20]);
/** policy_tally_load - put what was accepted since on top of @load */
void policy_tally_load(struct policy_load *load, const struct policy_tally *t,
		       const uint8_t host[20]);

/* Refusals on chain cost gas, and anyone can cause them. */
struct policy_refusals {
	uint64_t allowance, spent; /* gas within 24 hours */
	uint64_t waiting;          /* refused, not told on chain yet */
	uint64_t oldest_ms;        /* how long the first of them waits */
	uint32_t batch_max, batch_wait_ms;
	uint64_t gas_base, gas_entry;
};

/** policy_refuse_now - how many refusals go into a transaction now: as many as
 * wait once they fill one or the first has waited long enough, within what is
 * left of the allowance; 0: none yet */
uint32_t policy_refuse_now(const struct policy_refusals *r);
/** policy_refuse_spent - whether the allowance has no room for one more */
bool policy_refuse_spent(const struct policy_refusals *r);

#endif
