/*
 * What nodes say when they refuse a transaction, client by client, and what it
 * means to us. The words are those of the sources named above each group;
 * numbers and addresses in them are made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/txanswer.h"
#include "core/mem.h"

enum client { GETH, NETHERMIND, ERIGON, BESU, RETH, ANVIL, CLIENTS };

static const struct row {
	enum client client;
	int64_t code;
	const char *text;
	enum tx_answer want;
} rows[] = {
	/* geth: core/error.go, core/txpool/{errors,validation}.go,
	 * core/txpool/legacypool/legacypool.go, internal/ethapi */
	{ GETH, -32000, "already known", TX_ANSWER_KNOWN },
	{ GETH, -32000, "nonce too low: next nonce 3, tx nonce 2",
	  TX_ANSWER_NONCE_LOW },
	{ GETH, -32000, "replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ GETH, -32000,
	  "replacement transaction underpriced: new tx gas tip cap 1 <= 1 "
	  "queued",
	  TX_ANSWER_UNDERPRICED },
	{ GETH, -32000,
	  "insufficient funds for gas * price + value: balance 1, tx cost 9, "
	  "overshot 8",
	  TX_ANSWER_FUNDS },
	{ GETH, -32000,
	  "insufficient funds for gas * price + value: balance 9, queued cost "
	  "8, tx bumped 2, overshot 1",
	  TX_ANSWER_FUNDS },
	{ GETH, -32000, "nonce too high: tx nonce 9, gapped nonce 7",
	  TX_ANSWER_NONCE_HIGH },
	{ GETH, -32000, "gapped-nonce tx from delegated accounts",
	  TX_ANSWER_NONCE_HIGH },
	{ GETH, 3, "execution reverted: custom error 0xe2517d3f",
	  TX_ANSWER_REVERT },
	{ GETH, -32000,
	  "transaction underpriced: gas tip cap 0, minimum needed 1",
	  TX_ANSWER_FEE_LOW },
	{ GETH, -32000,
	  "transaction gas price below minimum: gas tip cap 0, minimum needed "
	  "1",
	  TX_ANSWER_FEE_LOW },
	{ GETH, -32000,
	  "max fee per gas less than block base fee: address 0x0, "
	  "maxFeePerGas: 1, baseFee: 7",
	  TX_ANSWER_FEE_LOW },
	{ GETH, -32000, "txpool is full", TX_ANSWER_POOL },
	{ GETH, -32000, "account limit exceeded: pooled 16 txs",
	  TX_ANSWER_POOL },
	{ GETH, -32000,
	  "in-flight transaction limit reached for delegated accounts",
	  TX_ANSWER_POOL },
	{ GETH, -32000, "future transaction tries to replace pending",
	  TX_ANSWER_POOL },
	{ GETH, -32000, "address already reserved", TX_ANSWER_POOL },
	{ GETH, -32000, "intrinsic gas too low: gas 1, minimum needed 21000",
	  TX_ANSWER_REFUSED },
	{ GETH, -32000,
	  "insufficient gas for floor data gas cost: gas 1, minimum needed 2",
	  TX_ANSWER_REFUSED },
	{ GETH, -32000, "exceeds block gas limit", TX_ANSWER_REFUSED },
	{ GETH, -32000,
	  "transaction gas limit too high (cap: 16777216, tx: 20000000)",
	  TX_ANSWER_REFUSED },
	{ GETH, -32000,
	  "tx fee (2.10 ether) exceeds the configured cap (1.00 ether)",
	  TX_ANSWER_REFUSED },
	{ GETH, -32000, "invalid sender: invalid chain id for signer",
	  TX_ANSWER_REFUSED },

	/* nethermind: Nethermind.TxPool/TxPoolErrorMessages.cs and, in
	 * releases before it, the names in AcceptTxResult.cs;
	 * Nethermind.TxPool/Filters; Nethermind.Core/Messages */
	{ NETHERMIND, -32010, "already known", TX_ANSWER_KNOWN },
	{ NETHERMIND, -32010, "AlreadyKnown", TX_ANSWER_KNOWN },
	{ NETHERMIND, -32010, "nonce too low", TX_ANSWER_NONCE_LOW },
	{ NETHERMIND, -32010,
	  "OldNonce, Current nonce: 3, nonce of rejected tx: 2",
	  TX_ANSWER_NONCE_LOW },
	{ NETHERMIND, -32010, "replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ NETHERMIND, -32010, "ReplacementNotAllowed", TX_ANSWER_UNDERPRICED },
	{ NETHERMIND, -32010, "OwnNonceAlreadyUsed", TX_ANSWER_UNDERPRICED },
	{ NETHERMIND, -32010,
	  "insufficient funds for gas * price + value, Account balance: 1, "
	  "cumulative cost: 2",
	  TX_ANSWER_FUNDS },
	{ NETHERMIND, -32010,
	  "InsufficientFunds, Balance is zero, cannot pay gas",
	  TX_ANSWER_FUNDS },
	{ NETHERMIND, -32010, "nonce too high", TX_ANSWER_NONCE_HIGH },
	{ NETHERMIND, -32010, "NonceGap, Future nonce. Expected nonce: 3",
	  TX_ANSWER_NONCE_HIGH },
	{ NETHERMIND, -32010, "nonce too far in future", TX_ANSWER_NONCE_HIGH },
	{ NETHERMIND, -32010, "delegation nonce gap", TX_ANSWER_NONCE_HIGH },
	{ NETHERMIND, -32015, "VM execution error.", TX_ANSWER_REVERT },
	{ NETHERMIND, -32000, "execution reverted: 0xe2517d3f",
	  TX_ANSWER_REVERT },
	{ NETHERMIND, -32010, "FeeTooLow, MaxFeePerGas too low. BaseFee: 7",
	  TX_ANSWER_FEE_LOW },
	{ NETHERMIND, -32010, "FeeTooLowToCompete", TX_ANSWER_FEE_LOW },
	{ NETHERMIND, -32010, "pending transaction type conflict",
	  TX_ANSWER_POOL },
	{ NETHERMIND, -32010, "GasLimitExceeded", TX_ANSWER_REFUSED },
	{ NETHERMIND, -32010,
	  "TxGasLimitCapExceeded: Gas limit 20000000 exceeded cap of 16777216.",
	  TX_ANSWER_REFUSED },
	{ NETHERMIND, -32010, "Invalid, InvalidTxChainId: Expected 1, got 5.",
	  TX_ANSWER_REFUSED },

	/* erigon: txnprovider/txpool/txpoolcfg (reasons) behind the name that
	 * rpc/jsonrpc/send_transaction.go puts first; execution/protocol */
	{ ERIGON, -32000, "ALREADY_EXISTS: already known", TX_ANSWER_KNOWN },
	{ ERIGON, -32000, "INTERNAL_ERROR: existing txn with same hash",
	  TX_ANSWER_KNOWN },
	{ ERIGON, -32000, "INTERNAL_ERROR: nonce too low",
	  TX_ANSWER_NONCE_LOW },
	{ ERIGON, -32000, "FEE_TOO_LOW: replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ ERIGON, -32000, "INTERNAL_ERROR: could not replace existing tx",
	  TX_ANSWER_UNDERPRICED },
	{ ERIGON, -32000, "INTERNAL_ERROR: insufficient funds",
	  TX_ANSWER_FUNDS },
	{ ERIGON, -32000, "nonce too high: address 0x0, tx: 5 state: 3",
	  TX_ANSWER_NONCE_HIGH },
	{ ERIGON, 3, "execution reverted", TX_ANSWER_REVERT },
	{ ERIGON, -32000, "FEE_TOO_LOW: underpriced", TX_ANSWER_FEE_LOW },
	{ ERIGON, -32000, "FEE_TOO_LOW: fee too low", TX_ANSWER_FEE_LOW },
	{ ERIGON, -32000, "INTERNAL_ERROR: pending sub-pool is full",
	  TX_ANSWER_POOL },
	{ ERIGON, -32000, "INTERNAL_ERROR: baseFee sub-pool is full",
	  TX_ANSWER_POOL },
	{ ERIGON, -32000, "INTERNAL_ERROR: spammer", TX_ANSWER_POOL },
	{ ERIGON, -32000, "INTERNAL_ERROR: IntrinsicGas", TX_ANSWER_REFUSED },
	{ ERIGON, -32000, "INTERNAL_ERROR: gas limit is too high",
	  TX_ANSWER_REFUSED },
	{ ERIGON, -32000, "INVALID: RLPTooLong", TX_ANSWER_REFUSED },
	{ ERIGON, -32000, "invalid chain id, expected: 1 got: 5",
	  TX_ANSWER_REFUSED },

	/* besu: RpcErrorType.java, then in brackets the reason of
	 * MainnetTransactionValidator.java, when there is one */
	{ BESU, -32000, "Known transaction", TX_ANSWER_KNOWN },
	{ BESU, -32001,
	  "Nonce too low (transaction nonce 1 below sender account nonce 2)",
	  TX_ANSWER_NONCE_LOW },
	{ BESU, -32001, "transaction nonce 1 below sender account nonce 2",
	  TX_ANSWER_NONCE_LOW },
	{ BESU, -32000, "Replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ BESU, -32004, "Upfront cost exceeds account balance",
	  TX_ANSWER_FUNDS },
	{ BESU, -32004,
	  "transaction up-front cost 0x9 exceeds transaction sender account "
	  "balance 0x1",
	  TX_ANSWER_FUNDS },
	{ BESU, -32006, "Nonce too high", TX_ANSWER_NONCE_HIGH },
	{ BESU, -32006,
	  "transaction nonce 5 does not match sender account nonce 3.",
	  TX_ANSWER_NONCE_HIGH },
	{ BESU, -32000,
	  "Transaction nonce is too distant from current sender nonce",
	  TX_ANSWER_NONCE_HIGH },
	{ BESU, -32000, "An invalid transaction with a lower nonce exists",
	  TX_ANSWER_NONCE_HIGH },
	{ BESU, -32000, "Execution reverted", TX_ANSWER_REVERT },
	{ BESU, -32009, "Gas price below configured minimum gas price",
	  TX_ANSWER_FEE_LOW },
	{ BESU, -32009,
	  "Gas price below current base fee (gasPrice is less than the current "
	  "BaseFee)",
	  TX_ANSWER_FEE_LOW },
	/* the code would mean "limit" */
	{ BESU, -32005, "Transaction gas limit exceeds block gas limit",
	  TX_ANSWER_REFUSED },
	{ BESU, -32003, "Intrinsic gas exceeds gas limit", TX_ANSWER_REFUSED },
	{ BESU, -32003, "intrinsic gas cost 21000 exceeds gas limit 1",
	  TX_ANSWER_REFUSED },
	{ BESU, -32000, "Transaction fee cap exceeded", TX_ANSWER_REFUSED },
	{ BESU, -32000, "Wrong chainId", TX_ANSWER_REFUSED },
	{ BESU, -32007, "Sender account not authorized to send transactions",
	  TX_ANSWER_REFUSED },
	{ BESU, -32008, "Initial sync is still in progress", TX_ANSWER_POOL },

	/* reth: crates/rpc/rpc-eth-types/src/error/mod.rs and, where it passes
	 * them on, crates/transaction-pool/src/error.rs */
	{ RETH, -32000, "already known", TX_ANSWER_KNOWN },
	{ RETH, -32000, "[0x00]: already imported", TX_ANSWER_KNOWN },
	{ RETH, -32000, "nonce too low: next nonce 3, tx nonce 2",
	  TX_ANSWER_NONCE_LOW },
	{ RETH, -32000, "replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ RETH, -32000,
	  "[0x00]: insufficient gas price to replace existing transaction",
	  TX_ANSWER_UNDERPRICED },
	{ RETH, -32003,
	  "insufficient funds for gas * price + value: have 1 want 9",
	  TX_ANSWER_FUNDS },
	{ RETH, -32003, "transaction overdraws from account", TX_ANSWER_FUNDS },
	{ RETH, -32000, "nonce too high", TX_ANSWER_NONCE_HIGH },
	{ RETH, 3, "execution reverted: paused", TX_ANSWER_REVERT },
	{ RETH, -32000, "transaction underpriced", TX_ANSWER_FEE_LOW },
	{ RETH, -32000, "max fee per gas less than block base fee",
	  TX_ANSWER_FEE_LOW },
	{ RETH, -32003,
	  "transaction priority fee below minimum required priority fee 5",
	  TX_ANSWER_FEE_LOW },
	{ RETH, -32003, "txpool is full", TX_ANSWER_POOL },
	{ RETH, -32000, "exceeds max transaction gas limit",
	  TX_ANSWER_REFUSED },
	{ RETH, -32000, "invalid chain ID", TX_ANSWER_REFUSED },
	{ RETH, -32003, "sender is not an EOA", TX_ANSWER_REFUSED },

	/* anvil: crates/anvil/src/eth/error.rs */
	{ ANVIL, -32003, "transaction already imported", TX_ANSWER_KNOWN },
	{ ANVIL, -32003, "nonce too low", TX_ANSWER_NONCE_LOW },
	{ ANVIL, -32003, "replacement transaction underpriced",
	  TX_ANSWER_UNDERPRICED },
	{ ANVIL, -32003, "Insufficient funds for gas * price + value",
	  TX_ANSWER_FUNDS },
	{ ANVIL, -32003, "Nonce too high", TX_ANSWER_NONCE_HIGH },
	{ ANVIL, 3, "execution reverted", TX_ANSWER_REVERT },
	{ ANVIL, -32003, "max fee per gas less than block base fee",
	  TX_ANSWER_FEE_LOW },
	{ ANVIL, -32000,
	  "intrinsic gas too high -- CallerGasLimitMoreThanBlock",
	  TX_ANSWER_REFUSED },
	{ ANVIL, -32003,
	  "Transaction gas limit is greater than the block gas limit, "
	  "gas_limit: 9, cap: 8",
	  TX_ANSWER_REFUSED },
	{ ANVIL, -32003, "invalid chain id for signer", TX_ANSWER_REFUSED },
};

static void expect(const char *text, int64_t code, enum tx_answer want)
{
	enum tx_answer got = tx_answer_classify(text, code);

	if (got != want)
		fail_msg("%s: %s instead of %s", text ? text : "(null)",
			 tx_answer_name(got), tx_answer_name(want));
}

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(rows[i].text, rows[i].code, rows[i].want);
}

/* A row may not get lost: each client has each of the cases that matter. */
static void test_complete(void **state)
{
	static const enum tx_answer all[] = {
		TX_ANSWER_KNOWN, TX_ANSWER_NONCE_LOW,  TX_ANSWER_UNDERPRICED,
		TX_ANSWER_FUNDS, TX_ANSWER_NONCE_HIGH, TX_ANSWER_REVERT,
	};

	(void)state;
	for (int c = 0; c < CLIENTS; c++) {
		for (size_t a = 0; a < ARRAY_SIZE(all); a++) {
			bool there = false;

			for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
				there |= rows[i].client == (enum client)c &&
					 rows[i].want == all[a];
			if (!there)
				fail_msg("client %d lacks %s", c,
					 tx_answer_name(all[a]));
		}
	}
}

/* The words decide, whatever the code; upper and lower case are the same. */
static void test_message_first(void **state)
{
	static const int64_t codes[] = { -32000, -32003, -32005, -32010,
					 -32603, 3,      429,    0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t c = 0; c < ARRAY_SIZE(codes); c++)
			expect(rows[i].text, codes[c], rows[i].want);
	expect("NONCE TOO LOW", -32000, TX_ANSWER_NONCE_LOW);
}

/* A contract may say anything in its reason. */
static void test_reasons(void **state)
{
	(void)state;
	expect("execution reverted: insufficient balance", 3, TX_ANSWER_REVERT);
	expect("execution reverted: nonce too low", -32000, TX_ANSWER_REVERT);
	expect("execution reverted: nonce 5 is lower than 6", -32000,
	       TX_ANSWER_REVERT);
	expect("err: already known (execution reverted)", -32000,
	       TX_ANSWER_REVERT);
}

static void test_rest(void **state)
{
	(void)state;
	expect("", -32005, TX_ANSWER_LIMIT);
	expect("", 429, TX_ANSWER_LIMIT);
	expect("", 3, TX_ANSWER_REVERT);
	expect("daily request count exceeded, request rate limited", -32005,
	       TX_ANSWER_LIMIT);
	expect("Your app has exceeded its compute units per second capacity",
	       429, TX_ANSWER_LIMIT);
	expect("nonce 5 is lower than 6", -32000, TX_ANSWER_NONCE_LOW);
	expect("nonce 7 is higher than 6", -32000, TX_ANSWER_NONCE_HIGH);
	expect("something new", -32000, TX_ANSWER_UNKNOWN);
	expect("", -32003, TX_ANSWER_UNKNOWN);
	expect(NULL, -32000, TX_ANSWER_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_message_first),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
