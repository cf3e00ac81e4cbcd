#ifndef CX_CLI_CHAIN_INT_H
#define CX_CLI_CHAIN_INT_H

#include <uv.h>

#include "abi/hex.h"
#include "cli/chain.h"
#include "core/http.h"
#include "core/rpc.h"

/* Inside of chain.h; only chain*.c include this. */
#define CALL_DATA_MAX (128 * 1024)

struct chain {
	uv_loop_t loop;
	struct http *http;
	struct rpc *rpc;
	struct abi *abi;
	const struct config *cfg;
	FILE *announce;
	char address[HEX_ADDRESS_SIZE];
};

/** chain_encode - a call of the room contract, appended to @data
 * @entry: the function; owned by @c */
enum status chain_encode(struct buf *data, const struct chain *c,
			 const struct abi_entry **entry, const char *function,
			 const struct abi_value *args, size_t n,
			 struct err *err) MUST_CHECK;

#endif
