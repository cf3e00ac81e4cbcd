#ifndef CX_CONFIG_KEYFILE_H
#define CX_CONFIG_KEYFILE_H

#include <stdint.h>

#include "config/config.h"

/**
 * keyfile_load - the signing key that the signer section names
 * @key32: untouched unless ST_OK; explicit_bzero() it after use
 *
 * Return: ST_OK; ST_REJECTED: no signer configured, a file that is missing, no
 * regular file or readable by others (the keystore itself may be), not 64 hex
 * digits (0x allowed), or the keystore's own errors. Takes seconds for a
 * keystore (scrypt). The error never quotes a file.
 */
enum status keyfile_load(uint8_t key32[32], const struct config *c,
			 struct err *err) MUST_CHECK;

/** keyfile_read_raw - the key of one raw hex key file, as above */
enum status keyfile_read_raw(uint8_t key32[32], const char *path,
			     struct err *err) MUST_CHECK;

#endif
