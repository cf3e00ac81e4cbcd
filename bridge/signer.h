#ifndef CX_BRIDGE_SIGNER_H
#define CX_BRIDGE_SIGNER_H

#include "abi/tx.h"
#include "abi/types.h"
#include "config/config.h"
#include "core/err.h"
#include "core/mem.h"

/* One signing key of the bridge. It is kept out of swap where the system
 * permits it and never leaves signer.c; others get signatures and the address.
 */
struct signer;

/** signer_open - load the key that entry @at of the config's signers names
 * @out: set only on ST_OK; release with signer_close(), which wipes the key
 *
 * Return: ST_OK; ST_REJECTED: file missing, readable by others, wrong
 * password, no valid key. Blocks for the keystore's scrypt.
 */
enum status signer_open(struct signer **out, const struct config *cfg,
			size_t at, struct err *err) MUST_CHECK;
/** signer_new - from key bytes, which the caller wipes: for tests */
enum status signer_new(struct signer **out, const uint8_t key32[32],
		       struct err *err) MUST_CHECK;
void signer_close(struct signer *s);
DEFINE_AUTO(signer, signer_close)

/** signer_address - owned by @s */
const struct address *signer_address(const struct signer *s);

/** signer_sign_tx - sign an EIP-1559 transaction
 * @raw: the signed bytes are appended
 * @hash: of the signed bytes
 */
enum status signer_sign_tx(const struct signer *s, struct buf *raw,
			   struct hash32 *hash, const struct tx *tx,
			   struct err *err) MUST_CHECK;

#endif
