/*
 * Made-up rooms and their event as the contract would emit it. The encoding is
 * written out by hand, so that it does not come from the code that a benchmark
 * or a test holds against it. Never random: a history is the same each time.
 */
#include "event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/keccak.h"
#include "abi/u256.h"

#define WORD 32

const struct address event_contract = {
	{ 0xc4, 0xa1, 0x2c, 0xa5, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00,
	  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xbe, 0x2c, 0x40, 0x01 },
};

static const char signature[] =
    "RoomCreated(uint96,address,bytes32,uint8,uint8,bool,string,bytes)";

enum stream { STREAM_HOST = 1, STREAM_REF, STREAM_KEY, STREAM_CHOICE };

/* SplitMix64 (Steele, Lea, Flood 2014), seeded by place. */
void event_bytes(void *out, size_t len, uint64_t stream, uint64_t n)
{
	uint64_t state = stream << 56 ^ n * 0x9e3779b97f4a7c15;
	uint8_t *p = out;

	while (len) {
		uint64_t z = state += 0x9e3779b97f4a7c15;
		size_t part = len < 8 ? len : 8;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		z ^= z >> 31;
		memcpy(p, &z, part);
		p += part;
		len -= part;
	}
}

static void word_u64(uint8_t word[static WORD], uint64_t v)
{
	memset(word, 0, WORD);
	for (int i = 0; i < 8; i++)
		word[WORD - 1 - i] = (uint8_t)(v >> 8 * i);
}

static void word_right(uint8_t word[static WORD], const void *p, size_t n)
{
	memset(word, 0, WORD);
	memcpy(word + WORD - n, p, n);
}

/* roomId = bytes12(keccak256(abi.encode(chainid, this, host, ingest, key))) */
static void make_id(struct event *e)
{
	uint8_t text[8 * WORD] = { 0 };
	struct hash32 h;

	word_u64(text, EVENT_CHAIN_ID);
	word_right(text + WORD, event_contract.b, sizeof(event_contract.b));
	word_right(text + 2 * WORD, e->host.b, sizeof(e->host.b));
	word_u64(text + 3 * WORD, e->ingest);
	word_u64(text + 4 * WORD, 5 * WORD);
	word_u64(text + 5 * WORD, e->key_len);
	memcpy(text + 6 * WORD, e->key, e->key_len);
	h = keccak256(text, sizeof(text));
	memcpy(e->room_id, h.b, sizeof(e->room_id));
}

static void make_key(struct event *e, uint64_t n)
{
	uint8_t suite = (uint8_t)(1 + n % 2);

	e->key_len = suite == 1 ? 34 : 33;
	event_bytes(e->key, sizeof(e->key), STREAM_KEY, n);
	e->key[0] = suite;
	if (suite == 1)
		e->key[1] = (uint8_t)(2 + e->key[1] % 2);
}

/* uint8 ingest, uint8 access, bool, then the offsets of title and key. */
static void make_data(struct event *e)
{
	uint8_t *d = e->data;

	memset(d, 0, EVENT_DATA_LEN);
	word_u64(d, e->ingest);
	word_u64(d + WORD, e->access);
	word_u64(d + 2 * WORD, e->keep_recording);
	word_u64(d + 3 * WORD, 5 * WORD);
	word_u64(d + 4 * WORD, 7 * WORD);
	word_u64(d + 5 * WORD, EVENT_TITLE_LEN);
	memcpy(d + 6 * WORD, e->title, EVENT_TITLE_LEN);
	word_u64(d + 7 * WORD, e->key_len);
	memcpy(d + 8 * WORD, e->key, e->key_len);
}

void event_make(struct event *e, uint64_t n)
{
	static struct hash32 topic0;
	static bool have_topic0;
	uint8_t choice[3];

	if (!have_topic0) {
		topic0 = keccak256(signature, sizeof(signature) - 1);
		have_topic0 = true;
	}
	*e = (struct event){ .topics = { topic0 } };
	event_bytes(choice, sizeof(choice), STREAM_CHOICE, n);
	e->ingest = choice[0] % 3;
	e->access = choice[1] % 2;
	e->keep_recording = choice[2] % 2;
	event_bytes(e->host.b, sizeof(e->host.b), STREAM_HOST, n % EVENT_HOSTS);
	snprintf(e->title, sizeof(e->title), "Late show %010" PRIu64,
		 n % UINT64_C(10000000000));
	make_key(e, n);
	make_id(e);
	word_right(e->topics[1].b, e->room_id, sizeof(e->room_id));
	word_right(e->topics[2].b, e->host.b, sizeof(e->host.b));
	event_bytes(e->topics[3].b, WORD, STREAM_REF, n);
	make_data(e);
}

static void add_u64(struct buf *out, uint64_t v)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> 8 * (7 - i));
	buf_add(out, be, sizeof(be));
}

static void add_decimal(struct buf *out, const uint8_t *p, size_t n)
{
	struct u256 v = { 0 };
	char text[U256_DEC_SIZE];

	for (size_t i = 0; i < n; i++)
		v.w[(n - 1 - i) / 8] |= (uint64_t)p[i] << 8 * ((n - 1 - i) % 8);
	buf_add_str(out, u256_to_dec(text, &v));
}

void event_row(struct buf *out, const struct event *e,
	       const struct event_place *at)
{
	add_u64(out, at->block_number);
	buf_add(out, at->block_hash.b, WORD);
	add_u64(out, at->block_time);
	buf_add(out, at->tx_hash.b, WORD);
	add_u64(out, at->tx_index);
	add_u64(out, at->log_index);
	buf_add(out, event_contract.b, sizeof(event_contract.b));
	add_decimal(out, e->room_id, sizeof(e->room_id));
	buf_add(out, e->host.b, sizeof(e->host.b));
	buf_add(out, e->topics[3].b, WORD);
	add_u64(out, e->ingest);
	add_u64(out, e->access);
	add_u64(out, e->keep_recording);
	buf_add(out, e->title, EVENT_TITLE_LEN);
	buf_add(out, e->key, e->key_len);
}
