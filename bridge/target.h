#ifndef CX_BRIDGE_TARGET_H
#define CX_BRIDGE_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * Where a host wants a room sent as well: opened from the envelope of
 * addOutput (abi/SEALING.md, "Restream targets"). Secret; in memory only.
 */
#define TARGET_URL_MAX  1000
#define TARGET_KEY_MAX  1000
#define TARGET_HOST_MAX 253

struct target {
	char url[TARGET_URL_MAX + 1], key[TARGET_KEY_MAX + 1];
	char host[TARGET_HOST_MAX + 1]; /* all of it that may be shown */
};
void target_wipe(struct target *t);
/** target_free - wipes first; accepts NULL */
void target_free(struct target *t);

/* Why an output is not made. Stored: never renumber. */
enum target_fault {
	TARGET_GOOD = 0,
	TARGET_MALFORMED = 1, /* does not open, or is not of that form */
	TARGET_NO_KEY = 2,    /* sealed to a key that the bridge has not */
	TARGET_POLICY = 3,    /* the operator allows no more of them */
	TARGET_PROVIDER = 4,  /* the provider will never take it */
	TARGET_FOREIGN = 5,   /* of another chain, contract, room or host */
	TARGET_SCHEME = 6,    /* not rtmp, rtmps or srt */
};
/** target_fault_text - one of them in words */
const char *target_fault_text(enum target_fault fault);

/* What the target must name: it was sealed for nothing else. */
struct target_scope {
	uint64_t chain_id;
	const uint8_t *contract20, *host20;
	const char *room; /* decimal */
};

/**
 * target_parse - the plaintext of an envelope, which anyone may have written
 * @out: set only on TARGET_GOOD; wipe it
 *
 * Of its own scope first: what was copied from another room says nothing else.
 */
enum target_fault target_parse(struct target *out, const char *text, size_t len,
			       const struct target_scope *scope);

/* The bridge's unsealing keys, by the id that the contract gives them. */
struct unseal;

/** unseal_open - read the key files that the config names; none: every target
 * is TARGET_NO_KEY. ST_REJECTED as keyfile_read_raw(). */
enum status unseal_open(struct unseal **out, const struct config *cfg,
			struct err *err) MUST_CHECK;
void unseal_close(struct unseal *u);
DEFINE_AUTO(unseal, unseal_close)

/* The key that the contract announces, and ours. */
enum unseal_match {
	UNSEAL_UNSET = 0, /* it announces none */
	UNSEAL_HAVE,
	UNSEAL_UNKNOWN, /* none of ours has its id */
	UNSEAL_DIFFERS, /* the one of its id is another */
};
/** unseal_match - @id 0: none; @key: suite byte and public key */
enum unseal_match unseal_match(const struct unseal *u, uint16_t id,
			       const uint8_t *key, size_t len);

/**
 * unseal_target - open what stands in OutputAdded: key id, suite, envelope
 * @out: set only on TARGET_GOOD; wipe it
 */
enum target_fault unseal_target(struct target *out, const struct unseal *u,
				const uint8_t *sealed, size_t len,
				const struct target_scope *scope);

#endif
