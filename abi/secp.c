/*
 * secp256k1 as Ethereum uses it: keys to addresses, recoverable signatures,
 * recovery. One context for the process, randomised against side channels.
 * Keeps no key.
 */
#include "abi/secp.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "abi/keccak.h"

static enum status random_bytes(void *out, size_t n, struct err *err)
{
	if (getrandom(out, n, 0) != (ssize_t)n)
		return err_set(err, ST_FATAL, "no randomness from the system");
	return ST_OK;
}

static secp256k1_context *context(void)
{
	static secp256k1_context *ctx;
	uint8_t seed[32];

	if (ctx)
		return ctx;
	ctx = secp256k1_context_create(SECP256K1_CONTEXT_SIGN |
				       SECP256K1_CONTEXT_VERIFY);
	if (!ctx || random_bytes(seed, sizeof(seed), NULL) != ST_OK ||
	    !secp256k1_context_randomize(ctx, seed))
		abort();
	explicit_bzero(seed, sizeof(seed));
	return ctx;
}

enum status secp_check_key(const uint8_t key32[32], struct err *err)
{
	if (!secp256k1_ec_seckey_verify(context(), key32))
		return err_set(err, ST_REJECTED,
			       "key: not a valid secp256k1 secret key");
	return ST_OK;
}

enum status secp_new_key(uint8_t key32[32], struct err *err)
{
	enum status st;

	do {
		st = random_bytes(key32, 32, err);
		if (st != ST_OK)
			return st;
	} while (!secp256k1_ec_seckey_verify(context(), key32));
	return ST_OK;
}

static void serialize(uint8_t public64[64], const secp256k1_pubkey *pub)
{
	uint8_t full[65];
	size_t n = sizeof(full);

	secp256k1_ec_pubkey_serialize(context(), full, &n, pub,
				      SECP256K1_EC_UNCOMPRESSED);
	memcpy(public64, full + 1, 64);
}

static void address_of(struct address *out, const secp256k1_pubkey *pub)
{
	uint8_t public64[64];
	struct hash32 h;

	serialize(public64, pub);
	h = keccak256(public64, sizeof(public64));
	memcpy(out->b, h.b + 12, sizeof(out->b));
}

enum status secp_public(uint8_t public64[64], const uint8_t key32[32],
			struct err *err)
{
	secp256k1_pubkey pub;

	if (!secp256k1_ec_pubkey_create(context(), &pub, key32))
		return err_set(err, ST_REJECTED,
			       "key: not a valid secp256k1 secret key");
	serialize(public64, &pub);
	return ST_OK;
}

enum status secp_address(struct address *out, const uint8_t key32[32],
			 struct err *err)
{
	secp256k1_pubkey pub;

	if (!secp256k1_ec_pubkey_create(context(), &pub, key32))
		return err_set(err, ST_REJECTED,
			       "key: not a valid secp256k1 secret key");
	address_of(out, &pub);
	return ST_OK;
}

enum status secp_sign(struct secp_signature *out, const struct hash32 *msg,
		      const uint8_t key32[32], struct err *err)
{
	secp256k1_ecdsa_recoverable_signature sig;
	uint8_t compact[64];
	int recid = 0;

	if (!secp256k1_ecdsa_sign_recoverable(context(), &sig, msg->b, key32,
					      NULL, NULL))
		return err_set(err, ST_REJECTED,
			       "key: not a valid secp256k1 secret key");
	secp256k1_ecdsa_recoverable_signature_serialize_compact(
	    context(), compact, &recid, &sig);
	memcpy(out->r, compact, 32);
	memcpy(out->s, compact + 32, 32);
	/* Bit 1 says that r wrapped around the order: such a signature
	 * cannot be written in a transaction. Its odds are 2^-127. */
	out->y_parity = (uint8_t)(recid & 1);
	if (recid > 1)
		return err_set(err, ST_FATAL, "signature: r beyond the order");
	return ST_OK;
}

enum status secp_recover(struct address *out, const struct hash32 *msg,
			 const struct secp_signature *sig, struct err *err)
{
	secp256k1_ecdsa_recoverable_signature parsed;
	uint8_t compact[64];
	secp256k1_pubkey pub;

	memcpy(compact, sig->r, 32);
	memcpy(compact + 32, sig->s, 32);
	if (sig->y_parity > 1 ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(
		context(), &parsed, compact, sig->y_parity) ||
	    !secp256k1_ecdsa_recover(context(), &pub, &parsed, msg->b))
		return err_set(err, ST_REJECTED, "signature: not valid");
	address_of(out, &pub);
	return ST_OK;
}
