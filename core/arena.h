#ifndef CX_CORE_ARENA_H
#define CX_CORE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "core/mem.h"

/* Bump allocation: everything decoded from one block or one message lives in
 * one arena and is dropped at once. */
struct arena;

/** arena_new - @max: total bytes it may hand out; past it arena_alloc aborts
 * (parsers bound their input first). Release with arena_free(). */
struct arena *arena_new(size_t max);
void arena_free(struct arena *a);
DEFINE_AUTO(arena, arena_free)

/** arena_alloc - @size zeroed bytes, aligned for any type, freed with @a */
void *arena_alloc(struct arena *a, size_t size);

/** arena_array - @n zeroed items of @size bytes; aborts on overflow */
void *arena_array(struct arena *a, size_t n, size_t size);

/** arena_dup - copy of @n bytes, with a zero byte after them */
void *arena_dup(struct arena *a, const void *p, size_t n);

/** arena_used - bytes handed out so far */
size_t arena_used(const struct arena *a);

/** arena_reset - forget everything handed out, keep the first chunk */
void arena_reset(struct arena *a);

#endif
