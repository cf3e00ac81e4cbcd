#ifndef CX_BRIDGE_CREDENTIALS_H
#define CX_BRIDGE_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* How a host sends: numbers of the contract, never renumber. */
enum ingest { INGEST_RTMPS = 0, INGEST_SRT = 1, INGEST_WEBRTC = 2 };

/*
 * What a host needs to broadcast: secret, in memory only, wiped after use.
 * Empty strings are absent members.
 */
struct credentials {
	char rtmps_url[256], rtmps_key[512];
	char srt_url[256], srt_id[512], srt_pass[512];
	char whip[1024];
};

void credentials_wipe(struct credentials *c);
#define AUTO_CREDENTIALS                                                       \
	__attribute__((cleanup(credentials_wipe))) struct credentials

#define CREDENTIAL_HASH_SIZE 8

/** credentials_only - clear every member that @ingest does not use.
 * ST_REJECTED naming the member when one that it does use is empty. */
enum status credentials_only(struct credentials *c, enum ingest ingest,
			     struct err *err) MUST_CHECK;

/** credentials_hash - first 8 bytes of SHA-256 over the members, each with a
 * zero byte after it (abi/SEALING.md); call credentials_only() first */
void credentials_hash(uint8_t out[static CREDENTIAL_HASH_SIZE],
		      const struct credentials *c);

/** Whose credentials these are: goes into the plaintext. */
struct credential_scope {
	uint64_t chain_id;
	const uint8_t *contract20;
	const char *room; /* decimal */
	uint64_t epoch;
};

/** credentials_plaintext - the JSON of abi/SEALING.md, padded with spaces to
 * a multiple of 64 bytes, appended to the empty @out; a secret */
void credentials_plaintext(struct buf *out, const struct credentials *c,
			   const struct credential_scope *scope);

#endif
