#ifndef CX_CLI_HOSTKEY_H
#define CX_CLI_HOSTKEY_H

#include "abi/seal.h"
#include "cli/cli.h"

/* The key pair to which a room's credentials are sealed. */
#define HOSTKEY_OPTIONS "host-key suite"
#define HOSTKEY_USAGE   "--host-key FILE|0x… [--suite 1|2]"

/** suite_from_opts - the suite byte of --suite; 1 without it */
enum status suite_from_opts(uint8_t *out, const struct cli *cli,
			    struct err *err) MUST_CHECK;

/**
 * hostkey_from_opts - suite byte and public key for createRoom
 * @out: room for SEAL_KEY_MAX bytes at least 64, so that a malformed key can
 *	be sent on purpose
 *
 * --host-key 0x…: the public key as it goes on chain. --host-key FILE: the
 * file of a secret key; where there is none, a new key of --suite is made and
 * written there, mode 0600.
 */
enum status hostkey_from_opts(uint8_t out[64], size_t *len,
			      const struct cli *cli,
			      struct err *err) MUST_CHECK;

#endif
