#ifndef CX_BRIDGE_OUTPUT_H
#define CX_BRIDGE_OUTPUT_H

#include "bridge/job.h"
#include "bridge/target.h"

/* What a job about one output of a room has beside its room. */
struct output_job {
	uint32_t id; /* as in OutputAdded */
	char uid[CF_UID_SIZE];
	char *owned;           /* uids of the room's other outputs */
	struct target *target; /* a secret; NULL: not opened or not good */
	uint8_t digest[32];    /* of the sealed target, which is public */
	int64_t added_block;
	uint8_t added_hash[32];
	uint32_t attempt;
	bool give_up;  /* of a creation that was never answered */
	int64_t age_s; /* since the newest creation; 0: none by us */
	struct cf_outputs list;
	size_t list_at;
};
/** output_job_free - wipes what is secret; accepts NULL */
void output_job_free(struct output_job *o);

/** outputs_query - add the statement for outputs that need a step */
void outputs_query(struct bridge *b, struct db_batch *batch);
/** outputs_start - begin a step of each room in its result */
void outputs_start(struct bridge *b, const struct db_result *r);

/** output_job_done - log that what was stored is stored */
void output_job_done(const struct job *j);
/** output_job_failed - batch statement: this output waits; no other does */
void output_job_failed(struct job *j, struct db_batch *batch, const char *why);

#define OUTPUT_NO_DOUBT   (-1)
#define OUTPUT_KEEP_DOUBT (-2) /* as it was */

/* What output_store() says of an output. */
struct output_fact {
	const char *state; /* of bridge.output */
	const char *uid;   /* NULL: none */
	bool enabled;
	uint8_t code;    /* enum target_fault; 0: none */
	int64_t doubt_s; /* another may turn up until then */
};
/** output_store - batch statement: what there is, its failures forgotten */
void output_store(struct job *j, struct db_batch *batch,
		  const struct output_fact *fact);

/* The steps. */
void output_reanchor(struct job *j);
void output_refuse(struct job *j);
void output_create(struct job *j);
void output_match(struct job *j);
void output_switch(struct job *j);
void output_delete(struct job *j);
void output_close(struct job *j);
void output_tell(struct job *j);

#endif
