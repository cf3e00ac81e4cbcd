/*
 * Is there a contract at each address. Asks a hundred at a time; stores
 * nothing.
 */
#include "indexer/contracts.h"

#include "abi/hex.h"
#include "core/log.h"
#include "indexer/ask.h"

#define BATCH     100
#define NO_METHOD (-32601) /* JSON-RPC 2.0: a node that does not tell code */

struct contracts {
	struct feed *feed;
	const struct schema *schema;
	void (*done)(void *arg, enum status st, const struct err *err);
	void *arg;
	size_t have;
};

static void ask_next(struct contracts *c);

static void end(struct contracts *c, enum status st, const struct err *err)
{
	c->done(c->arg, st, err);
}

static void answered(void *arg, const struct feed_answer *a)
{
	struct contracts *c = arg;
	struct err err;

	if (a->st != ST_OK) {
		end(c, ST_TRANSIENT, a->err);
		return;
	}
	for (size_t i = 0; i < a->n; i++, c->have++) {
		struct text code = a->items[i].result;
		char hex[HEX_ADDRESS_SIZE];

		if (!code.p && a->items[i].error.code == NO_METHOD) {
			log_odd(
			    "code_unchecked",
			    F_STR("endpoint", feed_label(c->feed, a->endpoint)),
			    F_STR("reason", a->items[i].error.message));
			end(c, ST_OK, NULL);
			return;
		}
		if (!code.p) {
			end(c,
			    err_set(&err, ST_TRANSIENT, "eth_getCode: %s",
				    a->items[i].error.message),
			    &err);
			return;
		}
		if (code.n > strlen("\"0x\""))
			continue;
		hex_address(hex, &c->schema->addresses[c->have]);
		end(c,
		    err_set(&err, ST_REJECTED,
			    "no contract at %s on this chain, says %s: check "
			    "the address and the endpoint",
			    hex, feed_label(c->feed, a->endpoint)),
		    &err);
		return;
	}
	if (c->have == c->schema->address_count)
		end(c, ST_OK, NULL);
	else
		ask_next(c);
}

static void ask_next(struct contracts *c)
{
	struct ask ask;
	struct err err;

	ask_init(&ask);
	for (size_t i = c->have;
	     i < c->schema->address_count && ask.count < BATCH; i++)
		ask_code(&ask, &c->schema->addresses[i]);
	if (!ask_send(&ask, c->feed, answered, c))
		end(c, err_set(&err, ST_TRANSIENT, "no endpoint"), &err);
}

struct contracts *
contracts_check(struct feed *feed, const struct schema *schema,
		void (*done)(void *arg, enum status st, const struct err *err),
		void *arg)
{
	struct contracts *c = mem_zalloc(sizeof(*c));

	*c = (struct contracts){
		.feed = feed, .schema = schema, .done = done, .arg = arg
	};
	ask_next(c);
	return c;
}

void contracts_free(struct contracts *c)
{
	if (!c)
		return;
	feed_cancel(c->feed, c);
	free(c);
}
