/*
 * The lane's life: creation, its timers, its list of open transactions and the
 * one function that moves their state. What the database has of them is read
 * in txmgr_load.c, what to ask the node is in txmgr_look.c, what to send in
 * txmgr_send.c.
 */
#include "bridge/txmgr.h"

#include <assert.h>
#include <stdlib.h>

#include "bridge/txmgr_int.h"
#include "core/log.h"

uint64_t txm_now(const struct txmgr *m)
{
	return uv_now(m->o.loop);
}

struct rpc *txm_rpc(const struct txmgr *m)
{
	return m->o.rpcs[m->rpc_at % m->o.rpc_count];
}

void txm_fatal(struct txmgr *m, const struct err *err)
{
	m->ready = false;
	m->stopped = true;
	if (m->o.on_fatal)
		m->o.on_fatal(m->o.arg, err);
}

struct txm_op *txm_op_new(struct txmgr *m)
{
	struct txm_op *op = mem_zalloc(sizeof(*op));

	op->m = m;
	op->next = m->ops;
	op->prev = &m->ops;
	if (op->next)
		op->next->prev = &op->next;
	m->ops = op;
	return op;
}

void txm_op_free(struct txm_op *op)
{
	*op->prev = op->next;
	if (op->next)
		op->next->prev = op->prev;
	txm_tx_free(op->tx);
	free(op);
}

struct txm_tx *txm_tx_new(void)
{
	struct txm_tx *t = mem_zalloc(sizeof(*t));

	buf_init(&t->data, TX_SIZE_MAX);
	buf_init(&t->raw, TX_SIZE_MAX);
	return t;
}

void txm_tx_free(struct txm_tx *t)
{
	if (!t)
		return;
	buf_deinit(&t->data);
	buf_deinit(&t->raw);
	free(t);
}

void txm_add(struct txmgr *m, struct txm_tx *t)
{
	size_t at = m->count;

	m->txs = mem_resize(m->txs, m->count + 1, sizeof(struct txm_tx *));
	while (at > 0 && m->txs[at - 1]->nonce > t->nonce) {
		m->txs[at] = m->txs[at - 1];
		at--;
	}
	m->txs[at] = t;
	m->count++;
}

void txm_remove(struct txmgr *m, struct txm_tx *t)
{
	size_t at = 0;

	while (at < m->count && m->txs[at] != t)
		at++;
	assert(at < m->count);
	for (m->count--; at < m->count; at++)
		m->txs[at] = m->txs[at + 1];
	txm_tx_free(t);
}

struct txm_tx *txm_find(const struct txmgr *m, int64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->txs[i]->id == id)
			return m->txs[i];
	return NULL;
}

size_t txm_unmined(const struct txmgr *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += m->txs[i]->state < TXM_MINED;
	return n;
}

static const char *const state_names[] = { "signed", "accepted", "mined",
					   "final", "lost" };
static const char *const kind_names[] = { "provision",     "fail",
					  "reissue",       "recording",
					  "refuse_output", "end",
					  "fill" };

const char *txm_state_name(enum txm_state s)
{
	return state_names[s];
}

const char *txm_kind_name(enum effect_kind k)
{
	return kind_names[k];
}

bool txmgr_kind_parse(enum effect_kind *out, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		if (strcmp(name, kind_names[i]) == 0) {
			*out = (enum effect_kind)i;
			return true;
		}
	}
	return false;
}

void txm_set_state(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		   enum txm_state expected, enum txm_state state,
		   const char *why)
{
	bool mined = state == TXM_MINED || state == TXM_FINAL;

	assert(t->state == expected);
	t->state = state;
	DB_ADD(b,
	       "update bridge.tx set state = $2, note = $3, mined_hash = $4,"
	       " block_number = $5, block_hash = $6, success = $7, term = $8,"
	       " updated_at = now() where id = $1 and state = $9"
	       " and bridge.tx_check_term($8)",
	       P_I64(t->id), P_TEXT(txm_state_name(state)), P_TEXT(why),
	       mined ? P_BYTES(t->mined_hash.b, 32) : P_NULL(),
	       mined ? P_I64((int64_t)t->block_number) : P_NULL(),
	       mined ? P_BYTES(t->block_hash.b, 32) : P_NULL(),
	       mined ? P_BOOL(t->success) : P_NULL(), P_I64(m->o.term),
	       P_TEXT(txm_state_name(expected)));
}

bool txm_stored(struct txm_op *op, enum status st, const struct err *err,
		struct txm_tx **t)
{
	struct txmgr *m = op->m;

	*t = txm_find(m, op->tx_id);
	txm_op_free(op);
	if (st == ST_AGAIN)
		txm_load(m);
	else if (st != ST_OK)
		txm_fatal(m, err);
	else if (*t)
		(*t)->writing = false;
	return st == ST_OK;
}

static void written(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct txm_tx *t;

	(void)results;
	(void)n;
	(void)txm_stored(arg, st, err, &t);
}

void txm_write(struct txmgr *m, struct db_batch *b)
{
	db_run(b, written, txm_op_new(m));
}

/* A lane at rest asks the node only now and then; fees stay fresh enough. */
static void on_poll(uv_timer_t *timer)
{
	struct txmgr *m = timer->data;

	if (!m->loaded)
		return;
	if (!m->ready || m->count || m->stopped || m->no_funds ||
	    txm_now(m) - m->looked_ms >= TXM_IDLE_MS)
		txm_look(m);
	if (m->unsettled)
		txm_settle(m);
}

static uv_timer_t *timer_new(struct txmgr *m)
{
	uv_timer_t *t = mem_zalloc(sizeof(*t));

	uv_timer_init(m->o.loop, t);
	t->data = m;
	return t;
}

struct txmgr *txmgr_new(const struct txmgr_opts *opts)
{
	struct txmgr *m = mem_zalloc(sizeof(*m));

	assert(opts->rpc_count > 0 && opts->rpc_count <= NONCE_ENDPOINTS_MAX);
	m->o = *opts;
	m->stopped = opts->stopped;
	if (m->stopped)
		txm_say_stopped(m);
	m->cap = opts->max_fee_gwei > UINT64_MAX / 2000000000
		     ? UINT64_MAX / 2
		     : opts->max_fee_gwei * 1000000000;
	m->ask = fees_keep(m->cap);
	m->hint = FEES_NO_HINT;
	m->poll = timer_new(m);
	uv_timer_start(m->poll, on_poll, opts->poll_ms, opts->poll_ms);
	txm_load(m);
	return m;
}

static void timer_closed(uv_handle_t *h)
{
	free(h);
}

void txmgr_free(struct txmgr *m)
{
	if (!m)
		return;
	while (m->ops) {
		if (m->ops->call)
			rpc_cancel(m->ops->call);
		txm_op_free(m->ops);
	}
	uv_close((uv_handle_t *)m->poll, timer_closed);
	while (m->count)
		txm_remove(m, m->txs[m->count - 1]);
	free(m->txs);
	free(m);
}

void txmgr_head(struct txmgr *m, uint64_t block)
{
	m->indexed = block;
	if (m->loaded && m->count)
		txm_look(m);
	if (m->unsettled)
		txm_settle(m);
}

static bool sound(const struct txmgr *m)
{
	return m->o.signer && m->ready && !m->stopped && !m->no_funds;
}

/* A nonce that is being looked into may be filled: that goes first. */
void txmgr_offer(const struct txmgr *m, struct share_lane *out)
{
	struct fees f = fees_first(m->base_fee, m->hint, m->ask);
	double free_wei = m->balance_known ? m->balance : SHARE_RICH;
	size_t unmined = txm_unmined(m) + m->claiming;
	bool room = sound(m) && !m->reclaiming && unmined < TXM_UNMINED_MAX &&
		    m->count + m->claiming < TXM_OPEN_MAX;

	*out = (struct share_lane){
		.who = m->o.who,
		.able = room && !m->claiming,
		.claiming = room && m->claiming,
		.sound = sound(m),
		.unmined = unmined,
		.gas_max = gas_limit_max(m->gas_limit),
		.max_fee = f.max_fee,
	};
	for (size_t i = 0; i < m->count; i++)
		if (m->txs[i]->state < TXM_MINED)
			free_wei -= txm_cost(m->txs[i]);
	out->free_wei = free_wei;
}

void txmgr_view(const struct txmgr *m, struct txmgr_view *out)
{
	*out = m->stats;
	out->who = m->o.who;
	out->key = m->o.signer != NULL;
	out->sound = sound(m);
	out->balance_known = m->balance_known;
	out->balance_wei = m->balance;
	out->ready = m->ready;
	out->stopped = m->stopped;
	out->head = m->head;
	out->base_fee = m->base_fee;
	out->next_nonce = nonce_next(&m->nonces);
	out->unmined = txm_unmined(m);
	out->mined_nonce = m->nonces.latest;
	out->looked_ms = m->looked_ms;
	out->gap = m->gap_ms != 0;
	out->no_funds = m->no_funds;
	out->unsettled = m->count - out->unmined;
	for (size_t i = 0; i < m->count; i++) {
		uint64_t age = (txm_now(m) - m->txs[i]->made_ms) / 1000;

		out->signed_count += m->txs[i]->state == TXM_SIGNED;
		if (m->txs[i]->state < TXM_MINED && age > out->stuck_s)
			out->stuck_s = (uint32_t)age;
	}
}
