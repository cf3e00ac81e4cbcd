/*
 * The words in which nodes refuse a transaction, and what they mean. One
 * table for all clients, searched in its order: the more telling phrase
 * stands first. Codes decide only when no phrase matches, since nearly every
 * client answers -32000 to everything.
 */
#include "bridge/txanswer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct phrase {
	const char *text; /* lower case */
	enum tx_answer answer;
};

static const struct phrase phrases[] = {
	/* what follows is the contract's text, not the node's */
	{ "execution reverted", TX_ANSWER_REVERT },
	{ "vm execution error", TX_ANSWER_REVERT },

	/* nethermind: AlreadyKnown; besu: Known transaction; anvil:
	 * transaction already imported */
	{ "already known", TX_ANSWER_KNOWN },
	{ "alreadyknown", TX_ANSWER_KNOWN },
	{ "already imported", TX_ANSWER_KNOWN },
	{ "known transaction", TX_ANSWER_KNOWN },
	{ "already exists", TX_ANSWER_KNOWN },
	{ "already in mempool", TX_ANSWER_KNOWN },
	{ "already have transaction", TX_ANSWER_KNOWN },
	{ "existing tx with same hash", TX_ANSWER_KNOWN },
	{ "existing txn with same hash", TX_ANSWER_KNOWN },
	{ "transaction_already_known", TX_ANSWER_KNOWN },

	{ "replacement transaction underpriced", TX_ANSWER_UNDERPRICED },
	{ "replacement transaction is underpriced", TX_ANSWER_UNDERPRICED },
	{ "replacement fee too low", TX_ANSWER_UNDERPRICED },
	{ "replacementnotallowed", TX_ANSWER_UNDERPRICED },
	{ "replacement not allowed", TX_ANSWER_UNDERPRICED },
	{ "transaction_replacement_underpriced", TX_ANSWER_UNDERPRICED },
	{ "could not replace existing tx", TX_ANSWER_UNDERPRICED },
	{ "another transaction with same nonce", TX_ANSWER_UNDERPRICED },
	{ "same nonce already", TX_ANSWER_UNDERPRICED },
	{ "to replace existing transaction", TX_ANSWER_UNDERPRICED },
	{ "ownnoncealreadyused", TX_ANSWER_UNDERPRICED },

	{ "nonce too low", TX_ANSWER_NONCE_LOW },
	{ "nonce_too_low", TX_ANSWER_NONCE_LOW },
	{ "oldnonce", TX_ANSWER_NONCE_LOW },
	{ "nonce is too low", TX_ANSWER_NONCE_LOW },
	{ "below sender account nonce", TX_ANSWER_NONCE_LOW },
	{ "nonce below", TX_ANSWER_NONCE_LOW },
	{ "invalid transaction nonce", TX_ANSWER_NONCE_LOW },

	{ "nonce too high", TX_ANSWER_NONCE_HIGH },
	{ "nonce_too_high", TX_ANSWER_NONCE_HIGH },
	{ "noncegap", TX_ANSWER_NONCE_HIGH },
	{ "nonce gap", TX_ANSWER_NONCE_HIGH },
	{ "gapped", TX_ANSWER_NONCE_HIGH },
	{ "nonce_too_far_in_future", TX_ANSWER_NONCE_HIGH },
	{ "nonce too far in the future", TX_ANSWER_NONCE_HIGH },
	{ "nonce too far in future", TX_ANSWER_NONCE_HIGH },
	{ "noncetoofarinfuture", TX_ANSWER_NONCE_HIGH },
	{ "too distant from current sender", TX_ANSWER_NONCE_HIGH },
	{ "does not match sender account nonce", TX_ANSWER_NONCE_HIGH },
	{ "invalid transaction with a lower nonce", TX_ANSWER_NONCE_HIGH },
	{ "too distant from account", TX_ANSWER_NONCE_HIGH },
	{ "above account nonce", TX_ANSWER_NONCE_HIGH },

	{ "insufficient funds", TX_ANSWER_FUNDS },
	{ "insufficientfunds", TX_ANSWER_FUNDS },
	{ "insufficient balance", TX_ANSWER_FUNDS },
	{ "upfront cost exceeds account balance", TX_ANSWER_FUNDS },
	{ "upfront_cost_exceeds_balance", TX_ANSWER_FUNDS },
	{ "exceeds account balance", TX_ANSWER_FUNDS },
	{ "exceeds transaction sender account balance", TX_ANSWER_FUNDS },
	{ "overdraws from account", TX_ANSWER_FUNDS },
	{ "overshot", TX_ANSWER_FUNDS },
	{ "not enough funds", TX_ANSWER_FUNDS },
	{ "doesn't have enough funds", TX_ANSWER_FUNDS },
	{ "balance is too low", TX_ANSWER_FUNDS },

	{ "max fee per gas less than block base fee", TX_ANSWER_FEE_LOW },
	{ "max fee per gas is less than", TX_ANSWER_FEE_LOW },
	{ "maxfeepergas too low", TX_ANSWER_FEE_LOW },
	{ "maxfeepergastoolow", TX_ANSWER_FEE_LOW },
	{ "less than block base fee", TX_ANSWER_FEE_LOW },
	{ "less than the current base", TX_ANSWER_FEE_LOW },
	{ "feetoolow", TX_ANSWER_FEE_LOW },
	{ "fee too low", TX_ANSWER_FEE_LOW },
	{ "feecap too low", TX_ANSWER_FEE_LOW },
	{ "fee cap less than", TX_ANSWER_FEE_LOW },
	{ "gas price below", TX_ANSWER_FEE_LOW },
	{ "gas_price_too_low", TX_ANSWER_FEE_LOW },
	{ "gas price too low", TX_ANSWER_FEE_LOW },
	{ "tip cap", TX_ANSWER_FEE_LOW },
	{ "priority fee per gas too low", TX_ANSWER_FEE_LOW },
	{ "priority fee below minimum", TX_ANSWER_FEE_LOW },
	{ "below chain minimum", TX_ANSWER_FEE_LOW },
	{ "below configured minimum", TX_ANSWER_FEE_LOW },
	{ "underpriced", TX_ANSWER_FEE_LOW }, /* no other holds the nonce */

	{ "txpool is full", TX_ANSWER_POOL },
	{ "transaction pool is full", TX_ANSWER_POOL },
	{ "pool full", TX_ANSWER_POOL },
	{ "txpool limit", TX_ANSWER_POOL },
	{ "account limit exceeded", TX_ANSWER_POOL },
	{ "exceeds max slots", TX_ANSWER_POOL },
	{ "sender tx limit", TX_ANSWER_POOL },
	{ "pool limit", TX_ANSWER_POOL },
	{ "in-flight transaction limit", TX_ANSWER_POOL },
	{ "spammer", TX_ANSWER_POOL },
	{ "address already reserved", TX_ANSWER_POOL },
	{ "tries to replace pending", TX_ANSWER_POOL },
	{ "type conflict", TX_ANSWER_POOL },
	{ "pendingtxsofconflictingtype", TX_ANSWER_POOL },
	{ "pendingtxsofothertype", TX_ANSWER_POOL },
	{ "is syncing", TX_ANSWER_POOL },
	{ "sync is still in progress", TX_ANSWER_POOL },
	{ "sub-pool is full", TX_ANSWER_POOL },
	{ "discarded", TX_ANSWER_POOL },

	{ "rate limit", TX_ANSWER_LIMIT },
	{ "too many requests", TX_ANSWER_LIMIT },
	{ "compute units", TX_ANSWER_LIMIT },
	{ "request limit", TX_ANSWER_LIMIT },
	{ "daily request count", TX_ANSWER_LIMIT },

	{ "revert", TX_ANSWER_REVERT },

	{ "intrinsic gas too", TX_ANSWER_REFUSED },
	{ "intrinsic_gas_exceeds", TX_ANSWER_REFUSED },
	{ "gas floor", TX_ANSWER_REFUSED },
	{ "gas limit reached", TX_ANSWER_REFUSED },
	{ "exceeds block gas limit", TX_ANSWER_REFUSED },
	{ "exceeds_block_gas_limit", TX_ANSWER_REFUSED },
	{ "gas limit too high", TX_ANSWER_REFUSED },
	{ "gas limit exceed", TX_ANSWER_REFUSED },
	{ "gaslimitexceeded", TX_ANSWER_REFUSED },
	{ "gaslimittoohigh", TX_ANSWER_REFUSED },
	{ "gaslimitcapexceeded", TX_ANSWER_REFUSED },
	{ "gas limit is too high", TX_ANSWER_REFUSED },
	{ "gas limit is greater than", TX_ANSWER_REFUSED },
	{ "exceeds block's gas limit", TX_ANSWER_REFUSED },
	{ "exceeds max transaction gas", TX_ANSWER_REFUSED },
	{ "floor data gas", TX_ANSWER_REFUSED },
	{ "intrinsicgas", TX_ANSWER_REFUSED },
	{ "intrinsic gas exceeds", TX_ANSWER_REFUSED },
	{ "intrinsic gas cost", TX_ANSWER_REFUSED },
	{ "out of gas", TX_ANSWER_REFUSED },
	{ "exceeds transaction gas cap", TX_ANSWER_REFUSED },
	{ "exceeds maximum per-transaction gas", TX_ANSWER_REFUSED },
	{ "oversized data", TX_ANSWER_REFUSED },
	{ "max initcode size", TX_ANSWER_REFUSED },
	{ "invalid sender", TX_ANSWER_REFUSED },
	{ "invalid signer", TX_ANSWER_REFUSED },
	{ "invalid signature", TX_ANSWER_REFUSED },
	{ "chain id", TX_ANSWER_REFUSED },
	{ "chainid", TX_ANSWER_REFUSED },
	{ "chain-id", TX_ANSWER_REFUSED },
	{ "transaction type not supported", TX_ANSWER_REFUSED },
	{ "exceeds the configured cap", TX_ANSWER_REFUSED },
	{ "fee cap exceeded", TX_ANSWER_REFUSED },
	{ "not an eoa", TX_ANSWER_REFUSED },
	{ "senderiscontract", TX_ANSWER_REFUSED },
	{ "not authorized to send", TX_ANSWER_REFUSED },
	{ "failedtoresolvesender", TX_ANSWER_REFUSED },
	{ "failed to recover sender", TX_ANSWER_REFUSED },
	{ "nonce has max value", TX_ANSWER_REFUSED },
	{ "transaction too large", TX_ANSWER_REFUSED },
	{ "marked the transaction as invalid", TX_ANSWER_REFUSED },
	{ "priority fee per gas exceeds max fee", TX_ANSWER_REFUSED },
	{ "higher than max fee per gas", TX_ANSWER_REFUSED },
	{ "rlp", TX_ANSWER_REFUSED },
};

static enum tx_answer by_code(int64_t code)
{
	switch (code) {
	case -32003: /* EIP-1474: transaction rejected, no reason */
		return TX_ANSWER_UNKNOWN;
	case -32005: /* EIP-1474: limit exceeded */
	case 429:
		return TX_ANSWER_LIMIT;
	case 3: /* geth's revert */
		return TX_ANSWER_REVERT;
	default:
		return TX_ANSWER_UNKNOWN;
	}
}

/* "nonce N is lower than …": the number in the middle needs two pieces */
static bool both(const char *text, const char *a, const char *b)
{
	const char *at = strstr(text, a);

	return at && strstr(at, b);
}

enum tx_answer tx_answer_classify(const char *message, int64_t code)
{
	char text[512];
	size_t n = 0;

	for (const char *s = message ? message : ""; *s && n + 1 < sizeof(text);
	     s++)
		text[n++] = (char)tolower((unsigned char)*s);
	text[n] = '\0';
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strstr(text, phrases[i].text))
			return phrases[i].answer;
	if (both(text, "nonce", "is lower than") ||
	    both(text, "expected nonce to be", "but got"))
		return TX_ANSWER_NONCE_LOW;
	if (both(text, "nonce", "is higher than"))
		return TX_ANSWER_NONCE_HIGH;
	return by_code(code);
}

const char *tx_answer_name(enum tx_answer a)
{
	switch (a) {
	case TX_ANSWER_ACCEPTED:
		return "accepted";
	case TX_ANSWER_KNOWN:
		return "known";
	case TX_ANSWER_NONCE_LOW:
		return "nonce_low";
	case TX_ANSWER_NONCE_HIGH:
		return "nonce_high";
	case TX_ANSWER_UNDERPRICED:
		return "underpriced";
	case TX_ANSWER_FEE_LOW:
		return "fee_low";
	case TX_ANSWER_FUNDS:
		return "funds";
	case TX_ANSWER_POOL:
		return "pool";
	case TX_ANSWER_REVERT:
		return "revert";
	case TX_ANSWER_REFUSED:
		return "refused";
	case TX_ANSWER_LIMIT:
		return "limit";
	case TX_ANSWER_UNKNOWN:
		return "unknown";
	}
	abort();
}
