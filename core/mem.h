#ifndef CX_CORE_MEM_H
#define CX_CORE_MEM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Allocation aborts when memory is gone: durable state is in Postgres, so a
 * restart is the recovery. Everything is inline so that gcc's analyzer sees it.
 */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void *mem_check(void *p)
{
	if (!p)
		abort();
	return p;
}

/** mem_zalloc - @size zeroed bytes; free() them */
static inline void *mem_zalloc(size_t size)
{
	return mem_check(calloc(1, size ? size : 1));
}

/** mem_array - @n zeroed items of @size bytes; aborts on overflow */
static inline void *mem_array(size_t n, size_t size)
{
	return mem_check(calloc(n ? n : 1, size ? size : 1));
}

/** mem_resize - realloc to @n items of @size bytes; new bytes undefined */
static inline void *mem_resize(void *p, size_t n, size_t size)
{
	return mem_check(reallocarray(p, n ? n : 1, size ? size : 1));
}

static inline char *mem_strdup(const char *s)
{
	return (char *)mem_check(strdup(s));
}

static inline char *mem_strndup(const char *s, size_t n)
{
	return (char *)mem_check(strndup(s, n));
}

static inline void *mem_dup(const void *p, size_t n)
{
	void *copy = mem_zalloc(n);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

/**
 * DEFINE_AUTO - beside `void foo_free(struct foo *)` this makes
 * `AUTO(foo) struct foo *f = foo_new();`, freed on every return. The free
 * function must accept NULL. Do not use goto in a function that has AUTO.
 */
#define DEFINE_AUTO(name, free_fn)                                             \
	static inline void auto_##name(struct name **p)                        \
	{                                                                      \
		if (*p)                                                        \
			free_fn(*p);                                           \
	}
#define AUTO(name) __attribute__((cleanup(auto_##name)))

static inline void auto_free_ptr(void *p)
{
	void *q;

	memcpy(&q, p, sizeof(q));
	free(q);
}
/** AUTO_FREE - for plain malloc'd memory: `AUTO_FREE char *s = …;` */
#define AUTO_FREE __attribute__((cleanup(auto_free_ptr)))

/** STEAL - yields the pointer and clears the variable: ownership leaves */
#define STEAL(p)                                                               \
	({                                                                     \
		__typeof__(p) p_ = (p);                                        \
		(p) = NULL;                                                    \
		p_;                                                            \
	})

#endif
