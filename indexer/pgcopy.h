#ifndef CX_INDEXER_PGCOPY_H
#define CX_INDEXER_PGCOPY_H

#include "abi/types.h"
#include "core/buf.h"

/*
 * Tuples of Postgres' binary COPY (manual, "COPY", section Binary Format):
 * pgcopy_tuple() with the number of columns, then one field for each.
 */
void pgcopy_tuple(struct buf *b, unsigned columns);
void pgcopy_null(struct buf *b);
void pgcopy_bool(struct buf *b, bool v);
void pgcopy_i32(struct buf *b, int32_t v);
void pgcopy_i64(struct buf *b, int64_t v);
void pgcopy_bytes(struct buf *b, const void *p, size_t n);
/** pgcopy_time - timestamptz of @seconds since 1970 */
void pgcopy_time(struct buf *b, uint64_t seconds);
/** pgcopy_numeric - a whole number; two's complement when @is_signed */
void pgcopy_numeric(struct buf *b, const struct u256 *v, bool is_signed);
/** pgcopy_jsonb - @text must be valid JSON without \u0000 */
void pgcopy_jsonb(struct buf *b, const char *text, size_t n);

#endif
