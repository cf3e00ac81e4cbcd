#ifndef CX_ABI_SECP_H
#define CX_ABI_SECP_H

#include <stdint.h>

#include "abi/types.h"
#include "core/err.h"

struct secp_signature {
	uint8_t r[32], s[32];
	uint8_t y_parity; /* 0 or 1 */
};

/** secp_check_key - ST_REJECTED unless 0 < key < order */
enum status secp_check_key(const uint8_t key32[32], struct err *err) MUST_CHECK;

/** secp_new_key - a fresh random key; wipe it after use */
enum status secp_new_key(uint8_t key32[32], struct err *err) MUST_CHECK;

/** secp_public - uncompressed public key without its leading 0x04 */
enum status secp_public(uint8_t public64[64], const uint8_t key32[32],
			struct err *err) MUST_CHECK;

/** secp_address - Ethereum address of a secret key */
enum status secp_address(struct address *out, const uint8_t key32[32],
			 struct err *err) MUST_CHECK;

/** secp_sign - deterministic (RFC 6979), low s */
enum status secp_sign(struct secp_signature *out, const struct hash32 *msg,
		      const uint8_t key32[32], struct err *err) MUST_CHECK;

/** secp_recover - address of the signer; ST_REJECTED: no valid signature */
enum status secp_recover(struct address *out, const struct hash32 *msg,
			 const struct secp_signature *sig,
			 struct err *err) MUST_CHECK;

#endif
