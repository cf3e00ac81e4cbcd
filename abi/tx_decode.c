/*
 * Decoding of transactions, from bytes that anyone may have written. Accepts
 * only what encodes to the same bytes again.
 */
#include "abi/rlp.h"
#include "abi/tx.h"
#include "abi/u256.h"

static enum status count_items(struct rlp list, size_t *n, struct err *err)
{
	struct rlp_item item;
	enum status st;

	*n = 0;
	while (rlp_more(&list)) {
		st = rlp_next(&list, &item, err);
		if (st != ST_OK)
			return st;
		if (++*n > TX_LISTS_MAX)
			return err_set(err, ST_REJECTED,
				       "tx: a list is longer than %d",
				       TX_LISTS_MAX);
	}
	return ST_OK;
}

static enum status hashes(const struct hash32 **out, size_t *count,
			  struct rlp *r, struct arena *a, struct err *err)
{
	struct hash32 *list;
	struct rlp inner;
	enum status st;

	st = rlp_enter(r, &inner, err);
	if (st == ST_OK)
		st = count_items(inner, count, err);
	if (st != ST_OK)
		return st;
	list = arena_array(a, *count, sizeof(*list));
	for (size_t i = 0; i < *count && st == ST_OK; i++)
		st = rlp_fixed(&inner, list[i].b, 32, err);
	*out = list;
	return st;
}

static enum status parity(struct rlp *r, uint8_t *out, uint64_t max,
			  struct err *err)
{
	uint64_t v;
	enum status st = rlp_u64(r, &v, err);

	if (st != ST_OK)
		return st;
	if (v > max)
		return err_set(err, ST_REJECTED, "tx: y parity out of range");
	*out = (uint8_t)v;
	return ST_OK;
}

static enum status access_entry(struct tx_access *out, struct rlp *list,
				struct arena *a, struct err *err)
{
	struct rlp r;
	enum status st = rlp_enter(list, &r, err);

	if (st == ST_OK)
		st = rlp_fixed(&r, out->address.b, 20, err);
	if (st == ST_OK)
		st = hashes(&out->keys, &out->key_count, &r, a, err);
	return st == ST_OK ? rlp_end(&r, "tx: access entry", err) : st;
}

static enum status access_list(struct tx *tx, struct rlp *r, struct arena *a,
			       struct err *err)
{
	struct tx_access *list;
	struct rlp inner;
	enum status st = rlp_enter(r, &inner, err);

	if (st == ST_OK)
		st = count_items(inner, &tx->access_count, err);
	if (st != ST_OK)
		return st;
	list = arena_array(a, tx->access_count, sizeof(*list));
	for (size_t i = 0; i < tx->access_count && st == ST_OK; i++)
		st = access_entry(&list[i], &inner, a, err);
	tx->access = list;
	return st;
}

static enum status authorization(struct tx_authorization *out, struct rlp *list,
				 struct err *err)
{
	struct rlp r;
	enum status st = rlp_enter(list, &r, err);

	if (st == ST_OK)
		st = rlp_u256(&r, &out->chain_id, err);
	if (st == ST_OK)
		st = rlp_fixed(&r, out->address.b, 20, err);
	if (st == ST_OK)
		st = rlp_u256(&r, &out->nonce, err);
	if (st == ST_OK)
		st = parity(&r, &out->sig.y_parity, 255, err);
	if (st == ST_OK)
		st = rlp_u256(&r, &out->sig.r, err);
	if (st == ST_OK)
		st = rlp_u256(&r, &out->sig.s, err);
	return st == ST_OK ? rlp_end(&r, "tx: authorization", err) : st;
}

static enum status authorizations(struct tx *tx, struct rlp *r, struct arena *a,
				  struct err *err)
{
	struct tx_authorization *list;
	struct rlp inner;
	enum status st = rlp_enter(r, &inner, err);

	if (st == ST_OK)
		st = count_items(inner, &tx->authorization_count, err);
	if (st != ST_OK)
		return st;
	list = arena_array(a, tx->authorization_count, sizeof(*list));
	for (size_t i = 0; i < tx->authorization_count && st == ST_OK; i++)
		st = authorization(&list[i], &inner, err);
	tx->authorizations = list;
	return st;
}

static enum status to_value_data(struct tx *tx, struct rlp *r, struct err *err)
{
	const uint8_t *p;
	size_t n;
	enum status st = rlp_bytes(r, &p, &n, err);

	if (st != ST_OK)
		return st;
	if (n != 0 && n != 20)
		return err_set(err, ST_REJECTED,
			       "tx: to is %zu bytes, not 0 or 20", n);
	tx->has_to = n == 20;
	if (tx->has_to)
		memcpy(tx->to.b, p, 20);
	else if (tx->type >= TX_BLOB)
		return err_set(err, ST_REJECTED,
			       "tx: this type cannot create a contract");
	st = rlp_u256(r, &tx->value, err);
	return st == ST_OK ? rlp_bytes(r, &tx->data, &tx->data_len, err) : st;
}

static enum status rs(struct tx *tx, struct rlp *r, struct err *err)
{
	enum status st = rlp_u256(r, &tx->sig.r, err);

	tx->is_signed = true;
	return st == ST_OK ? rlp_u256(r, &tx->sig.s, err) : st;
}

/* v of a legacy transaction; unsigned EIP-155 bytes hold the chain id there */
static enum status legacy_tail(struct tx *tx, struct rlp *r, struct err *err)
{
	static const struct u256 c27 = { { 27 } }, c28 = { { 28 } },
				 c35 = { { 35 } };
	struct u256 v;
	enum status st = rlp_u256(r, &v, err);

	if (st == ST_OK)
		st = rs(tx, r, err);
	if (st != ST_OK)
		return st;
	if (u256_is_zero(&tx->sig.r) && u256_is_zero(&tx->sig.s)) {
		tx->is_signed = false;
		tx->has_chain_id = true;
		tx->chain_id = v;
		return ST_OK;
	}
	if (u256_cmp(&v, &c27) == 0 || u256_cmp(&v, &c28) == 0) {
		tx->sig.y_parity = v.w[0] == 28;
		return ST_OK;
	}
	if (u256_cmp(&v, &c35) < 0)
		return err_set(err, ST_REJECTED, "tx: v out of range");
	v = u256_sub(&v, &c35, NULL);
	tx->has_chain_id = true;
	tx->sig.y_parity = v.w[0] & 1;
	tx->chain_id = u256_shr(&v, 1);
	return ST_OK;
}

static enum status decode_legacy(struct tx *tx, struct rlp *r, struct err *err)
{
	enum status st = rlp_u256(r, &tx->nonce, err);

	if (st == ST_OK)
		st = rlp_u256(r, &tx->gas_price, err);
	if (st == ST_OK)
		st = rlp_u256(r, &tx->gas, err);
	if (st == ST_OK)
		st = to_value_data(tx, r, err);
	if (st == ST_OK && rlp_more(r))
		st = legacy_tail(tx, r, err);
	return st;
}

static enum status typed_fees(struct tx *tx, struct rlp *r, struct err *err)
{
	enum status st = rlp_u256(r, &tx->chain_id, err);

	tx->has_chain_id = true;
	if (st == ST_OK)
		st = rlp_u256(r, &tx->nonce, err);
	if (st != ST_OK)
		return st;
	if (tx->type == TX_ACCESS_LIST)
		return rlp_u256(r, &tx->gas_price, err);
	st = rlp_u256(r, &tx->max_priority, err);
	return st == ST_OK ? rlp_u256(r, &tx->max_fee, err) : st;
}

static enum status decode_typed(struct tx *tx, struct rlp *r, struct arena *a,
				struct err *err)
{
	enum status st = typed_fees(tx, r, err);

	if (st == ST_OK)
		st = rlp_u256(r, &tx->gas, err);
	if (st == ST_OK)
		st = to_value_data(tx, r, err);
	if (st == ST_OK)
		st = access_list(tx, r, a, err);
	if (st == ST_OK && tx->type == TX_BLOB)
		st = rlp_u256(r, &tx->max_blob_fee, err);
	if (st == ST_OK && tx->type == TX_BLOB)
		st = hashes(&tx->blob_hashes, &tx->blob_count, r, a, err);
	if (st == ST_OK && tx->type == TX_SET_CODE)
		st = authorizations(tx, r, a, err);
	if (st != ST_OK || !rlp_more(r))
		return st;
	st = parity(r, &tx->sig.y_parity, 1, err);
	return st == ST_OK ? rs(tx, r, err) : st;
}

enum status tx_decode(struct tx *out, struct arena *a, const uint8_t *p,
		      size_t n, struct err *err)
{
	struct tx tx = { .type = TX_LEGACY };
	struct rlp outer, r;
	enum status st;

	if (n == 0 || n > TX_SIZE_MAX)
		return err_set(err, ST_REJECTED, "tx: %zu bytes", n);
	if (p[0] < 0x80) {
		if (p[0] < TX_ACCESS_LIST || p[0] > TX_SET_CODE)
			return err_set(err, ST_REJECTED, "tx: unknown type %u",
				       p[0]);
		tx.type = (enum tx_type)p[0];
		p++;
		n--;
	}
	rlp_init(&outer, p, n);
	st = rlp_enter(&outer, &r, err);
	if (st == ST_OK)
		st = rlp_end(&outer, "tx", err);
	if (st == ST_OK)
		st = tx.type == TX_LEGACY ? decode_legacy(&tx, &r, err)
					  : decode_typed(&tx, &r, a, err);
	if (st == ST_OK)
		st = rlp_end(&r, "tx", err);
	if (st == ST_OK)
		*out = tx;
	return st;
}
