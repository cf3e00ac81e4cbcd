/*
 * Block headers: read out of a node's text, hashed as consensus hashes them.
 * Never decides whether a chain is canonical.
 */
#include "abi/header.h"

#include <stdlib.h>
#include <string.h>

#include "abi/fields.h"
#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/rlp.h"
#include "core/mem.h"

enum {
	EXTRA, /* read here */
	BLOOM,
	RECEIPTS_ROOT,
	HASH,
	PARENT_HASH,
	NUMBER,
	TIMESTAMP,
	OMMERS_HASH,
	MINER,
	STATE_ROOT,
	TRANSACTIONS_ROOT,
	DIFFICULTY,
	GAS_LIMIT,
	GAS_USED,
	MIX_HASH,
	NONCE,
	FORKS, /* in the order of enum header_fork_field */
	KNOWN = FORKS + HEADER_FORK_FIELDS,
};

#define HEX(name, member) FIELD_HEX(name, struct header, member)
#define U64(name, member) FIELD_U64(name, struct header, member, UINT64_MAX)

static const struct field table[] = {
	[EXTRA] = FIELD_OTHER("extraData"),
	[BLOOM] = HEX("logsBloom", bloom),
	[RECEIPTS_ROOT] = HEX("receiptsRoot", receipts_root),
	[HASH] = HEX("hash", hash),
	[PARENT_HASH] = HEX("parentHash", parent_hash),
	[NUMBER] =
	    FIELD_U64("number", struct header, number, HEADER_NUMBER_MAX),
	[TIMESTAMP] =
	    FIELD_U64("timestamp", struct header, timestamp, HEADER_TIME_MAX),
	[OMMERS_HASH] = HEX("sha3Uncles", ommers_hash),
	[MINER] = HEX("miner", beneficiary),
	[STATE_ROOT] = HEX("stateRoot", state_root),
	[TRANSACTIONS_ROOT] = HEX("transactionsRoot", transactions_root),
	[DIFFICULTY] = FIELD_U256("difficulty", struct header, difficulty),
	[GAS_LIMIT] = U64("gasLimit", gas_limit),
	[GAS_USED] = U64("gasUsed", gas_used),
	[MIX_HASH] = HEX("mixHash", mix_hash),
	[NONCE] = HEX("nonce", nonce),
	[FORKS + HEADER_BASE_FEE] =
	    FIELD_U256("baseFeePerGas", struct header, base_fee),
	[FORKS + HEADER_WITHDRAWALS] = HEX("withdrawalsRoot", withdrawals_root),
	[FORKS + HEADER_BLOB_GAS] = U64("blobGasUsed", blob_gas_used),
	[FORKS + HEADER_EXCESS_BLOB_GAS] =
	    U64("excessBlobGas", excess_blob_gas),
	[FORKS + HEADER_BEACON_ROOT] =
	    HEX("parentBeaconBlockRoot", beacon_root),
	[FORKS + HEADER_REQUESTS] = HEX("requestsHash", requests_hash),
	[KNOWN] = FIELD_SKIP("size"),
	FIELD_SKIP("totalDifficulty"),
	FIELD_SKIP("transactions"),
	FIELD_SKIP("uncles"),
	FIELD_SKIP("withdrawals"),
	FIELD_SKIP("author"),     /* some nodes: the miner again */
	FIELD_SKIP("sealFields"), /* some nodes: mixHash and nonce again */
};

#define BIT(i)    ((uint64_t)1 << (i))
#define MUST_HAVE (BIT(HASH) | BIT(PARENT_HASH) | BIT(NUMBER) | BIT(TIMESTAMP))
#define HASHED    ((BIT(FORKS) - 1) & ~BIT(HASH)) /* since the first block */

static void read_extra(struct reader *r, struct text *out)
{
	struct text t;

	if (reader_string(r, "extraData", &t) && !hex_check_text(out, t))
		reader_fail(r, "extraData", "is malformed");
}

enum status header_read(struct header *out, struct text block, struct err *err)
{
	struct header h = { 0 };
	struct reader r;
	struct fields f;
	uint64_t forks;
	enum status st;

	reader_init(&r, block);
	if (scan_null(&r.s))
		return err_set(err, ST_AGAIN, "the node has no such block");
	f = fields_open(&r, table, ARRAY_SIZE(table), &h);
	while (fields_next(&r, &f) == EXTRA)
		read_extra(&r, &h.extra);
	fields_need(&r, &f, MUST_HAVE);
	st = reader_end(&r, "block", err);
	if (st != ST_OK)
		return st;
	forks = f.seen >> FORKS & (BIT(HEADER_FORK_FIELDS) - 1);
	while (forks >> h.fork_fields & 1)
		h.fork_fields++;
	h.has_bloom = f.seen >> BLOOM & 1;
	h.has_receipts_root = f.seen >> RECEIPTS_ROOT & 1;
	h.incomplete =
	    (f.seen & HASHED) != HASHED || forks >> h.fork_fields != 0;
	h.unknown_fields = f.unknown;
	*out = h;
	return ST_OK;
}

static uint8_t *put_fork_field(uint8_t *p, const struct header *h,
			       enum header_fork_field field)
{
	switch (field) {
	case HEADER_BASE_FEE:
		return rlp_put_u256(p, &h->base_fee);
	case HEADER_WITHDRAWALS:
		return rlp_put_bytes(p, h->withdrawals_root.b, 32);
	case HEADER_BLOB_GAS:
		return rlp_put_u64(p, h->blob_gas_used);
	case HEADER_EXCESS_BLOB_GAS:
		return rlp_put_u64(p, h->excess_blob_gas);
	case HEADER_BEACON_ROOT:
		return rlp_put_bytes(p, h->beacon_root.b, 32);
	case HEADER_REQUESTS:
		return rlp_put_bytes(p, h->requests_hash.b, 32);
	case HEADER_FORK_FIELDS:
		break;
	}
	abort();
}

/* The fields before extraData, at most 610 bytes. */
static uint8_t *put_front(uint8_t *p, const struct header *h)
{
	p = rlp_put_bytes(p, h->parent_hash.b, 32);
	p = rlp_put_bytes(p, h->ommers_hash.b, 32);
	p = rlp_put_bytes(p, h->beneficiary.b, 20);
	p = rlp_put_bytes(p, h->state_root.b, 32);
	p = rlp_put_bytes(p, h->transactions_root.b, 32);
	p = rlp_put_bytes(p, h->receipts_root.b, 32);
	p = rlp_put_bytes(p, h->bloom, BLOOM_BYTES);
	p = rlp_put_u256(p, &h->difficulty);
	p = rlp_put_u64(p, h->number);
	p = rlp_put_u64(p, h->gas_limit);
	p = rlp_put_u64(p, h->gas_used);
	return rlp_put_u64(p, h->timestamp);
}

/* Those after it, at most 250. */
static uint8_t *put_back(uint8_t *p, const struct header *h)
{
	p = rlp_put_bytes(p, h->mix_hash.b, 32);
	p = rlp_put_bytes(p, h->nonce, 8);
	for (unsigned i = 0; i < h->fork_fields; i++)
		p = put_fork_field(p, h, (enum header_fork_field)i);
	return p;
}

/* Digits were checked when they were read. */
static void hash_extra(struct keccak256 *k, struct text extra)
{
	uint8_t bytes[256];

	while (extra.n > 0) {
		size_t n =
		    extra.n / 2 < sizeof(bytes) ? extra.n / 2 : sizeof(bytes);

		if (!hex_decode_digits(bytes, n, extra.p))
			abort();
		keccak256_update(k, bytes, n);
		extra.p += 2 * n;
		extra.n -= 2 * n;
	}
}

struct hash32 header_hash(const struct header *h)
{
	uint8_t front[1024], back[512], head[9];
	size_t front_len, back_len;
	struct keccak256 k;
	struct hash32 out;
	uint8_t *p = put_front(front, h);
	size_t extra = h->extra.n / 2;

	/* a single byte below 0x80 is its own encoding */
	if (extra != 1 || h->extra.p[0] > '7')
		p += rlp_header(p, false, extra);
	front_len = (size_t)(p - front);
	back_len = (size_t)(put_back(back, h) - back);
	keccak256_init(&k);
	keccak256_update(&k, head,
			 rlp_header(head, true, front_len + extra + back_len));
	keccak256_update(&k, front, front_len);
	hash_extra(&k, h->extra);
	keccak256_update(&k, back, back_len);
	keccak256_final(&k, out.b);
	/* cppcheck-suppress uninitvar */
	return out;
}
