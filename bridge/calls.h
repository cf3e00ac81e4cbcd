#ifndef CX_BRIDGE_CALLS_H
#define CX_BRIDGE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "bridge/fees.h"
#include "core/buf.h"

/* Calldata of the bridge's calls to the room contract. Pure. */
struct effect {
	int64_t id; /* of its row in bridge.outbox */
	enum effect_kind kind;
	bool solo; /* it must not share a transaction */
	struct u256 room;
	size_t holder;  /* which lane has the room unmined; SHARE_NONE: none */
	uint32_t epoch; /* the output's id of EFFECT_REFUSE_OUTPUT */
	uint16_t origin;
	uint8_t code;
	uint8_t uid[16]; /* live input, or video of EFFECT_RECORDING */
	uint8_t credential_hash[8];
	const uint8_t *envelope;
	size_t envelope_len;
};

/** calls_encode - append the call for @n effects of one kind; one only for
 * EFFECT_REISSUE, nothing for EFFECT_FILL */
void calls_encode(struct buf *out, const struct effect *e, size_t n);

/** calls_size - bytes that one effect adds to the calldata */
size_t calls_size(const struct effect *e);

/** calls_take - how many of the first of @n effects go into one transaction:
 * all of one kind, within count, bytes and gas; at least 1 where @n > 0 */
size_t calls_take(const struct effect *e, size_t n, size_t max, size_t bytes,
		  uint64_t gas);

/** calls_gas - gas limit for @n effects of one kind */
uint64_t calls_gas(const struct effect *e, size_t n);

/** calls_has_role - append hasRole(BRIDGE_ROLE, @who) */
void calls_has_role(struct buf *out, const struct address *who);

#endif
