#ifndef CX_BRIDGE_SHARE_H
#define CX_BRIDGE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "bridge/calls.h"

/*
 * Which of several lanes takes how much of the queue. Pure.
 *
 * Order within a room. While a transaction with an entry of a room is unmined
 * in one lane, the room's other entries go to that lane alone, so that nonces
 * keep them in the order of the queue; they wait if that lane cannot take
 * them. Once mined the order stands. Only a reorg can then reverse the
 * entries of two lanes, and that is harmless: what a newer entry is about (a
 * new epoch, a room that is over) stands on chain before it is queued, and by
 * that an older provision is skipped, wherever it comes; a reissue, a failure
 * or an end counts in any order; recordings are a set; of an output there is
 * one entry at a time, and the newest word that is not ours is corrected.
 */
#define SHARE_NONE SIZE_MAX
#define SHARE_RICH 1e30 /* wei of a lane whose balance is not known */

struct share_lane {
	struct address who;
	bool able;       /* it may write and has a nonce to give */
	bool claiming;   /* it stores what it took; able again after that */
	bool sound;      /* it may write, though perhaps not more just now */
	size_t unmined;  /* not mined yet, the one being stored among them */
	double free_wei; /* its balance, less what those may cost */
	uint64_t gas_max, max_fee; /* of a new transaction */
};

struct share_limits {
	size_t entries, bytes; /* of one transaction */
};

struct share {
	size_t lane; /* SHARE_NONE: nobody can take any of it now */
	size_t count;
};

/**
 * share_take - the next transaction: the first entry that a lane can take goes
 * to the one that holds its room, else to the able one with fewest unmined,
 * and of these the richest; then what fits with it, in the queue's order
 * @e: the queue's head, of one kind; those to take are moved to its front
 *
 * Return: whose it is and how many entries; never one without the other.
 */
struct share share_take(struct effect *e, size_t n,
			const struct share_lane *lanes, size_t lane_count,
			const struct share_limits *limits);

/** share_idle - nothing is stored just now, or waits for a block, in any lane
 * that works: a lone entry need not wait for others to share a transaction
 * with */
bool share_idle(const struct share_lane *lanes, size_t n);

#endif
