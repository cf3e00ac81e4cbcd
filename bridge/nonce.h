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

/** nonce_may_start - after a lost database the node must have nothing in its
 * pool that we do not know, or a nonce could get two purposes */
bool nonce_may_start(const struct nonce_view *v);

#endif
