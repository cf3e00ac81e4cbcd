#ifndef CX_ABI_FIELDS_H
#define CX_ABI_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/scan.h"

/*
 * An object's members read by name into a struct, for the readers of logs,
 * headers and receipts; nobody else's. As with the scan the first thing wrong
 * counts; it names its field and is told once, by reader_end().
 */
#define FIELDS_MAX 64

struct reader {
	struct scan s;
	char why[80];
};

enum field_kind {
	FIELD_KIND_HEX = 1, /* "0x" and the digits of @size bytes */
	FIELD_KIND_U64,     /* quantities up to @max */
	FIELD_KIND_U32,
	FIELD_KIND_U256,
	FIELD_KIND_OTHER, /* the caller reads it */
	FIELD_KIND_SKIP,  /* known, and of no use here */
};

struct field {
	const char *name;
	size_t len; /* of @name */
	enum field_kind kind;
	size_t at, size; /* where in the struct */
	uint64_t max;
};

#define FIELD(name, kind, type, member, max)                                   \
	{                                                                      \
		name, sizeof(name) - 1, kind, offsetof(type, member),          \
		    sizeof(((type *)NULL)->member), max                        \
	}
#define FIELD_HEX(name, type, member)                                          \
	FIELD(name, FIELD_KIND_HEX, type, member, 0)
#define FIELD_U64(name, type, member, max)                                     \
	FIELD(name, FIELD_KIND_U64, type, member, max)
#define FIELD_U32(name, type, member, max)                                     \
	FIELD(name, FIELD_KIND_U32, type, member, max)
#define FIELD_U256(name, type, member)                                         \
	FIELD(name, FIELD_KIND_U256, type, member, 0)
#define FIELD_OTHER(name)                                                      \
	{                                                                      \
		name, sizeof(name) - 1, FIELD_KIND_OTHER, 0, 0, 0              \
	}
#define FIELD_SKIP(name)                                                       \
	{                                                                      \
		name, sizeof(name) - 1, FIELD_KIND_SKIP, 0, 0, 0               \
	}

struct fields {
	const struct field *table; /* in the order in which nodes write */
	unsigned count;            /* of the table, at most FIELDS_MAX */
	unsigned next;             /* where the next is looked for first */
	void *out;                 /* the struct that is filled */
	uint64_t seen;             /* bit i: table[i] was there, not null */
	bool unknown;              /* another was there, and not null */
};

void reader_init(struct reader *r, struct text json);
/** reader_fail - "@field @why" */
void reader_fail(struct reader *r, const char *field, const char *why);
/** reader_end - as scan_end() */
enum status reader_end(struct reader *r, const char *what,
		       struct err *err) MUST_CHECK;
/** reader_string - a string that belongs to @field */
bool reader_string(struct reader *r, const char *field, struct text *out);

/**
 * fields_open - enter the object that comes next, to be read into @out
 */
struct fields fields_open(struct reader *r, const struct field *table,
			  unsigned count, void *out);

/**
 * fields_next - read members up to the next of FIELD_KIND_OTHER
 *
 * Unknown members and nulls are stepped over. A name that comes twice is
 * refused. Return: its index, its value comes next; -1: the object ended and
 * was left, or something is bad.
 */
int fields_next(struct reader *r, struct fields *f);

/** fields_need - refuse when a field of the bits @mask was not seen */
void fields_need(struct reader *r, const struct fields *f, uint64_t mask);

#endif
