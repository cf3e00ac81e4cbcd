#ifndef CX_BRIDGE_TXMGR_H
#define CX_BRIDGE_TXMGR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "abi/types.h"
#include "bridge/calls.h"
#include "bridge/share.h"
#include "bridge/signer.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rpc.h"
#include "db/db.h"

/*
 * The lane of one signing key: makes transactions of the entries of
 * bridge.outbox that it is given (lanes.h) and sees those through until they
 * are final. It moves queued -> in_tx -> done | dropped (with a note), and
 * in_tx -> queued when the transaction can no longer happen, must be split, or
 * is given back. A 'queued' row may be dropped by others at any time; an
 * 'in_tx' row belongs to the lane of its transaction.
 *
 * Every attempt's signed bytes are committed before they are sent; state is
 * only in bridge.tx and bridge.tx_attempt, so a crash anywhere is harmless.
 */
struct txmgr;

struct txmgr_opts {
	uv_loop_t *loop;
	struct db *db;
	/* The first takes all calls until it fails, then the next; all are
	 * asked after a lost database. Not owned. */
	struct rpc *const *rpcs;
	size_t rpc_count;
	struct address who;
	/* Not owned. NULL: the key was taken out of the config, and what it
	 * has signed is only seen through. */
	const struct signer *signer;
	bool stopped; /* it has no right to write, as far as is known */
	uint64_t chain_id;
	struct address registry;
	int64_t term;        /* of bridge.leader, written in every row */
	bool confirm_by_tag; /* final when at or below @confirm_tag's block */
	const char *confirm_tag; /* "safe" or "finalized"; kept */
	uint32_t confirmations;  /* otherwise: head - block >= this */
	uint32_t poll_ms;
	uint64_t max_fee_gwei;
	uint32_t bump_after_s;
	/* outbox rows became done or dropped: reconcile again */
	void (*on_change)(void *arg);
	/* a transaction is stored: perhaps it takes more */
	void (*on_stored)(void *arg);
	/* entries that were taken wait again */
	void (*on_requeued)(void *arg);
	/* a node has told of it, or it may write again */
	void (*on_looked)(void *arg);
	/* the database refused or is gone: the daemon exits */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

/* The lane, for health and metrics. */
struct txmgr_view {
	struct address who;
	bool key;     /* it can sign */
	bool ready;   /* start-up reading is done, nonces are known */
	bool stopped; /* role revoked: waits for the operator */
	bool sound;   /* ready, and neither stopped nor without key or funds */
	bool balance_known;
	double balance_wei;
	uint64_t head, base_fee, next_nonce;
	size_t unmined;   /* signed or accepted */
	size_t unsettled; /* mined, not final yet */
	uint64_t sent, bumped, reverted, gas_used;
	uint32_t stuck_s;     /* age of the oldest unmined */
	size_t signed_count;  /* of @unmined, not accepted by a node yet */
	uint64_t mined_nonce; /* the chain's count of ours */
	uint64_t looked_ms;   /* loop time of a node's last answer; 0: none */
	bool gap;             /* a nonce that nobody holds blocks ours */
	bool no_funds;
	double spent_wei; /* for the gas used */
};

/** txmgr_new - reads open transactions and rebroadcasts them; everything
 * happens from the loop */
struct txmgr *txmgr_new(const struct txmgr_opts *opts);
/** txmgr_free - accepts NULL; nothing is called back any more */
void txmgr_free(struct txmgr *m);
DEFINE_AUTO(txmgr, txmgr_free)

/** txmgr_kind_parse - the kind of an entry, by its name in bridge.outbox */
bool txmgr_kind_parse(enum effect_kind *out, const char *name);
/** txmgr_offer - what it could take now */
void txmgr_offer(const struct txmgr *m, struct share_lane *out);
/** txmgr_take - make one transaction of @n queued entries of one kind; only
 * while txmgr_offer() says that it is able */
void txmgr_take(struct txmgr *m, const struct effect *e, size_t n);
/** txmgr_give_back - for a lane that cannot write while others can: what
 * waits unmined goes back to the queue, where that is harmless. Does nothing
 * in any other state. */
void txmgr_give_back(struct txmgr *m);
/** txmgr_head - the indexer is at @block: look for receipts now */
void txmgr_head(struct txmgr *m, uint64_t block);
void txmgr_view(const struct txmgr *m, struct txmgr_view *out);

#endif
