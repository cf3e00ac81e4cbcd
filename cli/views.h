#ifndef CX_CLI_VIEWS_H
#define CX_CLI_VIEWS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "abi/types.h"
#include "cli/chain.h"

/* What the room contract says of itself, as commands need it. */

enum views_role { ROLE_ADMIN = 0, ROLE_BRIDGE = 1, ROLE_MODERATOR = 2 };
#define VIEWS_ROLES 3

/** views_role - the bytes32 of a role (OpenZeppelin's AccessControl) */
struct hash32 views_role(enum views_role role);
/** views_role_parse - "admin", "bridge", "moderator"; ST_REJECTED otherwise */
enum status views_role_parse(enum views_role *out, const char *name,
			     struct err *err) MUST_CHECK;
/** views_role_text - the name that views_role_parse() takes */
const char *views_role_text(enum views_role role);
/** views_role_name - what a bytes32 as "0x…" is called in the contract
 * ("MODERATOR_ROLE"); NULL: no role of it */
const char *views_role_name(const char *hex);

/** views_has_role - whether @who has it in the latest block */
enum status views_has_role(bool *out, struct chain *c, const uint8_t role[32],
			   const struct address *who,
			   struct err *err) MUST_CHECK;

/**
 * views_json - a view's answer: the value of its only result, or an object of
 * its results (abi_to_json())
 * @out: caller owns it
 */
enum status views_json(cJSON **out, struct chain *c, const char *function,
		       const struct abi_value *args, size_t n,
		       struct err *err) MUST_CHECK;
/** views_num - the number that a view without arguments answers with, or the
 * member @member of what it answers */
enum status views_num(struct u256 *out, struct chain *c, const char *function,
		      const char *member, struct err *err) MUST_CHECK;

/** views_balance - wei of @who in the latest block */
enum status views_balance(struct u256 *out, struct chain *c,
			  const struct address *who,
			  struct err *err) MUST_CHECK;

#endif
