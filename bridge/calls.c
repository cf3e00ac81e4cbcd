/*
 * The calls that the bridge makes, as calldata: their shapes are fixed,
 * so that they are written straight out. Reads no database and no chain.
 */
#include "bridge/calls.h"

#include <assert.h>
#include <stdlib.h>

#include "abi/keccak.h"
#include "abi/u256.h"

static void add_selector(struct buf *out, const char *signature)
{
	struct hash32 h = keccak256(signature, strlen(signature));

	buf_add(out, h.b, 4);
}

static void add_u256(struct buf *out, const struct u256 *v)
{
	uint8_t word[32];

	u256_to_be(word, v);
	buf_add(out, word, sizeof(word));
}

static void add_word(struct buf *out, uint64_t v)
{
	struct u256 wide = u256_from_u64(v);

	add_u256(out, &wide);
}

static void add_left(struct buf *out, const uint8_t *p, size_t n)
{
	buf_add(out, p, n);
	buf_add_zeros(out, 32 - n);
}

static size_t padded(size_t n)
{
	return (n + 31) / 32 * 32;
}

/* Tuples with a bytes member are dynamic: each sits behind an offset counted
 * from the first offset's own place. */
static void encode_provision(struct buf *out, const struct effect *e, size_t n)
{
	size_t at = 32 * n;

	for (size_t i = 0; i < n; i++) {
		add_word(out, at);
		at += 7 * 32 + padded(e[i].envelope_len);
	}
	for (size_t i = 0; i < n; i++) {
		add_u256(out, &e[i].room);
		add_word(out, e[i].epoch);
		add_word(out, e[i].origin);
		add_left(out, e[i].uid, sizeof(e[i].uid));
		add_left(out, e[i].credential_hash,
			 sizeof(e[i].credential_hash));
		add_word(out, 6 * 32);
		add_word(out, e[i].envelope_len);
		buf_add(out, e[i].envelope, e[i].envelope_len);
		buf_add_zeros(out,
			      padded(e[i].envelope_len) - e[i].envelope_len);
	}
}

static void begin_array(struct buf *out, const char *signature, size_t n)
{
	add_selector(out, signature);
	add_word(out, 32);
	add_word(out, n);
}

void calls_encode(struct buf *out, const struct effect *e, size_t n)
{
	assert(n > 0);
	switch (e->kind) {
	case EFFECT_PROVISION:
		begin_array(out,
			    "provision((uint96,uint32,uint16,bytes16,bytes8,"
			    "bytes)[])",
			    n);
		encode_provision(out, e, n);
		return;
	case EFFECT_FAIL:
		begin_array(out, "fail((uint96,uint8)[])", n);
		for (size_t i = 0; i < n; i++) {
			add_u256(out, &e[i].room);
			add_word(out, e[i].code);
		}
		return;
	case EFFECT_REISSUE:
		assert(n == 1);
		add_selector(out, "reissue(uint96,uint8)");
		add_u256(out, &e->room);
		add_word(out, e->code);
		return;
	case EFFECT_RECORDING:
		begin_array(out, "recordingReady((uint96,uint16,bytes16)[])",
			    n);
		for (size_t i = 0; i < n; i++) {
			add_u256(out, &e[i].room);
			add_word(out, e[i].origin);
			add_left(out, e[i].uid, sizeof(e[i].uid));
		}
		return;
	case EFFECT_REFUSE_OUTPUT:
		begin_array(out, "refuseOutputs((uint96,uint32,uint8)[])", n);
		for (size_t i = 0; i < n; i++) {
			add_u256(out, &e[i].room);
			add_word(out, e[i].epoch);
			add_word(out, e[i].code);
		}
		return;
	case EFFECT_END:
		begin_array(out, "endRooms(uint96[])", n);
		for (size_t i = 0; i < n; i++)
			add_u256(out, &e[i].room);
		return;
	case EFFECT_FILL:
		return;
	}
	abort();
}

size_t calls_size(const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_PROVISION:
		return 8 * 32 + padded(e->envelope_len);
	case EFFECT_FAIL:
	case EFFECT_REISSUE:
		return 2 * 32;
	case EFFECT_RECORDING:
	case EFFECT_REFUSE_OUTPUT:
		return 3 * 32;
	case EFFECT_END:
		return 32;
	case EFFECT_FILL:
		return 0;
	}
	abort();
}

size_t calls_take(const struct effect *e, size_t n, size_t max, size_t bytes,
		  uint64_t gas)
{
	size_t used = 68, i;
	uint64_t sum;

	if (n == 0)
		return 0;
	sum = gas_base(e->kind);
	for (i = 0; i < n && i < max; i++) {
		used += calls_size(&e[i]);
		sum += gas_entry(e[i].kind, e[i].envelope_len);
		if (e[i].kind != e->kind || used > bytes || sum > gas)
			break;
		if (e[i].solo || e[i].kind == EFFECT_REISSUE)
			return i ? i : 1;
	}
	return i ? i : 1;
}

uint64_t calls_gas(const struct effect *e, size_t n)
{
	uint64_t sum = gas_base(e->kind);

	for (size_t i = 0; i < n; i++)
		sum += gas_entry(e[i].kind, e[i].envelope_len);
	return sum;
}

void calls_has_role(struct buf *out, const struct address *who)
{
	struct hash32 role = keccak256("BRIDGE_ROLE", 11);

	add_selector(out, "hasRole(bytes32,address)");
	buf_add(out, role.b, sizeof(role.b));
	buf_add_zeros(out, 12);
	buf_add(out, who->b, sizeof(who->b));
}
