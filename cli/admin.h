#ifndef CX_CLI_ADMIN_H
#define CX_CLI_ADMIN_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "abi/types.h"
#include "cli/chain.h"
#include "cli/cli.h"

/* Between cmd_admin.c, which sends, and admin_checks.c and admin_transfer.c,
 * which check; nobody else's. */

/* One call of the owner under way. */
struct admin {
	const struct cli *cli;
	struct chain *chain; /* NULL while arguments are parsed */
	struct address sender;
	cJSON *args;   /* of the function, as abi_from_json() takes them */
	cJSON *before; /* members of the event as they were; may be NULL */
};

/*
 * parse: fills @args from the command line alone, which has as many positional
 * arguments as the call needs. check: whether the call makes sense now, fills
 * what is missing in @args and, where it replaces something, @before. Both
 * answer ST_REJECTED with the reason.
 */
typedef enum status (*admin_fn)(struct admin *m, struct err *err);

/** admin_add_text - one more of @args */
void admin_add_text(struct admin *m, const char *text);
/** admin_add_address - positional argument @i: any address but zero */
enum status admin_add_address(struct admin *m, int i,
			      struct err *err) MUST_CHECK;
/** admin_read_num - @text, decimal or hex, below 2^@bits */
enum status admin_read_num(struct u256 *out, const char *text, const char *what,
			   unsigned bits, struct err *err) MUST_CHECK;

enum status admin_parse_limits(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_limits(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_origin(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_origin(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_role(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_grant(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_revoke(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_pause(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_unpause(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_withdraw(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_withdraw(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_bridge_key(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_bridge_key(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_address(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_begin(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_cancel(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_accept(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_parse_delay(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_delay(struct admin *m, struct err *err) MUST_CHECK;
enum status admin_check_keep_delay(struct admin *m, struct err *err) MUST_CHECK;

#endif
