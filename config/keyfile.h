#ifndef CX_CONFIG_KEYFILE_H
#define CX_CONFIG_KEYFILE_H

#include <stdint.h>

#include "config/config.h"
#include "core/buf.h"

/**
 * keyfile_load - the signing key that entry @at of signers names
 * @key32: untouched unless ST_OK; explicit_bzero() it after use
 *
 * Return: ST_OK; ST_REJECTED: no such entry, a file that is missing, no
 * regular file or readable by others (the keystore itself may be), not 64 hex
 * digits (0x allowed), or the keystore's own errors. Takes seconds for a
 * keystore (scrypt). The error never quotes a file.
 */
enum status keyfile_load(uint8_t key32[32], const struct config *c, size_t at,
			 struct err *err) MUST_CHECK;

/** keyfile_read_raw - the key of one raw hex key file, as above */
enum status keyfile_read_raw(uint8_t key32[32], const char *path,
			     struct err *err) MUST_CHECK;

/** keyfile_read_keystore - the key of a keystore v3 file, opened with the
 * password that stands in a file of mode 0600 */
enum status keyfile_read_keystore(uint8_t key32[32], const char *path,
				  const char *password_path,
				  struct err *err) MUST_CHECK;

/** keyfile_read_password - append the password of a file of mode 0600, without
 * its line end; never empty */
enum status keyfile_read_password(struct buf *out, const char *path,
				  struct err *err) MUST_CHECK;

/** keyfile_write - a new file of mode 0600 on disk; an existing one is never
 * overwritten: ST_REJECTED */
enum status keyfile_write(const char *path, const void *text, size_t len,
			  struct err *err) MUST_CHECK;
/** keyfile_write_raw - the same with a raw key as 64 hex digits */
enum status keyfile_write_raw(const char *path, const uint8_t key32[32],
			      struct err *err) MUST_CHECK;

#endif
