#ifndef CX_ABI_TX_H
#define CX_ABI_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * Transactions of every type: legacy (EIP-155 and before), EIP-2930, EIP-1559,
 * EIP-4844 (without its blobs) and EIP-7702.
 */
enum tx_type {
	TX_LEGACY = 0, /* the wire's own numbers */
	TX_ACCESS_LIST = 1,
	TX_DYNAMIC_FEE = 2,
	TX_BLOB = 3,
	TX_SET_CODE = 4,
};

/* enough arena for the lists of any transaction within TX_SIZE_MAX */
#define TX_ARENA_MAX (16u << 20)
#define TX_SIZE_MAX  (1u << 20) /* bytes of one signed transaction */
#define TX_LISTS_MAX                                                           \
	4096 /* access entries, keys of one, blobs, authorizations */

struct tx_access {
	struct address address;
	const struct hash32 *keys;
	size_t key_count;
};

struct tx_signature {
	uint8_t y_parity;
	struct u256 r, s;
};

struct tx_authorization { /* EIP-7702 */
	struct u256 chain_id;
	struct address address;
	struct u256 nonce;
	struct tx_signature sig;
};

/* Pointers lead into the arena or bytes that the maker names. */
struct tx {
	enum tx_type type;
	bool has_chain_id; /* false: legacy from before EIP-155 */
	struct u256 chain_id;
	struct u256 nonce; /* below 2^64 on every real chain */
	bool has_to;       /* false: creates a contract */
	struct address to;
	struct u256 value;
	struct u256 gas;
	struct u256 gas_price; /* legacy and EIP-2930 */
	struct u256 max_fee, max_priority;
	const uint8_t *data;
	size_t data_len;
	const struct tx_access *access;
	size_t access_count;
	struct u256 max_blob_fee;
	const struct hash32 *blob_hashes;
	size_t blob_count;
	const struct tx_authorization *authorizations;
	size_t authorization_count;
	bool is_signed;
	struct tx_signature sig;
};

/** tx_encode - append the bytes: signed where @tx is, else what is signed
 * over. @out is checked by the caller, with buf_check(). */
void tx_encode(struct buf *out, const struct tx *tx);

/** tx_signing_hash - keccak256 of the unsigned bytes */
struct hash32 tx_signing_hash(const struct tx *tx);

/**
 * tx_sign - append the signed bytes of @tx
 * @key32: secret key
 * @hash: the transaction's hash; may be NULL
 *
 * Return: ST_OK; ST_REJECTED: no valid key, the priority fee above the fee
 * (EIP-1559), or over @out's maximum.
 */
enum status tx_sign(struct buf *out, struct hash32 *hash, const struct tx *tx,
		    const uint8_t key32[32], struct err *err) MUST_CHECK;

/**
 * tx_decode - parse signed or unsigned bytes
 * @out: filled only on ST_OK; its lists live in @a, its data in @p
 * @a: arena for lists
 *
 * Return: ST_OK; ST_REJECTED: unknown type, not canonical RLP, a field out
 * of range, something left over.
 */
enum status tx_decode(struct tx *out, struct arena *a, const uint8_t *p,
		      size_t n, struct err *err) MUST_CHECK;

/** tx_sender - recover who signed; ST_REJECTED: unsigned, s above half the
 * order (EIP-2), or no such point */
enum status tx_sender(struct address *out, const struct tx *tx,
		      struct err *err) MUST_CHECK;

#endif
