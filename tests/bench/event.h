#ifndef CX_BENCH_EVENT_H
#define CX_BENCH_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/buf.h"

/*
 * The n-th RoomCreated of a made-up chain: every value follows from n alone.
 * Sizes are those of real rooms: a title of 20 bytes, a host key of suite 1
 * (34 bytes) or suite 2 (33 bytes), see abi/SEALING.md. The keys are no points
 * on a curve: nothing here opens an envelope.
 */
#define EVENT_CHAIN_ID  31337
#define EVENT_TITLE_LEN 20
#define EVENT_HOSTS     1000
#define EVENT_DATA_LEN  ((size_t)320)
#define EVENT_TOPICS    4

struct event {
	struct hash32 topics[EVENT_TOPICS]; /* RoomCreated, id, host, ref */
	uint8_t data[EVENT_DATA_LEN];       /* ABI encoding of the rest */
	uint8_t room_id[12];
	struct address host;
	uint8_t ingest, access;
	bool keep_recording;
	char title[EVENT_TITLE_LEN + 1];
	uint8_t key[34];
	size_t key_len;
};

/* Where the chain put it. */
struct event_place {
	uint64_t block_number, block_time;
	struct hash32 block_hash, tx_hash;
	uint32_t tx_index, log_index;
};

extern const struct address event_contract;

void event_make(struct event *out, uint64_t n);

/** event_bytes - fill @out from a counter-based generator: the same @stream
 * and @n always give the same bytes */
void event_bytes(void *out, size_t len, uint64_t stream, uint64_t n);

/** event_row - append the row that an indexer must have for it, column after
 * column: 8-byte integers and bytes as they are, the id in decimal */
void event_row(struct buf *out, const struct event *e,
	       const struct event_place *at);

#endif
