#ifndef CX_BRIDGE_BRIDGE_H
#define CX_BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "abi/types.h"
#include "bridge/breaker.h"
#include "bridge/circuit.h"
#include "bridge/cloudflare.h"
#include "bridge/inventory.h"
#include "bridge/lanes.h"
#include "bridge/policy.h"
#include "bridge/signer.h"
#include "bridge/target.h"
#include "config/config.h"
#include "core/err.h"
#include "core/http.h"
#include "core/rpc.h"
#include "db/db.h"

#define BRIDGE_JOBS_MAX      64 /* rooms worked on at once */
#define BRIDGE_HOST_JOBS_MAX 48 /* of these for one host: a slot is left */
#define BRIDGE_STOP_JOBS_MAX 32 /* and as many more that are stopped */
#define BRIDGE_HOST_STOP_MAX 24 /* of these for one host */
#define BRIDGE_DAYS_JOBS_MAX 8  /* rooms whose recordings stay otherwise */
#define BRIDGE_OUTPUT_JOBS_MAX                                                 \
	16 /* outputs of them, one at a time for each room */

struct audit;
struct job;
struct media;
struct report;
struct sweep_delete;
struct sweep_pass;
struct lease;

/* What a start waits for. */
enum startup_need { NEED_NOTHING, NEED_DATABASE, NEED_NODE };

/* What startup.c found out and everything else relies on. */
struct bridge_facts {
	char deployment[CF_MARK_SIZE];
	char database[CF_HOLDER_SIZE]; /* this one's own id */
	char signer[CF_SIGNER_SIZE];   /* its keys, as a lease names them */
	int64_t term;
	uint16_t origin_id; /* on chain, of the configured customer code */
	char origin[160];   /* its URL prefix */
};

struct bridge {
	uv_loop_t *loop;
	const struct config *cfg;
	struct bridge_facts facts;
	struct db *db;
	struct http *http;
	struct rpc **rpcs;
	size_t rpc_count, start_rpc; /* start_rpc: answers the start's checks */
	struct err node_err;     /* why an endpoint's socket last went away */
	struct signer **signers; /* of the config, in its order */
	size_t signer_count;
	struct lanes_key keys[LANES_MAX]; /* these, then removed ones */
	size_t key_count;
	struct unseal *unseal;
	struct lanes *lanes;
	struct cloudflare *cf;
	struct circuit creations; /* open: they are refused whatever room */
	struct inventory *inventory;
	struct lease *lease;
	uv_timer_t poll, sweep, later;
	uv_signal_t sigterm, sigint;
	struct job *jobs, *waiting; /* under way; backlog.h */
	uint64_t waiting_ms;        /* when the backlog was read */
	bool beginning;             /* jobs of it, just now */
	size_t job_count, stop_job_count, output_job_count;
	uint64_t started_ms;
	struct report *report;
	struct audit *audit;
	struct media *media;
	struct sweep_pass *sweep_pass;
	struct sweep_delete *sweeps; /* deletions under way */
	uint64_t orphans_found, orphans_deleted;
	struct breaker breaker;
	bool trip_storing;       /* the database does not know it yet */
	bool paused;             /* by an operator */
	uint64_t allow_until_ms; /* loop time: the breaker counts nothing */
	struct policy *policy;
	struct policy_tally tally; /* since the last answer of bridge.todo */
	bool refusals_wait;        /* perhaps: what is not told on chain */
	bool refusals_spent, refusing;
	uint64_t refuse_after_ms, rooms_refused;
	uint64_t limited_ms;         /* at the start, by a process before us */
	bool standing_by;            /* another bridge leads */
	enum startup_need waits_for; /* before it leads */
	bool listed; /* the list at start is there: unknown rooms may be made */
	bool querying, again, asked_full;
	uint64_t asked_ms, full_ms; /* when asked; when every room is next */
	int64_t settled;  /* block up to which no event of a room waits */
	uint64_t rest_ms; /* not asked again before */
	uint64_t bridge_key_block; /* newest that was judged */
	enum unseal_match bridge_key;
	bool refused; /* wrong account: no more provider calls */
	bool stopping;
	int exit_code;
};

/** bridge_run - open everything, check, lead, work until told to stop
 * Return: the process's exit code. Logs why. */
int bridge_run(const struct config *cfg);

/** bridge_wake - look for work soon; cheap */
void bridge_wake(struct bridge *b);
/** bridge_stop - leave the loop with @exit_code */
void bridge_stop(struct bridge *b, int exit_code);

/** startup_check_chain - chain id, contract, each key's role, origin; fills
 * b->facts but the term. ST_TRANSIENT when no endpoint answers, ST_AGAIN when
 * b->stopping became true meanwhile. Blocking: before the loop's work. */
enum status startup_check_chain(struct bridge *b, struct err *err) MUST_CHECK;

/** sweep_run - list, note and delete inputs of ours that no room has chosen */
void sweep_run(struct bridge *b);
/** sweep_stop - forget the deletions under way: after cloudflare_free() */
void sweep_stop(struct bridge *b);

#endif
