#ifndef CX_INDEXER_READY_H
#define CX_INDEXER_READY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/health.h"

/*
 * Whether an indexer is ready, from what was observed: pure. Ready means that
 * who reads its tables reads the chain as it is now, or, for a standby, that
 * it can take over. A standby is ready: it counts for a rolling update and for
 * an alert; who must know which one leads reads "role" or chaincast_leader.
 */
enum ready_role { READY_STARTING = 1, READY_STANDBY, READY_LEADER };

/* A database that owes an answer for so long counts as gone. A large COPY on
 * the way takes less. */
#define READY_SILENT_S 10

struct indexer_facts {
	enum ready_role role;
	bool database;      /* connected */
	bool full;          /* its disk is */
	uint64_t silent_s;  /* how long it has owed an answer; 0: it does not */
	uint32_t endpoints; /* configured */
	uint32_t usable;    /* answer, and are on the right chain */
	uint32_t disagree;  /* on another chain, or name another block at a
			     * height that no reorg reaches */
	uint32_t lagging;   /* more than @max_head_age_s behind the newest */
	bool head_known;
	uint64_t head_age_s;     /* see ready_head_age_s() */
	uint64_t max_head_age_s; /* for the three ages below, too */
	bool catching_up;        /* reading history */
	uint64_t left;           /* blocks of history to be read */
	uint64_t behind_s;     /* how long a known head has not been indexed */
	bool verifies;         /* verification of the tip is on */
	uint64_t unverified_s; /* how long a block of the tip has waited */
};

/**
 * ready_indexer - the reasons for not being ready
 * @out: empty; its role is set too
 *
 * Reasons: "starting", "database", "database_full", "endpoints_unreachable",
 * "endpoints_disagree", "head_unknown", "head_old", "catching_up", "behind",
 * "verification".
 */
void ready_indexer(const struct indexer_facts *f, struct health_report *out);

/**
 * ready_head_age_s - age of the newest head
 * @now_s, @time_s: the wall clock and the head's timestamp, in Unix time
 * @unchanged_ms: since the newest head was first heard of
 *
 * Return: the larger of both ages. The timestamp finds a node that is itself
 * behind; the other a chain whose clock runs ahead.
 */
uint64_t ready_head_age_s(uint64_t now_s, uint64_t time_s,
			  uint64_t unchanged_ms);

#endif
