/*
 * Bounded growing buffer. Never grows past its stated maximum and never
 * leaves old contents on the heap.
 */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/mem.h"

#define GROW_SLOWER ((size_t)256 * 1024)

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_deinit(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_deinit(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = 0;
}

void buf_shrink(struct buf *b, size_t keep)
{
	if (b->cap > keep)
		buf_wipe(b);
	else
		buf_reset(b);
}

/* Doubles while small; what is large grows by half, for both it and what it
 * leaves are there at once. Never more than the maximum and a final zero. */
static size_t next_cap(const struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;

	while (cap < need && cap < GROW_SLOWER)
		cap *= 2;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap + cap / 2;
	return b->max < SIZE_MAX && cap > b->max + 1 ? b->max + 1 : cap;
}

static void set_cap(struct buf *b, size_t cap)
{
	uint8_t *data = mem_zalloc(cap);

	if (b->data) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
}

/* Room for @n more bytes and a final zero; false marks the overflow. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need;

	if (b->overflow || n > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	need = b->len + n + 1;
	if (need > b->cap)
		set_cap(b, next_cap(b, need));
	return true;
}

void buf_expect(struct buf *b, size_t n)
{
	if (b->overflow || n > b->max - b->len)
		return;
	if (b->len + n + 1 > b->cap)
		set_cap(b, b->len ? next_cap(b, b->len + n + 1) : n + 1);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_add_byte(struct buf *b, uint8_t byte)
{
	buf_add(b, &byte, 1);
}

void buf_add_zeros(struct buf *b, size_t n)
{
	if (!reserve(b, n))
		return;
	memset(b->data + b->len, 0, n + 1);
	b->len += n;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && reserve(b, (size_t)n)) {
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

const char *buf_str(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

enum status buf_check(const struct buf *b, const char *what, struct err *err)
{
	if (b->overflow)
		return err_set(err, ST_REJECTED, "%s: longer than %zu bytes",
			       what, b->max);
	return ST_OK;
}
