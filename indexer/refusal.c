/*
 * The words in which nodes refuse eth_getLogs, one table for all of them, and
 * a matcher for its rows. Pure; a text that no row knows is a reason to
 * bisect, never an error. A new provider is a new row and a line in
 * tests/unit/test_refusal.c that quotes it.
 */
#include "indexer/refusal.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/mem.h"

/*
 * A row matches where its words stand anywhere in the message, upper and lower
 * case alike. In the words
 *	#	is the number of blocks that a request may span,
 *	{  }	are the first and the last block of a range that would work,
 *	?	is any other number,
 *	a space stands for any number of spaces, none included.
 * Numbers are decimal (10000, "10,000", "10k") or hex with 0x. Rows are tried
 * in order and the first that matches counts, but a range that does not help
 * (outside the request, or not smaller) does not match.
 */
struct row {
	enum refusal_kind kind;
	const char *words;
};

static const struct row rows[] = {
	/* ---- ranges that are said to work ---- */
	/* Alchemy, and Blast API behind it */
	{ REFUSAL_RANGE, "this block range should work: [{, }]" },
	/* Infura, thirdweb, zkSync, Abstract, Nethermind, MEV Blocker */
	{ REFUSAL_RANGE, "Try with this block range [{, }]" },
	/* reth, and Base, Arc, Sei built on it */
	{ REFUSAL_RANGE, "retry with the range {-}" },

	/* ---- widest span ---- */
	/* Alchemy, Aurora: the form without a range, or with it cut off */
	{ REFUSAL_RANGE, "up to a # block range" },
	/* QuickNode, 1RPC, Blast, Base, Berachain, Polygon zkEVM, BlockPI */
	{ REFUSAL_RANGE, "limited to a # range" },
	{ REFUSAL_RANGE, "limited to a # block" },
	{ REFUSAL_RANGE, "limited to # block" },
	/* 1RPC */
	{ REFUSAL_RANGE, "limited to ? - # block" },
	/* Infura, MEV Blocker */
	{ REFUSAL_RANGE, "range ? exceeds limit of #" },
	/* Ronin */
	{ REFUSAL_RANGE, "block range ? exceeds the limit of #" },
	/* reth, Hyperliquid, dRPC, Pocket */
	{ REFUSAL_RANGE, "query exceeds max block range #" },
	/* Celo */
	{ REFUSAL_RANGE, "(max block range #," },
	/* Erigon, and dRPC built on it */
	{ REFUSAL_RANGE,
	  "block range exceeds server limit, narrow your filter: #" },
	/* bor, bsc geth, publicnode, Immutable */
	{ REFUSAL_RANGE, "maximum block range: #" },
	/* Cloudflare, Polygon zkEVM, Merlin */
	{ REFUSAL_RANGE, "Max range: #" },
	/* Scroll's geth, Morph */
	{ REFUSAL_RANGE, "max block range = #" },
	/* Avalanche's coreth, Flare */
	{ REFUSAL_RANGE,
	  "requested too many blocks from ? to ?, maximum is set to #" },
	/* Chainlist's eth.merkle.io, LlamaNodes */
	{ REFUSAL_RANGE, "range is too large, max is # blocks" },
	/* Sei */
	{ REFUSAL_RANGE, "maximum allowed is # blocks" },
	/* thirdweb */
	{ REFUSAL_RANGE, "Maximum allowed number of requested blocks is #" },
	/* Coinbase */
	{ REFUSAL_RANGE, "please limit the query to at most # blocks" },
	/* Blast API, paid */
	{ REFUSAL_RANGE, "exceeds the range allowed for your plan (? > #)" },
	/* dRPC, free */
	{ REFUSAL_RANGE, "ranges over # blocks are not supported" },
	/* Moonbeam's Frontier */
	{ REFUSAL_RANGE, "block range is too wide (maximum #)" },
	/* X Layer, Mantle, Ink, Swell */
	{ REFUSAL_RANGE, "block range greater than # max" },
	/* Somnia */
	{ REFUSAL_RANGE, "block range exceeds #" },
	/* Conflux */
	{ REFUSAL_RANGE, "block range exceeds maximum value #" },
	/* Sonic */
	{ REFUSAL_RANGE, "too wide blocks range, the limit is #" },
	/* Cronos, Kava, TAC: ethermint */
	{ REFUSAL_RANGE, "maximum [from, to] blocks distance: #" },
	/* Harmony */
	{ REFUSAL_RANGE, "query must be smaller than size #" },

	/* ---- set the endpoint aside ---- */
	/* Alchemy */
	{ REFUSAL_QUOTA, "Monthly capacity limit exceeded" },
	/* Infura */
	{ REFUSAL_QUOTA, "daily request count exceeded" },
	/* QuickNode */
	{ REFUSAL_QUOTA, "daily request limit reached" },
	/* 1RPC */
	{ REFUSAL_QUOTA, "Exceeded the quota usage" },
	/* publicnode */
	{ REFUSAL_QUOTA, "Archive requests require a personal token" },
	/* Ankr */
	{ REFUSAL_QUOTA, "You must authenticate your request with an API key" },
	/* EIP-4444 in every client: code 4444 */
	{ REFUSAL_QUOTA, "pruned history unavailable" },

	/* ---- not there yet ---- */
	/* Avalanche's coreth: "requested to block 2 after last accepted 1" */
	{ REFUSAL_NOT_YET, "after last accepted block" },
	/* reth, publicnode, Arc */
	{ REFUSAL_NOT_YET, "block range extends beyond current head block" },
	/* geth, Hedera, Arc */
	{ REFUSAL_NOT_YET, "request beyond head block" },
	{ REFUSAL_NOT_YET, "beyond current head" },
	{ REFUSAL_NOT_YET, "beyond the latest block" },
	/* geth, reth: its head is below fromBlock; ours never end before it */
	{ REFUSAL_NOT_YET, "invalid block range params" },
	/* geth, Erigon, Infura, Nethermind */
	{ REFUSAL_NOT_YET, "header not found" },
	{ REFUSAL_NOT_YET, "header for hash not found" },
	{ REFUSAL_NOT_YET, "unknown block" },
	{ REFUSAL_NOT_YET, "block not found" },
	{ REFUSAL_NOT_YET, "could not find block" },
	/* Tendermint, so Cronos, Kava, Evmos */
	{ REFUSAL_NOT_YET,
	  "must be less than or equal to the current blockchain height" },

	/* ---- slow down ---- */
	/* Alchemy */
	{ REFUSAL_SLOW, "exceeded its compute units per second capacity" },
	/* QuickNode */
	{ REFUSAL_SLOW, "second request limit reached" },
	/* Infura */
	{ REFUSAL_SLOW, "request rate exceeded" },
	/* Chainstack */
	{ REFUSAL_SLOW, "exceeded the RPS limit" },
	/* Ankr, dRPC and most proxies */
	{ REFUSAL_SLOW, "too many requests" },
	{ REFUSAL_SLOW, "rate limit" },
	/* Optimism's proxyd, so Base and others */
	{ REFUSAL_SLOW, "no backend is currently healthy to serve traffic" },
	{ REFUSAL_SLOW, "service temporarily unavailable" },

	/* ---- too much, without a number ---- */
	/* Infura, QuickNode, Polygon zkEVM, PulseChain, Aurora */
	{ REFUSAL_TOO_MUCH, "query returned more than" },
	/* Alchemy, thirdweb */
	{ REFUSAL_TOO_MUCH, "Log response size exceeded" },
	/* thirdweb */
	{ REFUSAL_TOO_MUCH, "Request exceeds defined limit" },
	/* reth, LlamaNodes, Ankr */
	{ REFUSAL_TOO_MUCH, "query exceeds max results" },
	/* Erigon */
	{ REFUSAL_TOO_MUCH, "query returns too many logs" },
	/* Nethermind */
	{ REFUSAL_TOO_MUCH, "Too many logs requested" },
	/* HyperRPC */
	{ REFUSAL_TOO_MUCH, "More than ? logs returned" },
	/* Arbitrum's nitro */
	{ REFUSAL_TOO_MUCH, "logs matched by query exceeds limit" },
	/* 1RPC, NodeReal */
	{ REFUSAL_TOO_MUCH, "response size should not greater than" },
	/* Optimism's proxyd */
	{ REFUSAL_TOO_MUCH, "backend response too large" },
	{ REFUSAL_TOO_MUCH, "Block range is too large" },
	/* Ankr, Polygon */
	{ REFUSAL_TOO_MUCH, "block range is too wide" },
	/* Base */
	{ REFUSAL_TOO_MUCH, "block range too large" },
	/* Arc */
	{ REFUSAL_TOO_MUCH, "requested range too large" },
	/* Chainstack */
	{ REFUSAL_TOO_MUCH, "Block range limit exceeded" },
	/* Besu */
	{ REFUSAL_TOO_MUCH, "Requested range exceeds maximum" },
	/* Scroll's geth */
	{ REFUSAL_TOO_MUCH, "block range is bigger than maxBlockRange" },
	/* Candle */
	{ REFUSAL_TOO_MUCH, "block range too high" },
	/* Infura after 10 s, Alchemy */
	{ REFUSAL_TOO_MUCH, "query timeout exceeded" },
	/* dRPC, free */
	{ REFUSAL_TOO_MUCH, "Request timeout on the free tier" },

	/* ---- no such method ---- */
	/* geth, Erigon, Nethermind */
	{ REFUSAL_UNSUPPORTED, "does not exist/is not available" },
	{ REFUSAL_UNSUPPORTED, "method not found" },
	/* Besu */
	{ REFUSAL_UNSUPPORTED, "method not enabled" },
	/* dRPC */
	{ REFUSAL_UNSUPPORTED, "method is not available on free" },
	/* Optimism's proxyd */
	{ REFUSAL_UNSUPPORTED, "rpc method is not whitelisted" },
	/* Alchemy */
	{ REFUSAL_UNSUPPORTED, "Unsupported method" },
	{ REFUSAL_UNSUPPORTED, "method not supported" },

	/* bsc geth's whole message: last, since others end with it */
	{ REFUSAL_TOO_MUCH, "limit exceeded" },
};

struct hint {
	uint64_t blocks, from, to;
};

/* The C library's depend on the locale. */
static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	c = lower(c);
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_word(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}

static bool add_digit(uint64_t *v, uint64_t base, unsigned digit)
{
	return !__builtin_mul_overflow(*v, base, v) &&
	       !__builtin_add_overflow(*v, digit, v);
}

/* "10,000" and "10.000": a separator counts before exactly three digits. */
static bool is_separator(const char *p, const char *end)
{
	if (end - p < 4 || (*p != ',' && *p != '.'))
		return false;
	return is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3]) &&
	       (end - p == 4 || !is_digit(p[4]));
}

static const char *read_hex(uint64_t *v, const char *p, const char *end)
{
	const char *start = p;

	for (*v = 0; p < end && hex_digit(*p) >= 0; p++)
		if (!add_digit(v, 16, (unsigned)hex_digit(*p)))
			return NULL;
	return p == start ? NULL : p;
}

static const char *read_decimal(uint64_t *v, const char *p, const char *end)
{
	const char *start = p;

	for (*v = 0; p < end; p++) {
		if (p > start && is_separator(p, end))
			continue;
		if (!is_digit(*p))
			break;
		if (!add_digit(v, 10, (unsigned)(*p - '0')))
			return NULL;
	}
	if (p == start)
		return NULL;
	if (p < end && lower(*p) == 'k') {
		p++;
		if (__builtin_mul_overflow(*v, UINT64_C(1000), v))
			return NULL;
	}
	return p;
}

/* The number at @p and where it ends; NULL: none, or not surely a whole one. */
static const char *read_number(uint64_t *v, const char *p, const char *end,
			       bool cut)
{
	if (end - p > 2 && p[0] == '0' && lower(p[1]) == 'x')
		p = read_hex(v, p + 2, end);
	else
		p = read_decimal(v, p, end);
	if (!p || (p == end && cut))
		return NULL;
	if (p < end && is_word(*p))
		return NULL;
	if (end - p > 1 && (*p == '.' || *p == ',') && is_digit(p[1]))
		return NULL; /* 2.5 */
	return p;
}

static const char *skip_spaces(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	return p;
}

static bool match_here(struct hint *h, const char *words, const char *p,
		       const char *end, bool cut)
{
	uint64_t ignored = 0;

	for (; *words; words++) {
		uint64_t *into = *words == '#'   ? &h->blocks
				 : *words == '{' ? &h->from
				 : *words == '}' ? &h->to
				 : *words == '?' ? &ignored
						 : NULL;

		if (into) {
			p = read_number(into, p, end, cut);
			if (!p)
				return false;
		} else if (*words == ' ') {
			p = skip_spaces(p, end);
		} else {
			if (p == end || lower(*p) != lower(*words))
				return false;
			p++;
		}
	}
	return true;
}

static bool match(struct hint *h, const char *words, const char *p,
		  const char *end, bool cut)
{
	for (; p < end; p++) {
		*h = (struct hint){ 0 };
		if (match_here(h, words, p, end, cut))
			return true;
	}
	return false;
}

/* Whether @h helps with a request for @from to @to. */
static bool use_hint(struct refusal *r, const struct hint *h, uint64_t from,
		     uint64_t to)
{
	uint64_t span = to - from; /* one less than its blocks: no overflow */

	if (h->blocks) {
		if (h->blocks > span)
			return false;
		r->from = from;
		r->to = from + h->blocks - 1;
	} else {
		if (h->from < from || h->to > to || h->from > h->to ||
		    h->to - h->from >= span)
			return false;
		r->from = h->from;
		r->to = h->to;
	}
	r->blocks = r->to - r->from + 1;
	r->kind = REFUSAL_RANGE;
	return true;
}

/* Codes that say enough without words: JSON-RPC 2.0, EIP-1474, EIP-4444. */
static enum refusal_kind by_code(int64_t code)
{
	if (code == -32601 || code == -32004)
		return REFUSAL_UNSUPPORTED;
	if (code == 429)
		return REFUSAL_SLOW;
	if (code == 4444)
		return REFUSAL_QUOTA;
	return REFUSAL_SPLIT;
}

/* The row that decides, with @r filled in; -1: none. */
static int find(struct refusal *r, bool *useless, const char *message,
		uint64_t from, uint64_t to)
{
	size_t len = strnlen(message, REFUSAL_TEXT_MAX);
	bool cut = len == REFUSAL_TEXT_MAX;

	*r = (struct refusal){ .kind = REFUSAL_SPLIT };
	*useless = false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hint h;

		if (!match(&h, rows[i].words, message, message + len, cut))
			continue;
		if (rows[i].kind != REFUSAL_RANGE) {
			r->kind = rows[i].kind;
			return (int)i;
		}
		if (from <= to && use_hint(r, &h, from, to))
			return (int)i;
		*useless = true;
	}
	return -1;
}

struct refusal refusal_read(int64_t code, const char *message, uint64_t from,
			    uint64_t to)
{
	struct refusal r;
	bool useless;

	if (find(&r, &useless, message ? message : "", from, to) < 0 &&
	    !useless)
		r.kind = by_code(code);
	return r;
}

int refusal_row(const char *message, uint64_t from, uint64_t to)
{
	struct refusal r;
	bool useless;

	return find(&r, &useless, message, from, to);
}

size_t refusal_rows(void)
{
	return ARRAY_SIZE(rows);
}

const char *refusal_name(enum refusal_kind kind)
{
	switch (kind) {
	case REFUSAL_SPLIT:
		return "split";
	case REFUSAL_RANGE:
		return "range";
	case REFUSAL_TOO_MUCH:
		return "too_much";
	case REFUSAL_NOT_YET:
		return "not_yet";
	case REFUSAL_SLOW:
		return "slow";
	case REFUSAL_QUOTA:
		return "quota";
	case REFUSAL_UNSUPPORTED:
		return "unsupported";
	}
	return "";
}
