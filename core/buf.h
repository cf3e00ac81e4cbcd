#ifndef CX_CORE_BUF_H
#define CX_CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Growing byte buffer that states its maximum. Running past it sets
 * @overflow and drops the bytes; a writer checks once, at the end, with
 * buf_check(). The data is always followed by a zero byte.
 */
struct buf {
	uint8_t *data; /* NULL while empty */
	size_t len, cap, max;
	bool overflow;
};

/** buf_init - @max: the most bytes it may hold */
void buf_init(struct buf *b, size_t max);
/** buf_deinit - frees; the struct may be initialised again */
void buf_deinit(struct buf *b);
/** buf_wipe - overwrites the bytes, then buf_deinit: for secrets. A buffer
 * that grows wipes what it leaves behind, so no copy stays on the heap. */
void buf_wipe(struct buf *b);
/* What an automatic buffer starts as: an early return may then come before
 * buf_init(). `AUTO_BUF b = BUF_NULL;`, checked by tools/check-source.sh. */
/* clang-format off */
#define BUF_NULL { 0 }
/* clang-format on */
#define AUTO_BUF        __attribute__((cleanup(buf_deinit))) struct buf
#define AUTO_SECRET_BUF __attribute__((cleanup(buf_wipe))) struct buf

void buf_reset(struct buf *b); /* length 0, memory kept */
/** buf_shrink - length 0; memory is kept only up to @keep bytes */
void buf_shrink(struct buf *b, size_t keep);
/** buf_expect - @n more bytes are about to come: room for exactly these while
 * it is empty, so that what is announced is not doubled; no overflow */
void buf_expect(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_byte(struct buf *b, uint8_t byte);
void buf_add_zeros(struct buf *b, size_t n);
void buf_add_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/** buf_str - the bytes as a string; "" while empty; owned by @b */
const char *buf_str(const struct buf *b);
/** buf_check - ST_REJECTED naming @what and the maximum after an overflow */
enum status buf_check(const struct buf *b, const char *what,
		      struct err *err) MUST_CHECK;

#endif
