#ifndef CX_BRIDGE_RECONCILE_H
#define CX_BRIDGE_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/credentials.h"

/* What the chain says of a room, by the events up to the horizon. */
enum wanted_state {
	WANTED_OPEN = 1,
	WANTED_FAILED,
	WANTED_ENDED,
	WANTED_VANISHED, /* another canonical block at its creation height */
	WANTED_UNKNOWN,  /* no creation up to the horizon, nothing in its place:
			    being indexed again; leave everything alone */
};

/* What the chain says of one of its restream targets. */
enum output_wanted {
	OUTPUT_WANTED_ON = 1,
	OUTPUT_WANTED_OFF,
	OUTPUT_WANTED_GONE,    /* removed, vanished, or another's place now */
	OUTPUT_WANTED_UNKNOWN, /* being indexed again: leave it alone */
};

struct wanted_output {
	uint32_t id; /* 0: the question is about the room itself */
	enum output_wanted state;
	uint8_t fault; /* enum target_fault: why it cannot be made */
};

struct wanted {
	enum wanted_state state;
	bool stopping; /* ended or failed at one confirmation */
	uint64_t epoch;
	uint8_t key_fault; /* enum seal_key_fault: the failure's code */
	bool refused;      /* by the operator's policy, were it new */
	bool denied;       /* its host is, also what was accepted before */
	/* The newest RoomProvisioned, by what is indexed. */
	uint64_t provisioned_epoch; /* 0: none */
	bool provisioned_ours;      /* it names the uid of our live input */
	uint8_t provisioned_hash[CREDENTIAL_HASH_SIZE];
	uint32_t recording_days; /* as the provider takes them; 0: for ever */
	bool own_days;           /* they are the host's, not the operator's */
	struct wanted_output output;
};

/* What the database says that there is. */
enum input_state {
	INPUT_NONE = 0, /* no row */
	INPUT_ABSENT,   /* a row, and surely no live input */
	INPUT_CREATE_PENDING,
	INPUT_LIVE,
	INPUT_DISABLED,
	INPUT_DELETED,
};

/* The same of an output of that live input. */
enum output_state {
	OUTPUT_NEW = 0, /* the provider may have one that we do not know */
	OUTPUT_ABSENT,  /* surely none */
	OUTPUT_CREATE_PENDING,
	OUTPUT_LIVE,
	OUTPUT_REFUSED,
	OUTPUT_DELETED,
};

struct actual_output {
	enum output_state state;
	bool recorded; /* it has a row, whatever that says */
	bool anchored; /* by the event that is canonical */
	bool enabled;  /* of LIVE */
	bool doubt;    /* LIVE: another may have been made by a lost call */
	uint8_t code;  /* of REFUSED: enum target_fault */
	uint8_t told;  /* what the chain has of it: such a code, 0: nothing */
	bool telling;  /* the chain is about to be told, or not fully read */
};

struct actual {
	enum input_state state;
	bool anchored;   /* acted on the creation event that is canonical */
	bool listed;     /* NONE, ABSENT: the list shows one not known gone */
	bool chain_gone; /* what the chain names is surely not the room's */
	bool give_up;    /* CREATE_PENDING: longer than an answer and a stale
			    list can take */
	uint64_t rotated_epoch; /* credentials were made for this epoch */
	bool has_hash;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	uint64_t provisioned_epoch; /* recorded as seen on chain */
	bool recordings_kept;
	uint32_t recording_days; /* that the provider has */
	bool days_unknown;       /* it was told others, and did not answer */
	bool days_wait; /* telling it failed, and is tried again later */
	bool sealed;  /* the outbox has this epoch's envelope for this input */
	bool busy_tx; /* it has another, already in a transaction */
	bool reissue_queued; /* for this epoch */
	bool fail_queued;
	bool end_queued;
	struct actual_output output;
};

enum step_kind {
	STEP_NONE = 0,
	STEP_FAIL,          /* queue fail(code) */
	STEP_CREATE,        /* commit the intention, POST */
	STEP_ADOPT,         /* take the listed input as this room's */
	STEP_ADOPT_LIST,    /* list, match; none and give_up: state absent */
	STEP_ADOPT_CHAIN,   /* GET the input named on chain: adopt, or note that
			       it is gone; one of ours stays and is reissued */
	STEP_REANCHOR,      /* record the canonical creation event */
	STEP_ROTATE,        /* new credentials for a new epoch */
	STEP_READ_AND_SEAL, /* GET, seal, queue provision */
	STEP_VERIFY_HASH,   /* GET, compare with the chain; reissue if not */
	STEP_SETTLE,        /* record that the chain has it */
	STEP_REISSUE,       /* queue reissue(code) */
	STEP_ENABLE,        /* a stop that was reorged away */
	STEP_DISABLE,
	STEP_SET_DAYS,           /* that recordings stay, from now on */
	STEP_COLLECT_RECORDINGS, /* note their uids; delete them if unwanted */
	STEP_DELETE,
	STEP_CLOSE, /* ended and nothing exists: record it */
	STEP_END,   /* queue endRooms */
	/* The same for one output of a room that is open and live. */
	STEP_OUTPUT_REANCHOR,
	STEP_OUTPUT_REFUSE, /* record why not: enum target_fault */
	STEP_OUTPUT_CREATE, /* commit the intention, POST */
	STEP_OUTPUT_MATCH,  /* list, adopt what is ours, delete its doubles */
	STEP_OUTPUT_ENABLE,
	STEP_OUTPUT_DISABLE,
	STEP_OUTPUT_DELETE,
	STEP_OUTPUT_CLOSE, /* removed and nothing exists: record it */
	STEP_OUTPUT_TELL,  /* tell the chain why not; 0: served after all */
};

struct step {
	enum step_kind kind;
	uint8_t code; /* of FAIL, REISSUE, OUTPUT_REFUSE, OUTPUT_TELL */
};

/* Codes of the contract. */
enum {
	FAIL_KEY_MALFORMED = 1,
	FAIL_KEY_OFF_CURVE = 2,
	FAIL_POLICY = 3,
	FAIL_PROVIDER = 4,
	FAIL_QUOTA = 5,
	FAIL_UNDECODABLE = 6
};
enum { REISSUE_LOST = 1, REISSUE_CHANGED = 2, REISSUE_REPLACED = 3 };

/** reconcile_next - the next step for one room, or for that of its outputs
 * which @w->output.id names: no I/O, no clock, total */
struct step reconcile_next(const struct wanted *w, const struct actual *a);

/** step_name - "create", "rotate", … */
const char *step_name(enum step_kind kind);
/** step_stops - the step stops or deletes: it comes before creations */
bool step_stops(enum step_kind kind);
/** step_opens - afterwards the room has a live input that is enabled */
bool step_opens(enum step_kind kind);

#endif
