/* The words in which nodes refuse eth_getLogs, each as it was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the above */
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "indexer/refusal.h"

#define NONE UINT64_MAX

/* The request: @from to @to; the answer: @kind, and for a range its first
 * block and how many. */
static const struct quote {
	const char *who;
	int64_t code;
	const char *message;
	uint64_t from, to;
	enum refusal_kind kind;
	uint64_t first, blocks;
} quotes[] = {
	/* ---- a range that works ---- */
	{ "Alchemy", -32602,
	  "Log response size exceeded. You can make eth_getLogs requests with "
	  "up to a 2K block range and no limit on the response size, or you "
	  "can request any block range with a cap of 10K logs in the response. "
	  "Based on your parameters and the response size limit, this block "
	  "range should work: [0x0, 0xd043b8]",
	  0, 20000000, REFUSAL_RANGE, 0, 0xd043b9 },
	{ "Alchemy, its last words cut off at 300 bytes", -32602,
	  "Log response size exceeded. You can make eth_getLogs requests with "
	  "up to a 2K block range and no limit on the response size, or you "
	  "can request any block range with a cap of 10K logs in the response. "
	  "Based on your parameters and the response size limit, this block "
	  "range should work: [0x1180fca, 0x1190abc]",
	  0x1180fca, 0x1990abc, REFUSAL_RANGE, 0x1180fca, 2000 },
	{ "Alchemy, free", -32600,
	  "Under the Free tier plan, you can make eth_getLogs requests with up "
	  "to a 10 block range. Based on your parameters, this block range "
	  "should work: [0x1180fca, 0x1180fd3]. Upgrade to PAYG for expanded "
	  "block range.",
	  0x1180fca, 0x1190000, REFUSAL_RANGE, 0x1180fca, 10 },
	{ "Blast API, public", -32600,
	  "You can make eth_getLogs requests with up to a 10 block range. "
	  "Based "
	  "on your parameters, this block range should work: [0x18b0000, "
	  "0x18b0009]",
	  0x18b0000, 0x18b1000, REFUSAL_RANGE, 0x18b0000, 10 },
	{ "Alchemy, without a range", -32600,
	  "Under the Free tier plan, you can make eth_getLogs requests with up "
	  "to a 10 block range. Upgrade to PAYG for expanded block range.",
	  7, 1000, REFUSAL_RANGE, 7, 10 },
	{ "Infura", -32005,
	  "query returned more than 10000 results. Try with this block range "
	  "[0xBDE5F8, 0x102DBCC].",
	  0xbde5f8, 0x1100000, REFUSAL_RANGE, 0xbde5f8, 4519381 },
	{ "zkSync", -32602,
	  "Query returned more than 10000 results. Try with this block range "
	  "[0x100000, 0x1000bb].",
	  0x100000, 0x110000, REFUSAL_RANGE, 0x100000, 0xbc },
	{ "Nethermind on Gnosis, in the error's data", -32602,
	  "invalid params: Query returned more than 50000 results. Try with "
	  "this block range [0x1000000, 0x1080000].",
	  0x1000000, 0x1100000, REFUSAL_RANGE, 0x1000000, 0x80001 },
	{ "reth", -32602,
	  "query exceeds max results 20000, retry with the range "
	  "6000000-6000509",
	  6000000, 6001000, REFUSAL_RANGE, 6000000, 510 },
	{ "Arc", -32602,
	  "request exceeded max allowed range: query exceeds max results 2000, "
	  "retry with the range 64862334-64862849",
	  64862334, 64872333, REFUSAL_RANGE, 64862334, 516 },
	/* ---- how wide ---- */
	{ "QuickNode", -32614, "eth_getLogs is limited to a 10,000 range", 5,
	  50000, REFUSAL_RANGE, 5, 10000 },
	{ "QuickNode, older", -32602,
	  "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range",
	  5, 50000, REFUSAL_RANGE, 5, 10000 },
	{ "1RPC", -32602, "eth_getLogs is limited to 0 - 50 blocks range", 5,
	  50000, REFUSAL_RANGE, 5, 50 },
	{ "BlockPI", -32602,
	  "eth_getLogs is limited to 1024 block range. Please check the "
	  "parameter requirements at "
	  "https://docs.blockpi.io/documentations/api-reference",
	  5, 50000, REFUSAL_RANGE, 5, 1024 },
	{ "Polygon zkEVM", -32602, "logs are limited to a 10000 block range", 5,
	  50000, REFUSAL_RANGE, 5, 10000 },
	{ "Infura, span", -32602, "range 1000000 exceeds limit of 10000", 1,
	  1000000, REFUSAL_RANGE, 1, 10000 },
	{ "Ronin", -32602,
	  "Invalid params: requested block range 16777217 exceeds the limit of "
	  "200; narrow your fromBlock/toBlock",
	  1, 1000000, REFUSAL_RANGE, 1, 200 },
	{ "reth, span", -32602, "query exceeds max block range 100000", 1,
	  200000, REFUSAL_RANGE, 1, 100000 },
	{ "Celo", -32602,
	  "query exceeds range, retry smaller (max block range 5000, got "
	  "16777216)",
	  1, 200000, REFUSAL_RANGE, 1, 5000 },
	{ "Erigon", -32602,
	  "query block range exceeds server limit, narrow your filter: 1000", 1,
	  200000, REFUSAL_RANGE, 1, 1000 },
	{ "publicnode", -32701, "exceed maximum block range: 50000", 1, 200000,
	  REFUSAL_RANGE, 1, 50000 },
	{ "Immutable", -32000, "exceeded maximum block range: 5000", 1, 200000,
	  REFUSAL_RANGE, 1, 5000 },
	{ "Cloudflare", -32047,
	  "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. "
	  "Max range: 800",
	  1, 200000, REFUSAL_RANGE, 1, 800 },
	{ "Merlin", -32000, "block range too large, max range: 2000", 1, 200000,
	  REFUSAL_RANGE, 1, 2000 },
	{ "Morph", -32000,
	  "block range is larger than max block range, block range = 5120, max "
	  "block range = 5000",
	  1, 5120, REFUSAL_RANGE, 1, 5000 },
	{ "Avalanche", -32000,
	  "requested too many blocks from 50331648 to 51380224, maximum is set "
	  "to 2048",
	  50331648, 51380224, REFUSAL_RANGE, 50331648, 2048 },
	{ "LlamaNodes", -32603,
	  "eth_getLogs range is too large, max is 1k blocks", 1, 200000,
	  REFUSAL_RANGE, 1, 1000 },
	{ "Merkle", -32603, "eth_getLogs range is too large, max is 10k blocks",
	  1, 200000, REFUSAL_RANGE, 1, 10000 },
	{ "Sei", -32000,
	  "block range too large (2000), maximum allowed is 1000 blocks", 1,
	  2000, REFUSAL_RANGE, 1, 1000 },
	{ "thirdweb", -32005,
	  "Log response size exceeded. Maximum allowed number of requested "
	  "blocks is 1000",
	  1, 2000, REFUSAL_RANGE, 1, 1000 },
	{ "Coinbase", -32602, "please limit the query to at most 1000 blocks",
	  1, 2000, REFUSAL_RANGE, 1, 1000 },
	{ "Blast API, paid", -32602,
	  "Invalid params: the range 55074203 - 55124202 exceeds the range "
	  "allowed for your plan (49999 > 2000).",
	  55074203, 55124202, REFUSAL_RANGE, 55074203, 2000 },
	{ "dRPC", 35, "ranges over 10000 blocks are not supported on freetier",
	  1, 20000, REFUSAL_RANGE, 1, 10000 },
	{ "Moonbeam", -32603, "block range is too wide (maximum 1024)", 1,
	  20000, REFUSAL_RANGE, 1, 1024 },
	{ "X Layer", -32602, "block range greater than 100 max", 1, 20000,
	  REFUSAL_RANGE, 1, 100 },
	{ "Somnia", -32600, "block range exceeds 1000", 1, 20000, REFUSAL_RANGE,
	  1, 1000 },
	{ "Conflux", -32000, "block range exceeds maximum value 1000", 1, 20000,
	  REFUSAL_RANGE, 1, 1000 },
	{ "Sonic", -32000, "too wide blocks range, the limit is 100", 1, 20000,
	  REFUSAL_RANGE, 1, 100 },
	{ "Cronos", -32000, "maximum [from, to] blocks distance: 2000", 1,
	  20000, REFUSAL_RANGE, 1, 2000 },
	{ "Harmony", -32000, "query must be smaller than size 1024", 1, 20000,
	  REFUSAL_RANGE, 1, 1024 },
	/* ---- set aside ---- */
	{ "Alchemy", 429,
	  "Monthly capacity limit exceeded. Visit "
	  "https://dashboard.alchemy.com/settings/billing to upgrade your "
	  "scaling policy for continued service.",
	  1, 9, REFUSAL_QUOTA, NONE, 0 },
	{ "Infura", -32005,
	  "daily request count exceeded, request rate limited", 1, 9,
	  REFUSAL_QUOTA, NONE, 0 },
	{ "QuickNode", -32003,
	  "daily request limit reached - upgrade your account", 1, 9,
	  REFUSAL_QUOTA, NONE, 0 },
	{ "1RPC", -32001, "Exceeded the quota usage", 1, 9, REFUSAL_QUOTA, NONE,
	  0 },
	{ "publicnode", -32602,
	  "Archive requests require a personal token. Get one at: "
	  "https://www.allnodes.com/publicnode",
	  1, 9, REFUSAL_QUOTA, NONE, 0 },
	{ "Ankr", -32000,
	  "Unauthorized: You must authenticate your request with an API key. "
	  "Create an account on https://www.ankr.com/rpc/ and generate your "
	  "personal API key for free.",
	  1, 9, REFUSAL_QUOTA, NONE, 0 },
	{ "Nethermind", 4444, "Pruned history unavailable", 1, 9, REFUSAL_QUOTA,
	  NONE, 0 },
	/* ---- not there yet ---- */
	{ "Avalanche", -32000,
	  "requested to block 23734227 after last accepted block 23734226", 1,
	  9, REFUSAL_NOT_YET, NONE, 0 },
	{ "reth", -32602,
	  "block range extends beyond current head block: requested 118612457, "
	  "head 118612456",
	  1, 9, REFUSAL_NOT_YET, NONE, 0 },
	{ "Arc", -32000,
	  "request beyond head block: requested 22352770, head 22352769", 1, 9,
	  REFUSAL_NOT_YET, NONE, 0 },
	{ "a node", -32000, "toBlock is beyond current head", 1, 9,
	  REFUSAL_NOT_YET, NONE, 0 },
	{ "a node", -32000, "block 9 is beyond the latest block", 1, 9,
	  REFUSAL_NOT_YET, NONE, 0 },
	{ "geth", -32000, "invalid block range params", 1, 9, REFUSAL_NOT_YET,
	  NONE, 0 },
	{ "geth", -32000, "header not found", 1, 9, REFUSAL_NOT_YET, NONE, 0 },
	{ "geth", -32000, "header for hash not found", 1, 9, REFUSAL_NOT_YET,
	  NONE, 0 },
	{ "geth", -32000, "unknown block", 1, 9, REFUSAL_NOT_YET, NONE, 0 },
	{ "Erigon", -32000, "block not found: 9", 1, 9, REFUSAL_NOT_YET, NONE,
	  0 },
	{ "Nethermind", -32001, "could not find block", 1, 9, REFUSAL_NOT_YET,
	  NONE, 0 },
	{ "Tendermint", -32000,
	  "height 9 must be less than or equal to the current blockchain "
	  "height 8",
	  1, 9, REFUSAL_NOT_YET, NONE, 0 },
	/* ---- slow ---- */
	{ "Alchemy", 429,
	  "Your app has exceeded its compute units per second capacity. If you "
	  "have retries enabled, you can safely ignore this message.",
	  1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "QuickNode", -32007,
	  "100/second request limit reached - reduce calls per second or "
	  "upgrade your account at "
	  "https://dashboard.quicknode.com/billing/plan",
	  1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "Infura", -32005, "project ID request rate exceeded", 1, 9,
	  REFUSAL_SLOW, NONE, 0 },
	{ "Chainstack", -32005,
	  "You've exceeded the RPS limit available on the current plan.", 1, 9,
	  REFUSAL_SLOW, NONE, 0 },
	{ "Ankr", -32090,
	  "Too many requests, reason: call rate limit exhausted, retry in 10s",
	  1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "Base", -32016, "over rate limit", 1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "Arc", -32005, "rate limit exceeded", 1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "Base", -32011, "no backend is currently healthy to serve traffic", 1,
	  9, REFUSAL_SLOW, NONE, 0 },
	{ "MEV Blocker", -32603, "service temporarily unavailable", 1, 9,
	  REFUSAL_SLOW, NONE, 0 },
	/* ---- too much ---- */
	{ "Infura", -32005, "query returned more than 10000 results", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "PulseChain", -32000,
	  "query returned more than allowed number of logs, try with smaller "
	  "block range",
	  1, 9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Alchemy, nothing but", -32602, "Log response size exceeded.", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "thirdweb", -32005, "Request exceeds defined limit.", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "LlamaNodes", -32602, "query exceeds max results 20000", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Erigon", -32602,
	  "query returns too many logs, narrow your filter: 20000", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Nethermind", -32005,
	  "Too many logs requested. Max logs per response is 20000.", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "HyperRPC", -32000, "More than 50000 logs returned", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Arbitrum", -32000, "logs matched by query exceeds limit of 10000", 1,
	  99999, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "1RPC", -32000, "response size should not greater than 2097152 bytes",
	  1, 9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Optimism", -32020, "backend response too large", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Optimism", -32602, "Block range is too large", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Ankr", -32600, "block range is too wide", 1, 9, REFUSAL_TOO_MUCH,
	  NONE, 0 },
	{ "Base", -32603, "block range too large", 1, 9, REFUSAL_TOO_MUCH, NONE,
	  0 },
	{ "Arc", -32012, "requested range too large", 1, 9, REFUSAL_TOO_MUCH,
	  NONE, 0 },
	{ "Chainstack", -32602,
	  "Block range limit exceeded. See more details at "
	  "https://docs.chainstack.com/docs/limits#evm-range-limits",
	  1, 9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Besu", -32005, "Requested range exceeds maximum RPC range limit", 1,
	  9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Besu, older", -32602, "Requested range exceeds maximum range limit",
	  1, 9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Scroll", -32000, "block range is bigger than maxBlockRange", 1, 9,
	  REFUSAL_TOO_MUCH, NONE, 0 },
	{ "Candle", -32600, "block range too high", 1, 9, REFUSAL_TOO_MUCH,
	  NONE, 0 },
	{ "Infura", -32005, "query timeout exceeded", 1, 9, REFUSAL_TOO_MUCH,
	  NONE, 0 },
	{ "dRPC", 30,
	  "Request timeout on the free tier, please upgrade your tier to the "
	  "paid one",
	  1, 9, REFUSAL_TOO_MUCH, NONE, 0 },
	{ "BNB chain", -32005, "limit exceeded", 1, 9, REFUSAL_TOO_MUCH, NONE,
	  0 },
	/* ---- no such method ---- */
	{ "geth", -32601,
	  "the method eth_getBlockReceipts does not exist/is not available", 1,
	  9, REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "reth", -32601, "Method not found", 1, 9, REFUSAL_UNSUPPORTED, NONE,
	  0 },
	{ "Besu", -32604, "Method not enabled", 1, 9, REFUSAL_UNSUPPORTED, NONE,
	  0 },
	{ "dRPC", 35,
	  "method is not available on freetier, please upgrade to paid tier", 1,
	  9, REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "Optimism", -32001, "rpc method is not whitelisted", 1, 9,
	  REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "Alchemy", -32600,
	  "Unsupported method: eth_getBlockReceipts on BASE_MAINNET", 1, 9,
	  REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "Arc", -32601, "method not supported", 1, 9, REFUSAL_UNSUPPORTED,
	  NONE, 0 },
	/* ---- the code says it ---- */
	{ "JSON-RPC", -32601, "no", 1, 9, REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "EIP-1474", -32004, "no", 1, 9, REFUSAL_UNSUPPORTED, NONE, 0 },
	{ "HTTP", 429, "no", 1, 9, REFUSAL_SLOW, NONE, 0 },
	{ "EIP-4444", 4444, "no", 1, 9, REFUSAL_QUOTA, NONE, 0 },
	/* ---- nobody's words ---- */
	{ "Base", -32602, "invalid params", 1, 9, REFUSAL_SPLIT, NONE, 0 },
	{ "a node", -32603, "internal error", 1, 9, REFUSAL_SPLIT, NONE, 0 },
	{ "a node", -32005, "", 1, 9, REFUSAL_SPLIT, NONE, 0 },
	{ "a node", 0, NULL, 1, 9, REFUSAL_SPLIT, NONE, 0 },
};

static void quotes_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
		const struct quote *q = &quotes[i];
		struct refusal r =
		    refusal_read(q->code, q->message, q->from, q->to);
		uint64_t first = q->kind == REFUSAL_RANGE ? q->first : 0;

		if (r.kind != q->kind || r.from != first ||
		    r.blocks != q->blocks ||
		    (r.blocks && r.to - r.from + 1 != r.blocks))
			fail_msg("%s: \"%s\" is %s %" PRIu64 "+%" PRIu64,
				 q->who, q->message, refusal_name(r.kind),
				 r.from, r.blocks);
	}
}

static void every_row_has_a_quote(void **state)
{
	char *seen = mem_zalloc(refusal_rows());

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
		const struct quote *q = &quotes[i];
		int row =
		    q->message ? refusal_row(q->message, q->from, q->to) : -1;

		if (row >= 0)
			seen[row] = 1;
	}
	for (size_t i = 0; i < refusal_rows(); i++)
		if (!seen[i])
			fail_msg("row %zu has no quote", i);
	free(seen);
}

static void is_kind(const char *message, uint64_t from, uint64_t to,
		    enum refusal_kind kind)
{
	struct refusal r = refusal_read(-32000, message, from, to);

	if (r.kind != kind)
		fail_msg("\"%s\" is %s", message, refusal_name(r.kind));
	if (kind != REFUSAL_RANGE)
		assert_true(!r.from && !r.to && !r.blocks);
}

static void a_hint_must_help(void **state)
{
	static const char reth[] =
	    "query exceeds max results 20000, retry with the range 100-200";
	static const char limit[] = "exceed maximum block range: 50";

	(void)state;
	is_kind(reth, 100, 201, REFUSAL_RANGE);
	is_kind(reth, 90, 200, REFUSAL_RANGE);
	/* reth 1.11 named the request itself: then it is only too much */
	is_kind(reth, 100, 200, REFUSAL_TOO_MUCH);
	is_kind(reth, 101, 300, REFUSAL_TOO_MUCH);
	is_kind(reth, 1, 199, REFUSAL_TOO_MUCH);
	is_kind(reth, 5, 5, REFUSAL_TOO_MUCH);
	is_kind("retry with the range 9-8", 1, 20, REFUSAL_SPLIT);
	is_kind(limit, 1, 51, REFUSAL_RANGE);
	is_kind(limit, 1, 50, REFUSAL_SPLIT);
	is_kind(limit, 1, 1, REFUSAL_SPLIT);
	is_kind("exceed maximum block range: 0", 1, 50, REFUSAL_SPLIT);
	/* a request that runs backwards has no smaller part */
	is_kind(limit, 100, 1, REFUSAL_SPLIT);
	is_kind(limit, 0, UINT64_MAX, REFUSAL_RANGE);
	is_kind(limit, UINT64_MAX, UINT64_MAX, REFUSAL_SPLIT);
}

static uint64_t blocks_of(const char *number)
{
	char text[200];

	snprintf(text, sizeof(text), "exceed maximum block range: %s", number);
	return refusal_read(-32000, text, 0, UINT64_MAX).blocks;
}

static void numbers(void **state)
{
	(void)state;
	assert_int_equal(blocks_of("2000"), 2000);
	assert_int_equal(blocks_of("2000."), 2000);
	assert_int_equal(blocks_of("2000, sorry"), 2000);
	assert_int_equal(blocks_of("10,000"), 10000);
	assert_int_equal(blocks_of("10.000"), 10000);
	assert_int_equal(blocks_of("1,000,000"), 1000000);
	assert_int_equal(blocks_of("10k"), 10000);
	assert_int_equal(blocks_of("10K blocks"), 10000);
	assert_int_equal(blocks_of("0x2710"), 10000);
	assert_int_equal(blocks_of("0X2710"), 10000);
	assert_int_equal(blocks_of("18446744073709551615"), UINT64_MAX);
	/* none of these is a number of blocks */
	assert_int_equal(blocks_of("18446744073709551616"), 0);
	assert_int_equal(blocks_of("99999999999999999999999999999999"), 0);
	assert_int_equal(blocks_of("18446744073709551615k"), 0);
	assert_int_equal(blocks_of("0x1ffffffffffffffff"), 0);
	assert_int_equal(blocks_of("-5000"), 0);
	assert_int_equal(blocks_of("2.5"), 0);
	assert_int_equal(blocks_of("10kb"), 0);
	assert_int_equal(blocks_of("0x"), 0);
	assert_int_equal(blocks_of("0xzz"), 0);
	assert_int_equal(blocks_of("5th"), 0);
	assert_int_equal(blocks_of(","), 0);
	assert_int_equal(blocks_of(""), 0);
}

/* core/rpc cuts at 300 bytes: "100000" must not become "100". */
static void a_cut_number_is_none(void **state)
{
	char text[REFUSAL_TEXT_MAX + 100];
	static const char words[] = "query exceeds max block range 100000";
	size_t n = sizeof(words) - 1;

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text + REFUSAL_TEXT_MAX - n + 3, words, n);
	text[REFUSAL_TEXT_MAX + 50] = '\0';
	is_kind(text, 1, 1000000, REFUSAL_SPLIT);
	text[REFUSAL_TEXT_MAX] = '\0';
	is_kind(text, 1, 1000000, REFUSAL_SPLIT);
	memset(text, ' ', sizeof(text));
	memcpy(text + REFUSAL_TEXT_MAX - n - 1, words, n);
	text[REFUSAL_TEXT_MAX + 50] = '\0';
	is_kind(text, 1, 1000000, REFUSAL_RANGE);
}

static void kinds_have_names(void **state)
{
	(void)state;
	for (int k = REFUSAL_SPLIT; k <= REFUSAL_UNSUPPORTED; k++)
		assert_true(*refusal_name((enum refusal_kind)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_are_understood),
		cmocka_unit_test(every_row_has_a_quote),
		cmocka_unit_test(a_hint_must_help),
		cmocka_unit_test(numbers),
		cmocka_unit_test(a_cut_number_is_none),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
