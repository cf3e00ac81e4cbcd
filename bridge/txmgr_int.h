#ifndef CX_BRIDGE_TXMGR_INT_H
#define CX_BRIDGE_TXMGR_INT_H

#include "bridge/fees.h"
#include "bridge/nonce.h"
#include "bridge/txanswer.h"
#include "bridge/txmgr.h"

/* Inside of the lane; only txmgr*.c and its test include this. */
#define TXM_UNMINED_MAX 16 /* what nodes keep for one account for sure */
#define TXM_OPEN_MAX    512
#define TXM_ITEMS_MAX   64    /* calls in one JSON-RPC batch */
#define TXM_ATTEMPTS    32    /* the last few are a cancel's */
#define TXM_AT_ONCE     4     /* of them, while no block comes */
#define TXM_IDLE_MS     10000 /* fees and counts older are read again */
#define TXM_GONE_MS     20000 /* nonce mined, no receipt: another's */

enum txm_state {
	TXM_SIGNED,
	TXM_ACCEPTED,
	TXM_MINED,
	TXM_FINAL,
	TXM_LOST,
};

enum txm_role { ROLE_UNASKED, ROLE_ASKED, ROLE_HELD, ROLE_MISSING };

struct txm_attempt {
	struct hash32 hash;
	struct fees fees;
};

struct txm_tx {
	int64_t id;
	uint64_t nonce, gas;
	enum effect_kind kind;
	enum txm_state state;
	size_t entries;
	struct buf data, raw; /* raw: newest attempt; both empty once mined */
	struct txm_attempt attempts[TXM_ATTEMPTS];
	size_t attempt_count;
	uint64_t made_ms, sent_ms, gone_ms; /* loop time; 0: not yet */
	uint64_t first_ms, first_head; /* first in line, and taken, since */
	uint64_t bid_head, bid_ms;     /* when the newest attempt was signed */
	unsigned bids;                 /* attempts at that block */
	unsigned missing;              /* looks without its receipt */
	size_t asked; /* attempts that the last look knows no receipt of */
	bool bump, capped, writing;
	unsigned refused;           /* so often, and for one reason */
	enum tx_answer refused_for; /* REVERT or REFUSED */
	uint64_t refused_ms;        /* the first of them */
	enum tx_answer answer;      /* the node's last; told when it changes */
	bool success;
	enum txm_role role; /* asked for after a revert */
	uint64_t block_number;
	struct hash32 block_hash, mined_hash;
};

struct txm_receipt {
	bool success;
	uint64_t block, gas_used;
	uint64_t gas_price; /* 0: an old node does not tell */
	struct hash32 block_hash;
};

/* One request under way; freed by its callback or with the lane. */
struct txm_op {
	struct txm_op *next, **prev;
	struct txmgr *m;
	struct rpc_call *call; /* NULL: a database batch */
	int64_t tx_id;
	struct hash32 hash;
	struct txm_tx *tx; /* to be added when stored; owned */
	uint64_t nonce;    /* of a reclaim */
	bool fill;         /* a reclaim that finds no row fills the nonce */
	size_t item_count; /* of a look: which receipt belongs to which */
	struct {
		int64_t tx_id;
		struct hash32 hash;
	} items[TXM_ITEMS_MAX];
};

struct txmgr {
	struct txmgr_opts o;
	uint64_t cap; /* wei; of a cancel, or another fill */
	uint64_t ask; /* wei; of what carries entries */
	uv_timer_t *poll;
	struct txm_op *ops;
	struct txm_tx **txs; /* by nonce */
	size_t count;
	struct nonce_view nonces;
	struct nonce_round round; /* while not ready */
	uint64_t head, tag_head, base_fee, gas_limit, hint;
	uint64_t indexed;   /* block that the indexer is at; 0: not told yet */
	uint64_t looked_ms; /* when the counts and fees were read; 0: never */
	size_t rpc_at, start_checks;
	bool loaded, ready, stopped, looking, look_again, claiming;
	bool
	    lost; /* an endpoint knows of more than our rows; while not ready */
	bool settling, unsettled, role_asking, failing, no_funds, reclaiming;
	bool balance_known, payable; /* payable: all that is unmined */
	bool seen_off, gap_told;     /* of a key that was removed */
	double balance;              /* wei */
	unsigned poor;   /* looks in a row at which it could not pay */
	unsigned fallen; /* looks in a row at which a nonce of ours was free */
	unsigned behind; /* looks in a row at which the endpoint was */
	uint64_t role_ms, held_ms, gap_ms; /* held_ms: we had the role */
	uint32_t accused; /* endpoints whose fault was told: a bit each */
	struct txmgr_view stats;
};

uint64_t txm_now(const struct txmgr *m);
struct rpc *txm_rpc(const struct txmgr *m);
void txm_fatal(struct txmgr *m, const struct err *err);
struct txm_op *txm_op_new(struct txmgr *m);
void txm_op_free(struct txm_op *op);
struct txm_tx *txm_tx_new(void);
void txm_tx_free(struct txm_tx *t);
DEFINE_AUTO(txm_tx, txm_tx_free)
void txm_add(struct txmgr *m, struct txm_tx *t);
void txm_remove(struct txmgr *m, struct txm_tx *t);
struct txm_tx *txm_find(const struct txmgr *m, int64_t id);
size_t txm_unmined(const struct txmgr *m);
const char *txm_state_name(enum txm_state s);
const char *txm_kind_name(enum effect_kind k);

/** txm_stored - what @op wrote is committed: frees @op, @t becomes its
 * transaction (NULL: none, or settled since), which may be written again. False
 * when it is not: rows moved under us and are being read again, or the lane is
 * broken. */
bool txm_stored(struct txm_op *op, enum status st, const struct err *err,
		struct txm_tx **t);
/** txm_load - (re)read open transactions from the database */
void txm_load(struct txmgr *m);
/** txm_set_state - the one mover: memory, then the row by way of @b */
void txm_set_state(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		   enum txm_state expected, enum txm_state state,
		   const char *why);
/** txm_write - run a batch of which nothing is expected back; a conflict
 * makes the lane read its rows again */
void txm_write(struct txmgr *m, struct db_batch *b);

/** txm_look - ask the node for head, counts, fees and receipts */
void txm_look(struct txmgr *m);
/** txm_on_receipt - a node has @t's attempt @hash in a block */
void txm_on_receipt(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		    const struct hash32 *hash, const struct txm_receipt *r);
/** txm_on_missing - it has not the mined one's any more */
void txm_on_missing(struct txmgr *m, struct db_batch *b, struct txm_tx *t);
/** txm_judge - whatever is final or lost by the look that was just read */
void txm_judge(struct txmgr *m, struct db_batch *b);
/** txm_check_fallen - a nonce of ours that is free again on chain */
void txm_check_fallen(struct txmgr *m);
/** txm_check_gap - a nonce that nobody holds, before ours */
void txm_check_gap(struct txmgr *m);
/** txm_start - judge whether the lane is ready, by the look that was just
 * applied */
void txm_start(struct txmgr *m);
/** txm_silent - the endpoint did not answer; true when that is to be told */
bool txm_silent(struct txmgr *m);
/** txm_accuse - the endpoint's answer cannot be used; true when that is to be
 * told: once, until one can */
bool txm_accuse(struct txmgr *m);
/** txm_next_endpoint - the next look asks another */
void txm_next_endpoint(struct txmgr *m);
/** txm_ask_role - eth_call hasRole; stops or resumes the lane */
void txm_ask_role(struct txmgr *m);
void txm_say_stopped(const struct txmgr *m);
/** txm_no_funds - tell once that it cannot pay, as @why says */
void txm_no_funds(struct txmgr *m, const char *why);
/** txm_judge_funds - by the balance of the last look */
void txm_judge_funds(struct txmgr *m);
/** txm_cost - the most that the newest attempt may cost, in wei */
double txm_cost(const struct txm_tx *t);

/** txm_cap - the most that @t may pay for gas, in wei */
uint64_t txm_cap(const struct txmgr *m, const struct txm_tx *t);
/** txm_sign - sign @t with @f; the bytes are its newest attempt */
enum status txm_sign(struct txmgr *m, struct txm_tx *t, struct fees f,
		     struct err *err) MUST_CHECK;
/** txm_store_attempt - commit the newest attempt with @b, which it takes over;
 * @done gets an op that txm_stored() takes */
void txm_store_attempt(struct txmgr *m, struct db_batch *b, struct txm_tx *t,
		       db_done_fn done);
/** txm_fill - claim @nonce for a self-send */
void txm_fill(struct txmgr *m, uint64_t nonce);
/** txm_log - @event of its newest attempt */
void txm_log(const struct txmgr *m, const char *event, const struct txm_tx *t);
/** txm_nudge - send again, or with higher fees, what waits for too long */
void txm_nudge(struct txmgr *m);
/** txm_send - broadcast the newest attempt */
void txm_send(struct txmgr *m, struct txm_tx *t);
/** txm_raise - store and send an attempt with higher fees, or, at the cap,
 * the same bytes again */
void txm_raise(struct txmgr *m, struct txm_tx *t);
/** txm_cancel - turn @t into a signed self-send that outbids it, and log that
 * as @event; false when its fees cannot be raised so far. The caller stores it,
 * with what becomes of the entries. */
bool txm_cancel(struct txmgr *m, struct txm_tx *t, const char *event,
		const char *why);
/** txm_reverted - it is final, and had no effect: whoever is to blame ends */
void txm_reverted(struct txmgr *m, struct txm_tx *t);
/** txm_count_refused - one answer more: how often in a row, but for what says
 * nothing of it, @t was refused for one reason */
void txm_count_refused(const struct txmgr *m, struct txm_tx *t,
		       enum tx_answer answer);
/** txm_refused_by_node - a node says that it would revert */
void txm_refused_by_node(struct txmgr *m, struct txm_tx *t,
			 const char *message);
/** txm_too_much - a node says that it never takes it: too dear, too large */
void txm_too_much(struct txmgr *m, struct txm_tx *t, const char *message);
/** txm_tell_refused - once: a node will never take it, as @message says */
void txm_tell_refused(struct txmgr *m, struct txm_tx *t, const char *message);
/** txm_reclaim - @nonce is free on chain and no open transaction has it: final
 * rows from there on wait again; if there is no row and @fill, a self-send */
void txm_reclaim(struct txmgr *m, uint64_t nonce, bool fill);
/** txm_settle - end the entries of final transactions */
void txm_settle(struct txmgr *m);

#endif
