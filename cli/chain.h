#ifndef CX_CLI_CHAIN_H
#define CX_CLI_CHAIN_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "abi/abi.h"
#include "abi/types.h"
#include "cli/cli.h"
#include "config/config.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * The chain as a command sees it: one endpoint of the config, the room
 * contract, and calls that wait for their answer.
 */
struct chain;

/** chain_open - connect to the first endpoint that answers with the config's
 * chain id. @cfg must outlive it. ST_TRANSIENT: none answered; ST_REJECTED:
 * wrong chain. Release with chain_close(). */
enum status chain_open(struct chain **out, const struct config *cfg,
		       struct err *err) MUST_CHECK;
void chain_close(struct chain *c);
DEFINE_AUTO(chain, chain_close)

/** chain_registry - the shipped ABI of the room contract; owned by @c */
const struct abi *chain_registry(const struct chain *c);

/** chain_contract - where the room contract stands */
struct address chain_contract(const struct chain *c);
/** chain_config - of chain_open() */
const struct config *chain_config(const struct chain *c);

/** chain_announce - chain_send() writes a line with the transaction's hash to
 * @f before it waits; NULL: it does not, as at first */
void chain_announce(struct chain *c, FILE *f);

/** chain_rpc - one JSON-RPC call; @params: JSON array text */
enum status chain_rpc(cJSON **result, struct chain *c, const char *method,
		      const char *params, struct err *err) MUST_CHECK;

/**
 * chain_view - eth_call of a view of the room contract at the latest block
 * @out: the function's results, in @a
 */
enum status chain_view(const struct abi_value **out, struct chain *c,
		       struct arena *a, const char *function,
		       const struct abi_value *args, size_t n,
		       struct err *err) MUST_CHECK;

/**
 * chain_send - sign a call of the room contract, send it, wait for its receipt
 * @receipt: set on ST_OK; caller owns it
 * @key32: the sender's secret key
 * @value: wei sent along; NULL for none
 *
 * Return: ST_OK; ST_REJECTED when it would revert (naming the contract's
 * error) or did, or when the sender has less than it may cost; ST_TRANSIENT
 * when the node does not answer.
 */
enum status chain_send(cJSON **receipt, struct chain *c,
		       const uint8_t key32[32], const char *function,
		       const struct abi_value *args, size_t n,
		       const struct u256 *value, struct err *err) MUST_CHECK;

/** chain_receipt_event - decode the first log of @receipt that is @event of
 * the room contract; ST_REJECTED when there is none */
enum status chain_receipt_event(const struct abi_value **values,
				struct arena *a, const struct chain *c,
				const cJSON *receipt, const char *event,
				struct err *err) MUST_CHECK;

#endif
