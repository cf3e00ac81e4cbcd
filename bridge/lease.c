/*
 * The lease at the provider: taken before the first step, renewed while the
 * bridge lives, given up to nobody. It makes and changes no other live input.
 */
#include "bridge/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "core/log.h"

#define RETRY_MS 2000

struct lease {
	struct bridge *b;
	uv_timer_t *timer;
	struct cf_lease own; /* as it was written last; no uid: none yet */
	struct cf_lease before[CF_LEASES_MAX];
	size_t before_count;
	bool waited, taken;
	void (*held)(struct bridge *b);
};

static bool same(const char *a, const char *b)
{
	return *a && strcmp(a, b) == 0;
}

/* Whether two lists of keys have one in common. */
static bool shared_key(const char *a, const char *b)
{
	size_t n;

	for (; *a; a += n + (a[n] == ',')) {
		const char *p = b;
		size_t len;

		n = strcspn(a, ",");
		for (; *p; p += len + (p[len] == ',')) {
			len = strcspn(p, ",");
			if (n && len == n && memcmp(a, p, n) == 0)
				return true;
		}
	}
	return false;
}

/* The one of before, if it has not counted since. */
static bool stands_still(const struct lease_view *v, const struct cf_lease *l)
{
	for (size_t i = 0; i < v->before_count; i++)
		if (strcmp(v->before[i].uid, l->uid) == 0)
			return v->before[i].beat == l->beat &&
			       strcmp(v->before[i].holder, l->holder) == 0;
	return false;
}

static const struct cf_lease *older(const struct cf_lease *a,
				    const struct cf_lease *b)
{
	if (!a || a->created_s > b->created_s)
		return b;
	return a;
}

enum lease_verdict lease_judge(const struct lease_view *v,
			       const struct cf_lease **which)
{
	const struct cf_lease *ours = NULL, *left = NULL, *other = NULL;

	*which = NULL;
	for (size_t i = 0; i < v->now_count; i++) {
		const struct cf_lease *l = &v->now[i];
		bool here = same(l->deployment, v->deployment);

		if (!here && !shared_key(l->signer, v->signer))
			continue;
		if (here && same(l->holder, v->holder))
			ours = older(ours, l);
		else if (!v->waited || !stands_still(v, l))
			other = l;
		else if (here)
			left = older(left, l);
	}
	if (other) {
		*which = other;
		return v->waited ? LEASE_HELD : LEASE_WAIT;
	}
	*which = ours ? ours : left;
	return *which ? LEASE_TAKE : LEASE_MAKE;
}

/* ---- doing it ---- */

static void look(struct lease *l);
static void beat(struct lease *l);

static void after_ms(struct lease *l, uint64_t ms, uv_timer_cb cb)
{
	if (uv_timer_start(l->timer, cb, ms, 0) != 0)
		abort();
}

static uint64_t period_ms(const struct lease *l)
{
	return 1000ull * l->b->cfg->bridge.lease_s;
}

static void on_beat(uv_timer_t *t)
{
	beat((struct lease *)t->data);
}

static void on_look(uv_timer_t *t);

static void stop_for(struct lease *l, const struct cf_lease *other)
{
	log_broken(
	    "another_bridge_works",
	    F_STR("why", same(other->deployment, l->own.deployment)
			     ? "a bridge with another database works for this "
			       "contract"
			     : "a bridge of another contract signs with one "
			       "of these keys"),
	    F_STR("database", other->holder), F_STR("signer", other->signer),
	    F_STR("deployment", other->deployment),
	    F_STR("ours", l->own.holder),
	    F_STR("hint", "stop one of the two, or give this one the "
			  "same database"));
	bridge_stop(l->b, 1);
}

static void taken(struct lease *l, const char *uid)
{
	(void)snprintf(l->own.uid, sizeof(l->own.uid), "%s", uid);
	after_ms(l, period_ms(l), on_beat);
	if (l->taken)
		return;
	l->taken = true;
	log_info("lease_taken", F_STR("uid", uid),
		 F_STR("database", l->own.holder));
	l->held(l->b);
}

static void foreign(struct lease *l, const struct cf_answer *a)
{
	log_broken("wrong_cloudflare_account",
		   F_STR("why", a->err ? a->err->msg : NULL));
	l->b->refused = true;
	bridge_stop(l->b, 1);
}

static void on_written(void *arg, struct cf_answer *a)
{
	struct lease *l = (struct lease *)arg;

	switch (a->outcome) {
	case CF_DONE:
		taken(l, a->input.uid);
		return;
	case CF_FOREIGN:
		foreign(l, a);
		return;
	case CF_GONE:
	case CF_CONFLICT:
	case CF_REFUSED:
	case CF_DENIED:
	case CF_UNSENT:
	case CF_UNKNOWN:
	case CF_BAD_UID:
		break;
	}
	/* It may have been written: the list tells. */
	log_odd("lease_not_written", F_STR("why", a->err ? a->err->msg : NULL));
	after_ms(l, RETRY_MS, on_look);
}

static void write_lease(struct lease *l, const struct cf_lease *over)
{
	struct cf_request req = { .op = over ? CF_LEASE_BEAT : CF_LEASE_MAKE,
				  .uid = over ? over->uid : NULL,
				  .lease = &l->own };

	l->own.beat = (over ? over->beat : 0) + 1;
	cloudflare_call(l->b->cf, &req, on_written, l);
}

static void judge(struct lease *l)
{
	const struct cf_lease *which = NULL;
	struct lease_view v = { .deployment = l->own.deployment,
				.signer = l->own.signer,
				.holder = l->own.holder,
				.before = l->before,
				.before_count = l->before_count,
				.waited = l->waited };

	v.now = inventory_leases(l->b->inventory, &v.now_count);
	switch (lease_judge(&v, &which)) {
	case LEASE_MAKE:
		write_lease(l, NULL);
		return;
	case LEASE_TAKE:
		write_lease(l, which);
		return;
	case LEASE_WAIT:
		log_odd("lease_of_another", F_STR("database", which->holder),
			F_STR("hint", "waiting to see whether its bridge "
				      "lives"));
		l->before_count = v.now_count;
		memcpy(l->before, v.now, v.now_count * sizeof(*v.now));
		l->waited = true;
		after_ms(l, period_ms(l) * 3 / 2, on_look);
		return;
	case LEASE_HELD:
		stop_for(l, which);
		return;
	}
	abort();
}

static void on_listed(void *arg, bool ok, const struct err *err)
{
	struct lease *l = (struct lease *)arg;

	(void)err;
	if (ok)
		judge(l);
	else
		after_ms(l, RETRY_MS, on_look);
}

static void look(struct lease *l)
{
	inventory_refresh(l->b->inventory, on_listed, l);
}

static void on_look(uv_timer_t *t)
{
	look((struct lease *)t->data);
}

static void on_read(void *arg, struct cf_answer *a)
{
	struct lease *l = (struct lease *)arg;

	if (a->outcome == CF_FOREIGN) {
		foreign(l, a);
	} else if (a->outcome == CF_GONE) {
		log_odd("lease_gone", F_STR("uid", l->own.uid));
		l->waited = false;
		look(l);
	} else if (a->outcome == CF_DONE &&
		   !same(a->input.lease.holder, l->own.holder)) {
		stop_for(l, &a->input.lease);
	} else if (a->outcome == CF_DONE) {
		write_lease(l, &a->input.lease);
	} else {
		after_ms(l, RETRY_MS, on_beat);
	}
}

static void beat(struct lease *l)
{
	struct cf_request req = { .op = CF_GET, .uid = l->own.uid };

	cloudflare_call(l->b->cf, &req, on_read, l);
}

void lease_take(struct lease *l, void (*held)(struct bridge *b))
{
	l->held = held;
	if (l->b->cfg->bridge.lease_s == 0)
		held(l->b);
	else
		judge(l);
}

struct lease *lease_new(struct bridge *b)
{
	struct lease *l = (struct lease *)mem_zalloc(sizeof(*l));
	size_t at = 0;

	l->b = b;
	memcpy(l->own.deployment, b->facts.deployment, CF_MARK_SIZE);
	memcpy(l->own.holder, b->facts.database, CF_HOLDER_SIZE);
	/* Those that were removed, too: their transactions are still sent. */
	for (size_t i = 0; i < b->key_count && i < CF_SIGNERS_MAX; i++) {
		char who[HEX_ADDRESS_SIZE];

		at += (size_t)snprintf(
		    l->own.signer + at, sizeof(l->own.signer) - at, "%s%s",
		    i ? "," : "", hex_address(who, &b->keys[i].who));
	}
	l->timer = (uv_timer_t *)mem_zalloc(sizeof(*l->timer));
	l->timer->data = l;
	if (uv_timer_init(b->loop, l->timer) != 0)
		abort();
	return l;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void lease_free(struct lease *l)
{
	if (!l)
		return;
	uv_close((uv_handle_t *)l->timer, timer_closed);
	free(l);
}
