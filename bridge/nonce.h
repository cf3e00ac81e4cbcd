#ifndef CX_BRIDGE_NONCE_H
#define CX_BRIDGE_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decisions about nonces of one account. Pure. */
struct nonce_view {
	uint64_t latest;  /* eth_getTransactionCount at "latest": mined */
	uint64_t pending; /* at "pending": mined or in the node's pool */
	uint64_t db_next; /* one above our highest; 0: none of ours */
};

/** nonce_next - the nonce that the next transaction claims */
uint64_t nonce_next(const struct nonce_view *v);

/**
 * nonce_gap - the lowest nonce that blocks ours and that nobody holds
 * @held: nonces of our unmined transactions, ascending
 *
 * Return: false when there is none: the pool knows a transaction of another
 * up to there, or nothing of ours waits behind it.
 */
bool nonce_gap(uint64_t *out, const struct nonce_view *v, const uint64_t *held,
	       size_t n);

/**
 * nonce_fallen - the chain's count lies below our highest, at a nonce that no
 * open transaction of ours has: one that was final was reorged away, or the
 * nonce was never ours
 * @held: nonces of all our open transactions, mined ones too, ascending
 */
bool nonce_fallen(const struct nonce_view *v, const uint64_t *held, size_t n);

/** nonce_lost - the node knows of transactions that our rows do not tell of:
 * the database is new, or older than they are */
bool nonce_lost(const struct nonce_view *v);

/*
 * Asking all endpoints after a lost database, one after the other, in passes.
 *
 * While the database has our rows it holds every nonce that we used: a node
 * that lags cannot lower db_next, and one endpoint's answer is enough. Without
 * them the nodes are the only witnesses, and a pool knows only what has come to
 * it: so all must say that nothing waits, at the highest count that any of them
 * told. One that does not answer, or whose chain stays behind, is waited for,
 * but not for ever. What it alone might know after so long is a transaction
 * that no other node was told of. Should that turn up, it and ours of the same
 * nonce exclude each other on chain: the lane sees whose was mined, the other's
 * entries are queued again, and the contract skips what it has already. So
 * nothing is doubled or lost without that endpoint; what waiting for it
 * protects is that each nonce has one purpose.
 *
 * Never gone without: one endpoint that says in this pass that nothing waits,
 * and the mining of all that any has told of, in its pool or its chain, unless
 * it takes that back itself: one that knew of a transaction and then fell
 * silent stops the lane until another has it in a block.
 */
#define NONCE_ENDPOINTS_MAX 32
#define NONCE_WAIT_MS       30000 /* for one that does not answer, or lags */
struct nonce_round {
	uint64_t told[NONCE_ENDPOINTS_MAX]; /* its last count, pool included */
	uint64_t out_ms[NONCE_ENDPOINTS_MAX]; /* of no use since; 0: it is */
	uint32_t
	    agreed; /* nothing waits there, told in this pass: a bit each */
};

/** nonce_round_pass - all are asked anew */
void nonce_round_pass(struct nonce_round *r);
/** nonce_round_told - endpoint @at answered, at @now_ms > 0 */
void nonce_round_told(struct nonce_round *r, size_t at,
		      const struct nonce_view *v, uint64_t now_ms);
/** nonce_round_silent - it did not
 * Return: true when it has answered since it last did not, or never was asked
 */
bool nonce_round_silent(struct nonce_round *r, size_t at, uint64_t now_ms);
/** nonce_round_left_out - of no use for so long that the rest decides */
bool nonce_round_left_out(const struct nonce_round *r, size_t at,
			  uint64_t now_ms);
/** nonce_round_next - the highest count told: the next nonce, once done */
uint64_t nonce_round_next(const struct nonce_round *r);
/** nonce_round_agrees - @at said in this pass that nothing waits, there */
bool nonce_round_agrees(const struct nonce_round *r, size_t at);
/** nonce_round_done - each of @n agrees or is left out, and one at least
 * agrees */
bool nonce_round_done(const struct nonce_round *r, size_t n, uint64_t now_ms);

#endif
