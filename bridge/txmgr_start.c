/*
 * When the lane may sign: at once where the database knows its nonces, and
 * after a lost database when the endpoints agree that nothing of ours is on its
 * way (nonce.h). It signs and sends nothing.
 */
#include "bridge/txmgr_int.h"
#include "core/log.h"

#define TELL_EVERY 16 /* answers that something is in the way */

void txm_next_endpoint(struct txmgr *m)
{
	m->rpc_at = (m->rpc_at + 1) % m->o.rpc_count;
	if (m->rpc_at == 0)
		nonce_round_pass(&m->round);
}

bool txm_silent(struct txmgr *m)
{
	bool news = nonce_round_silent(&m->round, m->rpc_at, txm_now(m));

	return m->ready ? !m->failing : news;
}

bool txm_accuse(struct txmgr *m)
{
	uint32_t bit = (uint32_t)1 << m->rpc_at;
	bool news = !(m->accused & bit);

	(void)txm_silent(m);
	m->accused |= bit;
	return news;
}

static void say_waiting(struct txmgr *m)
{
	if (m->start_checks++ % TELL_EVERY == 0)
		log_odd("tx_lane_waits", F_HEX("signer", m->o.who.b, 20),
			F_STR("endpoint", rpc_label(txm_rpc(m))),
			F_U64("latest", m->nonces.latest),
			F_U64("pending", m->nonces.pending),
			F_U64("told", nonce_round_next(&m->round)));
}

static void say_left_out(const struct txmgr *m)
{
	uint64_t now = txm_now(m);

	for (size_t i = 0; i < m->o.rpc_count; i++)
		if (nonce_round_left_out(&m->round, i, now))
			log_odd("tx_lane_without_endpoint",
				F_STR("endpoint", rpc_label(m->o.rpcs[i])),
				F_U64("waited_ms", now - m->round.out_ms[i]),
				F_STR("why",
				      "the database is new or old, and this "
				      "endpoint does not answer, is behind or "
				      "of another chain; the others say that "
				      "nothing waits"));
}

/* What a pass over all is: the next one begins with the next poll. */
static bool agreed(struct txmgr *m)
{
	nonce_round_told(&m->round, m->rpc_at, &m->nonces, txm_now(m));
	if (!nonce_round_done(&m->round, m->o.rpc_count, txm_now(m))) {
		if (!nonce_round_agrees(&m->round, m->rpc_at))
			say_waiting(m);
		txm_next_endpoint(m);
		m->look_again = m->rpc_at != 0;
		return false;
	}
	say_left_out(m);
	for (m->rpc_at = 0; !nonce_round_agrees(&m->round, m->rpc_at);)
		m->rpc_at++;
	m->nonces.latest = m->nonces.pending = nonce_round_next(&m->round);
	m->nonces.db_next = nonce_next(&m->nonces);
	return true;
}

void txm_start(struct txmgr *m)
{
	if (m->ready)
		return;
	/* One that lags would not notice. */
	m->lost = m->lost || nonce_lost(&m->nonces);
	if (m->lost && !agreed(m))
		return;
	m->lost = false;
	m->ready = true;
	log_info("tx_lane_ready", F_HEX("signer", m->o.who.b, 20),
		 F_U64("nonce", nonce_next(&m->nonces)),
		 F_U64("base_fee", m->base_fee), F_U64("height", m->head));
}
