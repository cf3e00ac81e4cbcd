#ifndef CX_BRIDGE_JOB_H
#define CX_BRIDGE_JOB_H

#include "abi/seal.h"
#include "bridge/bridge.h"
#include "bridge/reconcile.h"

/* One room under way, step by step: owned by the bridge, ended by job_end() or
 * job_retry(). job_commit() ends the step, and with it the job unless what is
 * next is known. */
struct job {
	struct job *next;
	struct bridge *b;
	char room[CF_ROOM_SIZE];
	struct wanted wanted;
	struct actual actual;
	struct step step;
	bool stop;
	uint64_t read_ms, started_ms; /* loop time: the room, the step */
	/* of the room */
	uint8_t host[20];
	enum ingest ingest;
	bool signed_access, keep_recording, vanished;
	uint8_t host_key[SEAL_KEY_MAX + 1];
	size_t host_key_len;
	char title[101]; /* cleaned */
	int64_t created_block;
	uint8_t created_hash[32];
	/* of its live input */
	char uid[CF_UID_SIZE], chain_uid[CF_UID_SIZE], gone_uid[CF_UID_SIZE];
	uint32_t attempt, half_answers;
	const char *done_event;      /* logged when the commit is through */
	bool kick;                   /* wake the transaction lane after it */
	struct policy_load load;     /* of its host and of all, as read */
	enum policy_verdict verdict; /* of a new room */
	struct output_job *output;   /* NULL: about the room itself */
	struct cf_videos videos;
	size_t video_at;
	bool enabled; /* to be deleted: it refused while it was disabled */
	struct err failure; /* why it is disabled again */
	bool goes_on;       /* @actual says what it is like after the commit */
};

/** job_read - decode row @row of bridge.todo(); nothing begins */
struct job *job_read(struct bridge *b, const struct db_result *r, size_t row);
enum job_turn {
	JOB_BEGUN,
	JOB_NOTHING, /* to do for the room now; @j is freed */
	JOB_WAITS,   /* for a slot; @j is still the caller's */
};
/** job_try - decide by what was read, and begin the step if there is a slot */
enum job_turn job_try(struct job *j);
/** job_free - of a job that did not begin */
void job_free(struct job *j);
/** job_exists - a step of the room itself is under way */
bool job_exists(const struct bridge *b, const char *room);
/** job_output_exists - a step of one of its outputs is */
bool job_output_exists(const struct bridge *b, const char *room);
/** job_start_output - decide for the output that @j is filled with (output.c)
 * and begin; false, and @j freed, when there is nothing to do now */
bool job_start_output(struct job *j);

void job_end(struct job *j);
/** job_retry - record the failure; the room waits and is tried again */
void job_retry(struct job *j, const char *why);
/** job_commit - run @batch as the step's last act: logs @j->done_event, kicks
 * the lane if asked, wakes the bridge, and ends the job; where it goes on, and
 * what was read of the room is still good, the next step begins instead */
void job_commit(struct job *j, struct db_batch *batch);
/** job_bad_answer - for outcomes that mean the same for every step. Ends the
 * job. */
void job_bad_answer(struct job *j, const struct cf_answer *a);
/** job_set_absent - batch statement: no live input is known of
 * @gone: surely none of the room (any more); NULL: no news of any */
void job_set_absent(struct job *j, struct db_batch *batch, const char *gone);

/** job_queue - batch statement: an entry without an envelope */
void job_queue(struct job *j, struct db_batch *batch, const char *kind,
	       uint64_t epoch, uint8_t code);
/** job_seal - batch statements: the envelope of @in's credentials to the
 * outbox and their hash to the live input's row; where they cannot be sealed
 * for this host, fail(4) with a log line
 *
 * Return: false, nothing added and @err set, when @in lacks what the room
 * needs: half an answer. */
bool job_seal(struct job *j, struct db_batch *batch, struct cf_input *in,
	      struct err *err) MUST_CHECK;
/* What the provider said of an input. */
struct job_input {
	const char *uid;
	bool enabled;
	uint32_t recording_days;
};
/** job_adopted - batch statement: @in is the room's live input */
void job_adopted(struct job *j, struct db_batch *batch,
		 const struct job_input *in, uint64_t rotated_epoch);

/* The steps. */
void job_create(struct job *j);
void job_adopt(struct job *j);
void job_adopt_list(struct job *j);
void job_adopt_chain(struct job *j);
void job_reanchor(struct job *j);
void job_rotate(struct job *j);
void job_read_and_seal(struct job *j);
void job_verify_hash(struct job *j);
void job_settle(struct job *j);
void job_enable(struct job *j);
void job_disable(struct job *j);
/** job_days_may - whether there are calls to spare for that now */
bool job_days_may(const struct job *j);
void job_set_days(struct job *j);
void job_collect(struct job *j);
void job_delete(struct job *j);
void job_close(struct job *j);
void job_end_room(struct job *j);

/** job_owns - whether this answer is about our room's input (meta) */
bool job_owns(const struct job *j, const struct cf_input *in);

#endif
