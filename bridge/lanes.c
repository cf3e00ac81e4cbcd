/*
 * The lanes of all keys: their creation, what wakes them, and the row that
 * tells an operator of each. How the queue is shared is in lanes_queue.c and
 * share.c; what a lane does with its part is in txmgr*.c.
 */
#include "bridge/lanes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_MS 15000 /* how old a balance in bridge.lane may become */

void lanes_offers(const struct lanes *l, struct share_lane *out)
{
	for (size_t i = 0; i < l->count; i++)
		txmgr_offer(l->slots[i].m, &out[i]);
}

/* --- What an operator sees ---------------------------------------------- */

static const char *state_of(const struct txmgr_view *v)
{
	return !v->key       ? "removed"
	       : v->stopped  ? "no_role"
	       : !v->ready   ? "starting"
	       : v->no_funds ? "no_funds"
			     : "working";
}

void lanes_stored(void *arg, enum status st,
		  const struct db_result *const *results, size_t n,
		  const struct err *err)
{
	struct lanes *l = arg;

	(void)results;
	(void)n;
	if (st != ST_OK && st != ST_AGAIN)
		l->o.lane.on_fatal(l->o.lane.arg, err);
}

static void write_row(struct lane_slot *s)
{
	const struct lanes *l = s->l;
	uint64_t now = uv_now(l->o.lane.loop);
	struct txmgr_view v = { 0 };
	char balance[64] = "";
	struct db_batch *b;

	txmgr_view(s->m, &v);
	if (strcmp(state_of(&v), s->state) == 0 &&
	    (v.balance_wei == s->balance || now - s->stored_ms < STORE_MS))
		return;
	s->state = state_of(&v);
	s->balance = v.balance_wei;
	s->stored_ms = now;
	if (v.balance_known)
		(void)snprintf(balance, sizeof(balance), "%.0f", v.balance_wei);
	b = db_batch_new(l->o.lane.db);
	DB_ADD(b, "select bridge.tx_check_term($1)", P_I64(l->o.lane.term));
	DB_ADD(b,
	       "insert into bridge.lane as l (signer, state, balance_wei, term)"
	       " values ($1, $2, $3::numeric, $4)"
	       " on conflict (signer) do update set state = excluded.state,"
	       " balance_wei = excluded.balance_wei, term = excluded.term,"
	       " updated_at = now()",
	       P_BYTES(v.who.b, 20), P_TEXT(s->state),
	       *balance ? P_TEXT(balance) : P_NULL(), P_I64(l->o.lane.term));
	db_run(b, lanes_stored, s->l);
}

static void forget_others(struct lanes *l)
{
	struct db_batch *b = db_batch_new(l->o.lane.db);

	DB_ADD(b, "select bridge.tx_check_term($1)", P_I64(l->o.lane.term));
	DB_ADD(b, "delete from bridge.lane where term < $1",
	       P_I64(l->o.lane.term));
	db_run(b, lanes_stored, l);
}

/* --- What wakes them ---------------------------------------------------- */

/* Where one cannot write and another can, the other gets the work. */
static void help(struct lanes *l)
{
	struct share_lane lanes[LANES_MAX];
	bool sound = false;

	lanes_offers(l, lanes);
	for (size_t i = 0; i < l->count; i++)
		sound = sound || lanes[i].sound;
	for (size_t i = 0; sound && !l->paused && i < l->count; i++)
		if (!lanes[i].sound)
			txmgr_give_back(l->slots[i].m);
}

static void on_looked(void *arg)
{
	struct lane_slot *s = arg;

	write_row(s);
	help(s->l);
	lanes_claim(s->l);
}

static void on_stored(void *arg)
{
	struct lane_slot *s = arg;

	if (s->l->more)
		lanes_claim(s->l);
}

static void on_requeued(void *arg)
{
	const struct lane_slot *s = arg;

	lanes_claim(s->l);
}

static void on_change(void *arg)
{
	const struct lane_slot *s = arg;

	s->l->o.lane.on_change(s->l->o.lane.arg);
}

static void on_fatal(void *arg, const struct err *err)
{
	const struct lane_slot *s = arg;

	s->l->o.lane.on_fatal(s->l->o.lane.arg, err);
}

static void on_timer(uv_timer_t *timer)
{
	lanes_claim(timer->data);
}

/* At once when idle; while transactions wait for their block others are
 * gathered for a moment, or until a batch is full. */
void lanes_kick(struct lanes *l)
{
	struct share_lane lanes[LANES_MAX];

	l->kicks++;
	lanes_offers(l, lanes);
	if (share_idle(lanes, l->count) || l->kicks >= l->o.batch_max)
		lanes_claim(l);
	else if (!uv_is_active((uv_handle_t *)l->window))
		uv_timer_start(l->window, on_timer, l->o.batch_wait_ms, 0);
}

void lanes_head(struct lanes *l, uint64_t block)
{
	for (size_t i = 0; i < l->count; i++)
		txmgr_head(l->slots[i].m, block);
}

void lanes_pause(struct lanes *l, bool paused)
{
	bool was = l->paused;

	l->paused = paused;
	if (was && !paused)
		lanes_claim(l);
}

/* --- Views -------------------------------------------------------------- */

size_t lanes_count(const struct lanes *l)
{
	return l->count;
}

void lanes_view(const struct lanes *l, size_t at, struct txmgr_view *out)
{
	assert(at < l->count);
	txmgr_view(l->slots[at].m, out);
}

uint64_t lanes_node_head(const struct lanes *l)
{
	uint64_t head = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct txmgr_view v = { 0 };

		txmgr_view(l->slots[i].m, &v);
		head = v.head > head ? v.head : head;
	}
	return head;
}

/* --- Life --------------------------------------------------------------- */

static uv_timer_t *timer_new(struct lanes *l)
{
	uv_timer_t *t = mem_zalloc(sizeof(*t));

	if (uv_timer_init(l->o.lane.loop, t) != 0)
		abort();
	t->data = l;
	return t;
}

static void open_lane(struct lanes *l, const struct lanes_key *key)
{
	struct lane_slot *s = &l->slots[l->count];
	struct txmgr_opts o = l->o.lane;

	s->l = l;
	s->state = "";
	o.who = key->who;
	o.signer = key->signer;
	o.stopped = key->signer && !key->role;
	o.on_change = on_change;
	o.on_stored = on_stored;
	o.on_requeued = on_requeued;
	o.on_looked = on_looked;
	o.on_fatal = on_fatal;
	o.arg = s;
	s->m = txmgr_new(&o);
	l->count++;
	write_row(s);
}

struct lanes *lanes_new(const struct lanes_opts *opts)
{
	struct lanes *l = mem_zalloc(sizeof(*l));

	assert(opts->key_count <= LANES_MAX);
	l->o = *opts;
	l->paused = opts->paused;
	l->poll = timer_new(l);
	l->window = timer_new(l);
	forget_others(l);
	for (size_t i = 0; i < opts->key_count; i++)
		open_lane(l, &opts->keys[i]);
	if (uv_timer_start(l->poll, on_timer, opts->lane.poll_ms,
			   opts->lane.poll_ms) != 0)
		abort();
	return l;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void lanes_free(struct lanes *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		txmgr_free(l->slots[i].m);
	uv_close((uv_handle_t *)l->poll, timer_closed);
	uv_close((uv_handle_t *)l->window, timer_closed);
	free(l);
}
