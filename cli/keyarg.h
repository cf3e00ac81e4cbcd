#ifndef CX_CLI_KEYARG_H
#define CX_CLI_KEYARG_H

#include "abi/types.h"
#include "cli/cli.h"

/* Options that name a signing key, shared by the commands that send. */
#define KEY_OPTIONS "key-file keystore password-file"
#define KEY_USAGE   "--key-file FILE | --keystore FILE --password-file FILE"

/**
 * key_from_opts - the key of --key-file, or --keystore with --password-file
 * @key32: set only on ST_OK; wipe it after use
 *
 * A raw key file must be mode 0600 or stricter.
 */
enum status key_from_opts(uint8_t key32[32], const struct cli *cli,
			  struct err *err) MUST_CHECK;

/** room_id_arg - positional argument @i as a room id: decimal, or 0x and at
 * most 24 digits */
enum status room_id_arg(struct u256 *out, const struct cli *cli, int i,
			struct err *err) MUST_CHECK;

#endif
