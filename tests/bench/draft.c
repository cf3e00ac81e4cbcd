/*
 * One block as values: events into receipts, receipts into a trie, its root and
 * their blooms into a header. There are no transactions behind it, so their
 * hashes and transactionsRoot are made up. Never prints anything.
 */
#include "draft.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "abi/keccak.h"
#include "abi/rlp.h"

#define GENESIS_TIME  1700000000
#define BLOCK_SECONDS 12
#define GAS_LIMIT     60000000

static void made_up_hash(struct hash32 *out, const char *what, uint64_t n,
			 uint64_t m)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "%s %llu %llu", what,
			   (unsigned long long)n, (unsigned long long)m);

	*out = keccak256(text, (size_t)len);
}

uint32_t draft_tx_of(const struct draft *d, uint32_t event)
{
	return d->txs == 1 ? 0 : event;
}

static void add_bloom(uint8_t bloom[static BLOOM_BYTES], const struct event *e)
{
	static uint8_t common[BLOOM_BYTES]; /* contract and RoomCreated */
	static bool have_common;

	if (!have_common) {
		bloom_add(common, event_contract.b, sizeof(event_contract.b));
		bloom_add(common, e->topics[0].b, 32);
		have_common = true;
	}
	for (size_t i = 0; i < BLOOM_BYTES; i++)
		bloom[i] |= common[i];
	for (size_t i = 1; i < EVENT_TOPICS; i++)
		bloom_add(bloom, e->topics[i].b, 32);
}

uint64_t draft_gas_after(const struct draft *d, uint32_t tx)
{
	return (uint64_t)DRAFT_GAS_EVENT * (d->txs == 1 ? d->events : tx + 1);
}

/* EIP-2718 type 2: status, gas so far, bloom, logs. */
static void encode_receipt(struct buf *b, const struct draft *d, uint32_t tx)
{
	size_t all, logs, log, topics;

	buf_add_byte(b, 2);
	all = rlp_list_begin(b);
	rlp_add_u64(b, 1);
	rlp_add_u64(b, draft_gas_after(d, tx));
	rlp_add_bytes(b, d->bloom[tx], BLOOM_BYTES);
	logs = rlp_list_begin(b);
	for (uint32_t i = 0; i < d->events; i++) {
		const struct event *e = &d->event[i];

		if (draft_tx_of(d, i) != tx)
			continue;
		log = rlp_list_begin(b);
		rlp_add_bytes(b, event_contract.b, sizeof(event_contract.b));
		topics = rlp_list_begin(b);
		for (size_t t = 0; t < EVENT_TOPICS; t++)
			rlp_add_bytes(b, e->topics[t].b, 32);
		rlp_list_end(b, topics);
		rlp_add_bytes(b, e->data, EVENT_DATA_LEN);
		rlp_list_end(b, log);
	}
	rlp_list_end(b, logs);
	rlp_list_end(b, all);
}

static struct trie_value receipt_at(void *ctx, size_t i)
{
	const struct draft *d = ctx;

	return d->receipt[i];
}

static void seal_receipts(struct draft *d, struct buf *rlp)
{
	struct trie_list list = { d->txs, receipt_at, d };
	size_t start[DRAFT_EVENTS_MAX + 1] = { 0 };

	buf_reset(rlp);
	for (uint32_t i = 0; i < d->txs; i++) {
		encode_receipt(rlp, d, i);
		start[i + 1] = rlp->len;
	}
	assert(!rlp->overflow);
	for (uint32_t i = 0; i < d->txs; i++)
		d->receipt[i] = (struct trie_value){ rlp->data + start[i],
						     start[i + 1] - start[i] };
	d->header.receipts_root = trie_list_root(&list);
}

/* Yellow paper, section 4.3, with the fields of EIPs 1559, 4895, 4844, 4788 and
 * 7685. */
static void seal_header(struct draft_header *hd, struct buf *b)
{
	static const uint8_t nonce[8];
	size_t list;

	buf_reset(b);
	list = rlp_list_begin(b);
	rlp_add_bytes(b, hd->parent_hash.b, 32);
	rlp_add_bytes(b, hd->ommers_hash.b, 32);
	rlp_add_bytes(b, hd->beneficiary.b, 20);
	rlp_add_bytes(b, hd->state_root.b, 32);
	rlp_add_bytes(b, hd->transactions_root.b, 32);
	rlp_add_bytes(b, hd->receipts_root.b, 32);
	rlp_add_bytes(b, hd->bloom, BLOOM_BYTES);
	rlp_add_u64(b, 0); /* difficulty */
	rlp_add_u64(b, hd->number);
	rlp_add_u64(b, hd->gas_limit);
	rlp_add_u64(b, hd->gas_used);
	rlp_add_u64(b, hd->timestamp);
	rlp_add_bytes(b, DRAFT_EXTRA, sizeof(DRAFT_EXTRA) - 1);
	rlp_add_bytes(b, hd->mix_hash.b, 32);
	rlp_add_bytes(b, nonce, sizeof(nonce));
	rlp_add_u64(b, hd->base_fee);
	rlp_add_bytes(b, hd->withdrawals_root.b, 32);
	rlp_add_u64(b, 0); /* blobGasUsed */
	rlp_add_u64(b, 0); /* excessBlobGas */
	rlp_add_bytes(b, hd->beacon_root.b, 32);
	rlp_add_bytes(b, hd->requests_hash.b, 32);
	rlp_list_end(b, list);
	assert(!b->overflow);
	hd->hash = keccak256(b->data, b->len);
}

static void make_header(struct draft *d, uint64_t n,
			const struct hash32 *parent, struct buf *rlp)
{
	static const uint8_t empty_list[] = { 0xc0 };
	static const struct trie_list none;
	struct draft_header *hd = &d->header;

	hd->number = n;
	hd->timestamp = GENESIS_TIME + n * BLOCK_SECONDS;
	hd->parent_hash = *parent;
	hd->ommers_hash = keccak256(empty_list, sizeof(empty_list));
	made_up_hash(&hd->state_root, "state", n, d->events);
	made_up_hash(&hd->transactions_root, "transactions", n, d->txs);
	made_up_hash(&hd->mix_hash, "randao", n, 0);
	event_bytes(hd->beneficiary.b, sizeof(hd->beneficiary.b), 100, n % 7);
	hd->gas_limit = GAS_LIMIT;
	hd->gas_used = (uint64_t)DRAFT_GAS_EVENT * d->events;
	hd->base_fee = 1000000000;
	hd->withdrawals_root = trie_list_root(&none);
	made_up_hash(&hd->beacon_root, "beacon", n, 0);
	made_up_hash(&hd->requests_hash, "requests", 0, 0);
	for (uint32_t t = 0; t < d->txs; t++)
		for (size_t i = 0; i < BLOOM_BYTES; i++)
			hd->bloom[i] |= d->bloom[t][i];
	seal_header(hd, rlp);
}

void draft_make(struct draft *d, uint64_t number, const struct hash32 *parent,
		uint64_t first, uint32_t events, bool one_tx, struct buf *rlp)
{
	assert(events <= DRAFT_EVENTS_MAX);
	memset(d, 0, sizeof(*d));
	d->events = events;
	d->txs = one_tx && events ? 1 : events;
	for (uint32_t i = 0; i < events; i++) {
		event_make(&d->event[i], first + i);
		add_bloom(d->bloom[draft_tx_of(d, i)], &d->event[i]);
	}
	for (uint32_t i = 0; i < d->txs; i++)
		made_up_hash(&d->tx_hash[i], "transaction", number, i);
	seal_receipts(d, rlp);
	make_header(d, number, parent, rlp);
}
