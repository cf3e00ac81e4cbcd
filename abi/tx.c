/*
 * Encoding, signing and sender recovery of transactions of every type. Pure:
 * keys are only passed through. Decoding is in tx_decode.c.
 */
#include "abi/tx.h"

#include <stdlib.h>

#include "abi/keccak.h"
#include "abi/rlp.h"
#include "abi/secp.h"
#include "abi/u256.h"

static void add_to(struct buf *b, const struct tx *tx)
{
	rlp_add_bytes(b, tx->to.b, tx->has_to ? sizeof(tx->to.b) : 0);
}

static void add_access(struct buf *b, const struct tx *tx)
{
	size_t list = rlp_list_begin(b);

	for (size_t i = 0; i < tx->access_count; i++) {
		const struct tx_access *e = &tx->access[i];
		size_t entry = rlp_list_begin(b), keys;

		rlp_add_bytes(b, e->address.b, sizeof(e->address.b));
		keys = rlp_list_begin(b);
		for (size_t k = 0; k < e->key_count; k++)
			rlp_add_bytes(b, e->keys[k].b, sizeof(e->keys[k].b));
		rlp_list_end(b, keys);
		rlp_list_end(b, entry);
	}
	rlp_list_end(b, list);
}

static void add_blobs(struct buf *b, const struct tx *tx)
{
	size_t list;

	rlp_add_u256(b, &tx->max_blob_fee);
	list = rlp_list_begin(b);
	for (size_t i = 0; i < tx->blob_count; i++)
		rlp_add_bytes(b, tx->blob_hashes[i].b, 32);
	rlp_list_end(b, list);
}

static void add_authorizations(struct buf *b, const struct tx *tx)
{
	size_t list = rlp_list_begin(b);

	for (size_t i = 0; i < tx->authorization_count; i++) {
		const struct tx_authorization *a = &tx->authorizations[i];
		size_t entry = rlp_list_begin(b);

		rlp_add_u256(b, &a->chain_id);
		rlp_add_bytes(b, a->address.b, sizeof(a->address.b));
		rlp_add_u256(b, &a->nonce);
		rlp_add_u64(b, a->sig.y_parity);
		rlp_add_u256(b, &a->sig.r);
		rlp_add_u256(b, &a->sig.s);
		rlp_list_end(b, entry);
	}
	rlp_list_end(b, list);
}

/* EIP-155: v = chain id * 2 + 35 + parity; before: 27 + parity */
static struct u256 legacy_v(const struct tx *tx)
{
	struct u256 v = u256_from_u64(27u + tx->sig.y_parity), twice;

	if (!tx->has_chain_id)
		return v;
	twice = u256_shl(&tx->chain_id, 1);
	v = u256_from_u64(35u + tx->sig.y_parity);
	return u256_add(&v, &twice, NULL);
}

static void encode_legacy(struct buf *b, const struct tx *tx, bool sig)
{
	rlp_add_u256(b, &tx->nonce);
	rlp_add_u256(b, &tx->gas_price);
	rlp_add_u256(b, &tx->gas);
	add_to(b, tx);
	rlp_add_u256(b, &tx->value);
	rlp_add_bytes(b, tx->data, tx->data_len);
	if (sig) {
		struct u256 v = legacy_v(tx);

		rlp_add_u256(b, &v);
		rlp_add_u256(b, &tx->sig.r);
		rlp_add_u256(b, &tx->sig.s);
	} else if (tx->has_chain_id) {
		rlp_add_u256(b, &tx->chain_id);
		rlp_add_u64(b, 0);
		rlp_add_u64(b, 0);
	}
}

static void encode_typed(struct buf *b, const struct tx *tx, bool sig)
{
	rlp_add_u256(b, &tx->chain_id);
	rlp_add_u256(b, &tx->nonce);
	if (tx->type == TX_ACCESS_LIST) {
		rlp_add_u256(b, &tx->gas_price);
	} else {
		rlp_add_u256(b, &tx->max_priority);
		rlp_add_u256(b, &tx->max_fee);
	}
	rlp_add_u256(b, &tx->gas);
	add_to(b, tx);
	rlp_add_u256(b, &tx->value);
	rlp_add_bytes(b, tx->data, tx->data_len);
	add_access(b, tx);
	if (tx->type == TX_BLOB)
		add_blobs(b, tx);
	if (tx->type == TX_SET_CODE)
		add_authorizations(b, tx);
	if (sig) {
		rlp_add_u64(b, tx->sig.y_parity);
		rlp_add_u256(b, &tx->sig.r);
		rlp_add_u256(b, &tx->sig.s);
	}
}

static void encode(struct buf *out, const struct tx *tx, bool sig)
{
	size_t mark;

	if (tx->type != TX_LEGACY)
		buf_add_byte(out, (uint8_t)tx->type);
	mark = rlp_list_begin(out);
	if (tx->type == TX_LEGACY)
		encode_legacy(out, tx, sig);
	else
		encode_typed(out, tx, sig);
	rlp_list_end(out, mark);
}

void tx_encode(struct buf *out, const struct tx *tx)
{
	encode(out, tx, tx->is_signed);
}

struct hash32 tx_signing_hash(const struct tx *tx)
{
	struct hash32 h;
	AUTO_BUF b = BUF_NULL;

	/* Lists repeat at most TX_LISTS_MAX each: bounded by the decoder or
	 * by whoever made the transaction. */
	buf_init(&b, SIZE_MAX / 2);
	encode(&b, tx, false);
	h = keccak256(b.data, b.len);
	return h;
}

enum status tx_sign(struct buf *out, struct hash32 *hash, const struct tx *tx,
		    const uint8_t key32[32], struct err *err)
{
	struct tx copy = *tx;
	struct secp_signature sig;
	struct hash32 digest;
	size_t at = out->len;
	enum status st;

	if (tx->type >= TX_DYNAMIC_FEE &&
	    u256_cmp(&tx->max_priority, &tx->max_fee) > 0)
		return err_set(err, ST_REJECTED,
			       "tx: maxPriorityFeePerGas above maxFeePerGas");
	digest = tx_signing_hash(tx);
	st = secp_sign(&sig, &digest, key32, err);
	if (st != ST_OK)
		return st;
	copy.is_signed = true;
	copy.sig.y_parity = sig.y_parity;
	copy.sig.r = u256_from_be(sig.r, 32);
	copy.sig.s = u256_from_be(sig.s, 32);
	tx_encode(out, &copy);
	st = buf_check(out, "signed transaction", err);
	if (st == ST_OK && hash)
		*hash = keccak256(out->data + at, out->len - at);
	return st;
}

enum status tx_sender(struct address *out, const struct tx *tx, struct err *err)
{
	/* half of the group's order; a higher s is refused since EIP-2 */
	static const struct u256 half = {
		{ 0xdfe92f46681b20a0, 0x5d576e7357a4501d, 0xffffffffffffffff,
		  0x7fffffffffffffff }
	};
	struct secp_signature sig;
	struct hash32 digest;

	if (!tx->is_signed)
		return err_set(err, ST_REJECTED, "tx: not signed");
	if (u256_cmp(&tx->sig.s, &half) > 0)
		return err_set(err, ST_REJECTED,
			       "tx: s above half the order (EIP-2)");
	sig.y_parity = tx->sig.y_parity;
	u256_to_be(sig.r, &tx->sig.r);
	u256_to_be(sig.s, &tx->sig.s);
	digest = tx_signing_hash(tx);
	return secp_recover(out, &digest, &sig, err);
}
