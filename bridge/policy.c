/*
 * The operator's rules for rooms, applied. It decides only; whether a refused
 * room is told on chain is a matter of gas, and also decided here.
 */
#include "bridge/policy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct policy {
	struct policy_rules rules;
	uint8_t (*allow)[20], (*deny)[20]; /* sorted */
};

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 20);
}

static uint8_t (*sorted(const uint8_t (*list)[20], size_t n))[20]
{
	uint8_t(*copy)[20];

	if (n == 0)
		return NULL;
	copy = (uint8_t(*)[20])mem_dup(list, n * 20);
	qsort(copy, n, 20, by_bytes);
	return copy;
}

struct policy *policy_new(const struct policy_rules *rules)
{
	struct policy *p = (struct policy *)mem_zalloc(sizeof(*p));

	p->rules = *rules;
	p->allow = sorted(rules->allow, rules->allow_count);
	p->deny = sorted(rules->deny, rules->deny_count);
	return p;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	free(p->allow);
	free(p->deny);
	free(p);
}

static bool listed(uint8_t (*list)[20], size_t n, const uint8_t host[20])
{
	return n && bsearch(host, list, n, 20, by_bytes);
}

enum policy_verdict policy_host(const struct policy *p, const uint8_t host[20])
{
	if (listed(p->deny, p->rules.deny_count, host))
		return POLICY_DENIED;
	if (p->rules.allow_count &&
	    !listed(p->allow, p->rules.allow_count, host))
		return POLICY_NOT_ALLOWED;
	return POLICY_ACCEPT;
}

static bool full(uint32_t max, uint64_t have)
{
	return max && have >= max;
}

enum policy_verdict policy_judge(const struct policy *p, const uint8_t host[20],
				 const struct policy_load *load)
{
	enum policy_verdict v = policy_host(p, host);

	if (v != POLICY_ACCEPT)
		return v;
	if (full(p->rules.host_open_max, load->host_open))
		return POLICY_HOST_OPEN;
	if (full(p->rules.host_day_max, load->host_day))
		return POLICY_HOST_DAY;
	if (full(p->rules.open_max, load->open))
		return POLICY_OPEN;
	return POLICY_ACCEPT;
}

bool policy_counts(const struct policy *p)
{
	return p->rules.host_open_max || p->rules.host_day_max ||
	       p->rules.open_max;
}

const char *policy_reason(enum policy_verdict v)
{
	switch (v) {
	case POLICY_ACCEPT:
		return "accepted";
	case POLICY_DENIED:
		return "the host is denied";
	case POLICY_NOT_ALLOWED:
		return "the host is not among those allowed";
	case POLICY_HOST_OPEN:
		return "the host has too many open rooms";
	case POLICY_HOST_DAY:
		return "the host created too many rooms within a day";
	case POLICY_OPEN:
		return "too many rooms are open";
	}
	abort();
}

void policy_tally_add(struct policy_tally *t, const uint8_t host[20])
{
	size_t i = 0;

	while (i < t->count && memcmp(t->hosts[i].host, host, 20) != 0)
		i++;
	assert(i < POLICY_TALLY_MAX);
	if (i == t->count) {
		memcpy(t->hosts[i].host, host, 20);
		t->hosts[i].rooms = 0;
		t->count++;
	}
	t->hosts[i].rooms++;
	t->rooms++;
}

void policy_tally_load(struct policy_load *load, const struct policy_tally *t,
		       const uint8_t host[20])
{
	load->open += t->rooms;
	for (size_t i = 0; i < t->count; i++) {
		if (memcmp(t->hosts[i].host, host, 20) != 0)
			continue;
		load->host_open += t->hosts[i].rooms;
		load->host_day += t->hosts[i].rooms;
	}
}

/* How many more the allowance pays for; saturating. */
static uint64_t affordable(const struct policy_refusals *r)
{
	uint64_t left = r->allowance > r->spent ? r->allowance - r->spent : 0;

	if (left < r->gas_base || r->gas_entry == 0)
		return 0;
	return (left - r->gas_base) / r->gas_entry;
}

uint32_t policy_refuse_now(const struct policy_refusals *r)
{
	uint64_t n = r->waiting < r->batch_max ? r->waiting : r->batch_max;

	if (n < r->batch_max && r->oldest_ms < r->batch_wait_ms)
		return 0;
	return (uint32_t)(n < affordable(r) ? n : affordable(r));
}

bool policy_refuse_spent(const struct policy_refusals *r)
{
	return affordable(r) == 0;
}
