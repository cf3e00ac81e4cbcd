/*
 * Bump allocator: chunks in a list, freed together. Never moves what it has
 * handed out.
 */
#include "core/arena.h"

#include <stdalign.h>

#define CHUNK_MIN 4096

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) uint8_t data[];
};

struct arena {
	struct chunk *chunks; /* newest first */
	size_t used, max;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = mem_zalloc(sizeof(*a));

	a->max = max;
	return a;
}

static void chunks_free(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	chunks_free(a->chunks);
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX - align)
		abort();
	size = (size + align - 1) / align * align;
	if (size > a->max - a->used)
		abort();
	if (!c || size > c->size - c->used) {
		size_t cap = c ? c->size * 2 : CHUNK_MIN;

		if (cap > (1U << 20))
			cap = 1U << 20;
		if (cap < size)
			cap = size;
		c = mem_zalloc(sizeof(*c) + cap);
		c->size = cap;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += size;
	a->used += size;
	memset(p, 0, size);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		abort();
	return arena_alloc(a, total);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
	uint8_t *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

void arena_reset(struct arena *a)
{
	struct chunk *c = a->chunks;

	a->used = 0;
	if (!c)
		return;
	chunks_free(c->next);
	c->next = NULL;
	c->used = 0;
}
