#ifndef CX_BRIDGE_TXANSWER_H
#define CX_BRIDGE_TXANSWER_H

#include <stdint.h>

/* What a node's answer to eth_sendRawTransaction means for the transaction. */
enum tx_answer {
	TX_ANSWER_ACCEPTED = 0,
	TX_ANSWER_KNOWN,       /* it has these bytes already */
	TX_ANSWER_NONCE_LOW,   /* the nonce is mined: ours, or another's */
	TX_ANSWER_NONCE_HIGH,  /* an earlier nonce is missing at this node */
	TX_ANSWER_UNDERPRICED, /* another transaction holds the nonce: bump */
	TX_ANSWER_FEE_LOW,     /* below what the node takes now: bump, wait */
	TX_ANSWER_FUNDS,       /* balance too small: wait, alert */
	TX_ANSWER_POOL,        /* pool full or account's limit: wait */
	TX_ANSWER_REVERT,      /* the node simulated it and it reverts */
	TX_ANSWER_REFUSED,     /* never acceptable: wrong chain, gas, size */
	TX_ANSWER_LIMIT,       /* the provider is limiting requests: wait */
	TX_ANSWER_UNKNOWN,     /* maybe sent */
};

/**
 * tx_answer_classify - by message first, since codes differ among clients
 * (geth, nethermind, erigon, besu, reth, anvil); then by code
 * @message: any text; NULL counts as empty
 */
enum tx_answer tx_answer_classify(const char *message, int64_t code);

/** tx_answer_name - "accepted", "known", … */
const char *tx_answer_name(enum tx_answer a);

#endif
