#ifndef CX_BRIDGE_LANES_H
#define CX_BRIDGE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "abi/types.h"
#include "bridge/signer.h"
#include "bridge/txmgr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rpc.h"
#include "db/db.h"

/*
 * The lanes of all signing keys, and the queue that they share: reads
 * bridge.outbox ('queued', in the order of their id), decides by share.h whose
 * the next transaction is, and hands the entries over. The claim is one
 * database transaction (bridge.tx_claim): nonce, row, signed bytes and the
 * entries' move to 'in_tx' commit together or not at all, so that an entry is
 * in one transaction of one lane, whatever dies. It is driven by the database:
 * insert rows, commit, call lanes_kick().
 *
 * A lane that has no role, no money or no nonce to spare is passed over while
 * it is so. What it has unmined is given back once another lane can write.
 *
 * A key that was taken out of the config but has transactions that are not
 * settled keeps a lane without a key: its signed bytes are sent again, its
 * receipts read, its entries settled. It signs nothing, so that it takes no
 * entries, raises no fees and gives nothing back: a transaction that a node
 * may still mine must not get a second one beside it. What cannot be mined
 * waits, and an alert says what to do.
 *
 * What an entry needs: 'provision': epoch, origin_id, input_uid,
 * credential_hash, envelope. 'fail', 'reissue': code. 'recording': origin_id
 * and the video's uid in input_uid. 'refuse_output': the output's id in epoch,
 * code. 'end': nothing. An entry that lacks a field is dropped.
 */
struct lanes;

struct lanes_key {
	struct address who;
	const struct signer *signer; /* not owned; NULL: it was removed */
	bool role;                   /* as of the start */
};

struct lanes_opts {
	/* loop, db, rpcs, chain, confirmations, fees: of every lane; who,
	 * signer, stopped and the callbacks but on_change and on_fatal are
	 * set for each */
	struct txmgr_opts lane;
	const struct lanes_key *keys;
	size_t key_count;
	uint32_t batch_max, batch_calldata_max, batch_wait_ms;
	bool paused; /* from the beginning: see lanes_pause() */
};

/** lanes_new - one lane a key; everything happens from the loop */
struct lanes *lanes_new(const struct lanes_opts *opts);
/** lanes_free - accepts NULL; nothing is called back any more */
void lanes_free(struct lanes *l);
DEFINE_AUTO(lanes, lanes_free)

/** lanes_kick - rows were committed to bridge.outbox; cheap, may be called
 * any number of times */
void lanes_kick(struct lanes *l);
/** lanes_head - the indexer is at @block: look for receipts now */
void lanes_head(struct lanes *l, uint64_t block);
/** lanes_pause - while paused nothing new is claimed or given back; what is
 * under way is seen through */
void lanes_pause(struct lanes *l, bool paused);

size_t lanes_count(const struct lanes *l);
void lanes_view(const struct lanes *l, size_t at, struct txmgr_view *out);
/** lanes_node_head - newest block that a node told any lane of; 0: none yet */
uint64_t lanes_node_head(const struct lanes *l);

/* ---- inside; only lanes*.c ---- */

#define LANES_MAX 64 /* keys of the config, and those removed */

struct lane_slot {
	struct lanes *l;
	struct txmgr *m;
	const char *state; /* as stored */
	double balance;
	uint64_t stored_ms;
};

struct lanes {
	struct lanes_opts o;
	uv_timer_t *poll, *window;
	struct lane_slot slots[LANES_MAX];
	size_t count, kicks;
	bool paused, reading;
	bool again; /* asked for meanwhile */
	bool more;  /* the queue has more than was taken */
};

/** lanes_offers - @out: LANES_MAX; what each could take now */
void lanes_offers(const struct lanes *l, struct share_lane *out);
/** lanes_stored - of a batch whose rows nobody waits for: @arg is the lanes,
 * which end when it was refused; a db_done_fn */
void lanes_stored(void *arg, enum status st,
		  const struct db_result *const *results, size_t n,
		  const struct err *err);
/** lanes_claim - make a transaction of what is queued */
void lanes_claim(struct lanes *l);

#endif
