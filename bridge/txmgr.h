#ifndef CX_BRIDGE_TXMGR_H
#define CX_BRIDGE_TXMGR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "abi/types.h"
#include "bridge/signer.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rpc.h"
#include "db/db.h"

/*
 * The lane of one signing key: takes entries of bridge.outbox ('queued', in
 * the order of their id), makes transactions of them and sees those through
 * until they are final. It is driven by the database: insert rows, commit,
 * call txmgr_kick(). It moves queued -> in_tx -> done | dropped (with a note),
 * and in_tx -> queued when the transaction can no longer happen or must be
 * split. A 'queued' row may be dropped by others at any time; an 'in_tx' row
 * belongs to the lane.
 *
 * What an entry needs: 'provision': epoch, origin_id, input_uid,
 * credential_hash, envelope. 'fail', 'reissue': code. 'recording': origin_id
 * and the video's uid in input_uid. 'refuse_output': the output's id in epoch,
 * code. 'end': nothing. An entry that lacks a field is dropped.
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
	const struct signer *signer; /* not owned */
	uint64_t chain_id;
	struct address registry;
	int64_t term;        /* of bridge.leader, written in every row */
	bool confirm_by_tag; /* final when at or below @confirm_tag's block */
	const char *confirm_tag; /* "safe" or "finalized"; kept */
	uint32_t confirmations;  /* otherwise: head - block >= this */
	uint32_t poll_ms;
	uint32_t batch_max, batch_calldata_max, batch_wait_ms;
	uint64_t max_fee_gwei;
	uint32_t bump_after_s;
	/* outbox rows became done or dropped: reconcile again. May be NULL. */
	void (*on_change)(void *arg);
	/* the database refused or is gone: the daemon exits */
	void (*on_fatal)(void *arg, const struct err *err);
	void *arg;
};

/* The lane, for health and metrics. */
struct txmgr_view {
	bool ready;   /* start-up reading is done, nonces are known */
	bool stopped; /* role revoked: waits for the operator */
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

/** txmgr_new - reads open transactions, rebroadcasts them, then serves the
 * outbox; everything happens from the loop */
struct txmgr *txmgr_new(const struct txmgr_opts *opts);
/** txmgr_free - accepts NULL; nothing is called back any more */
void txmgr_free(struct txmgr *m);
DEFINE_AUTO(txmgr, txmgr_free)

/** txmgr_kick - rows were committed to bridge.outbox; cheap, may be called
 * any number of times */
void txmgr_kick(struct txmgr *m);
/** txmgr_head - a new block was indexed: look for receipts now */
void txmgr_head(struct txmgr *m);
/** txmgr_pause - while paused nothing new is claimed; what is under way is
 * seen through */
void txmgr_pause(struct txmgr *m, bool paused);
void txmgr_view(const struct txmgr *m, struct txmgr_view *out);

#endif
