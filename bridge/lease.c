/*
 * The lease at the provider: taken before the first step, renewed while the
 * bridge lives, given up to nobody. It makes and changes no other live input.
 * What a lease means is lease_judge.c's.
 */
#include "bridge/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

#define RETRY_MS 2000

struct lease {
	struct bridge *b;
	uv_timer_t *timer;
	struct cf_lease own; /* as it was written last; no uid: none yet */
	struct cf_lease before[CF_LEASES_MAX]; /* while it is held: of others */
	size_t before_count;
	struct cf_lease over; /* to be written over; no uid: one is made */
	size_t asked;         /* of @before, before that */
	uint64_t seek_ms;     /* loop time: see seek(); 0: no more */
	bool waited, taken;
	void (*held)(struct bridge *b);
};

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

static struct lease_view view(const struct lease *l)
{
	struct lease_view v = { .deployment = l->own.deployment,
				.signer = l->own.signer,
				.holder = l->own.holder,
				.before = l->before,
				.before_count = l->before_count,
				.waited = l->waited };

	v.now = inventory_leases(l->b->inventory, &v.now_count);
	return v;
}

static void stop_for(struct lease *l, const struct cf_lease *other)
{
	const char *why = "a bridge with another database works for this "
			  "contract";
	const char *hint = "stop one of the two, or give this one the same "
			   "database";

	if (strcmp(other->deployment, l->own.deployment) != 0) {
		why = "a bridge of another contract signs with one of these "
		      "keys";
	} else if (strcmp(other->holder, l->own.holder) == 0) {
		why = "a bridge with a copy of this database works for this "
		      "contract";
		hint = "keep one of the two databases and stop the bridge of "
		       "the other: one was restored from a dump, or is a "
		       "server that was replaced and still runs";
	}
	log_broken("another_bridge_works", F_STR("why", why),
		   F_STR("database", other->holder),
		   F_STR("signer", other->signer),
		   F_STR("deployment", other->deployment),
		   F_STR("ours", l->own.holder), F_STR("hint", hint));
	bridge_stop(l->b, 1);
}

static void on_sought(void *arg, bool ok, const struct err *err)
{
	(void)arg;
	(void)ok;
	(void)err; /* watch() sees each list */
}

/* Of two that were made at the same time neither is in the list by which the
 * other was. So those that follow are looked at, until one shows that ours came
 * first, or none can be so old any more. */
static void seek(struct lease *l)
{
	if (uv_now(l->b->loop) >= l->seek_ms)
		l->seek_ms = 0;
	else
		inventory_refresh(l->b->inventory, on_sought, l);
}

/* Whatever list comes while ours is held, whoever asked for it. */
static void watch(void *arg)
{
	struct lease *l = (struct lease *)arg;
	const struct cf_lease *elder;
	struct lease_view v;

	if (!l->taken || !*l->own.uid || l->b->stopping)
		return;
	v = view(l);
	elder = lease_elder(&v, &l->own);
	if (elder) {
		stop_for(l, elder);
		return;
	}
	if (lease_is_eldest(&v, &l->own))
		l->seek_ms = 0;
	l->before_count =
	    lease_remember(l->before, l->before_count, &v, &l->own);
}

static void taken(struct lease *l, const struct cf_lease *now)
{
	(void)snprintf(l->own.uid, sizeof(l->own.uid), "%s", now->uid);
	if (now->created_s)
		l->own.created_s = now->created_s;
	after_ms(l, period_ms(l), on_beat);
	if (!l->taken) {
		l->taken = true;
		log_info("lease_taken", F_STR("uid", l->own.uid),
			 F_STR("database", l->own.holder));
		l->held(l->b);
	}
	if (l->seek_ms)
		seek(l);
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
		taken(l, &a->input.lease);
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
	/* It may have been written: ours tells, or, not known yet, the list. */
	log_odd("lease_not_written", F_STR("why", a->err ? a->err->msg : NULL));
	after_ms(l, RETRY_MS, *l->own.uid ? on_beat : on_look);
}

/* A lease that is late looks like one that nobody holds: its calls go first. */
static void write_lease(struct lease *l, const struct cf_lease *over)
{
	bool make = *over->uid == '\0';
	struct cf_request req = { .op = make ? CF_LEASE_MAKE : CF_LEASE_BEAT,
				  .uid = make ? NULL : over->uid,
				  .first = true,
				  .lease = &l->own };

	if (make)
		l->seek_ms = uv_now(l->b->loop) + 2 * period_ms(l) +
			     2000ull * l->b->cfg->cloudflare.list_stale_s;
	l->own.beat = over->beat + 1;
	l->own.created_s = over->created_s;
	cloudflare_call(l->b->cf, &req, on_written, l);
}

static void ask_others(struct lease *l);

/* An answer without what stands in it says nothing of who holds it. */
static bool half(const struct cf_answer *a)
{
	return a->outcome == CF_DONE && !*a->input.lease.deployment;
}

static void on_asked(void *arg, struct cf_answer *a)
{
	struct lease *l = (struct lease *)arg;
	const struct cf_lease *was = &l->before[l->asked];

	if (a->outcome == CF_FOREIGN) {
		foreign(l, a);
	} else if (half(a)) {
		after_ms(l, RETRY_MS, on_look);
	} else if (a->outcome == CF_DONE && lease_moved(was, &a->input.lease)) {
		stop_for(l, &a->input.lease);
	} else if (a->outcome == CF_DONE || a->outcome == CF_GONE) {
		l->asked++;
		ask_others(l);
	} else {
		after_ms(l, RETRY_MS, on_look);
	}
}

/* One that stands still between two lists may live: both may be as old. Each is
 * asked for itself before anything is written. */
static void ask_others(struct lease *l)
{
	struct cf_request req = { .op = CF_GET, .first = true };
	struct lease_view v = view(l);

	while (l->asked < l->before_count &&
	       !lease_of_others(&v, &l->before[l->asked]))
		l->asked++;
	if (l->asked == l->before_count) {
		write_lease(l, &l->over);
		return;
	}
	req.uid = l->before[l->asked].uid;
	cloudflare_call(l->b->cf, &req, on_asked, l);
}

static void judge(struct lease *l)
{
	const struct cf_lease *which = NULL;
	struct lease_view v = view(l);

	switch (lease_judge(&v, &which)) {
	case LEASE_MAKE:
	case LEASE_TAKE:
		l->over = which ? *which : (struct cf_lease){ 0 };
		l->asked = l->waited ? 0 : l->before_count;
		ask_others(l);
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
		l->own.uid[0] = '\0';
		l->waited = false;
		look(l);
	} else if (half(a)) {
		after_ms(l, RETRY_MS, on_beat);
	} else if (a->outcome == CF_DONE &&
		   !lease_as_written(&l->own, &a->input.lease)) {
		stop_for(l, &a->input.lease);
	} else if (a->outcome == CF_DONE) {
		write_lease(l, &a->input.lease);
	} else {
		after_ms(l, RETRY_MS, on_beat);
	}
}

static void beat(struct lease *l)
{
	struct cf_request req = { .op = CF_GET,
				  .uid = l->own.uid,
				  .first = true };

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

	l->b = b;
	memcpy(l->own.deployment, b->facts.deployment, CF_MARK_SIZE);
	memcpy(l->own.holder, b->facts.database, CF_HOLDER_SIZE);
	memcpy(l->own.signer, b->facts.signer, CF_SIGNER_SIZE);
	l->timer = (uv_timer_t *)mem_zalloc(sizeof(*l->timer));
	l->timer->data = l;
	if (uv_timer_init(b->loop, l->timer) != 0)
		abort();
	inventory_watch(b->inventory, watch, l);
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
