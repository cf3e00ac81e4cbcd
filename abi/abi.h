#ifndef CX_ABI_ABI_H
#define CX_ABI_ABI_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/types.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"

/*
 * The Solidity ABI (docs.soliditylang.org, "Contract ABI Specification"):
 * types, values, encoding, decoding, events. What is decoded is hostile: see
 * abi_decode() for the bounds.
 */

#define ABI_DEPTH_MAX 16    /* arrays and tuples inside each other */
#define ABI_TYPES_MAX 65536 /* types in one text or one ABI JSON */
#define ABI_TEXT_MAX  16384 /* bytes of a type or signature */
#define ABI_NAME_MAX  256   /* bytes of a name in ABI JSON */
#define ABI_WIDTH_MAX                                                          \
	(1 << 26) /* bytes that a type takes without its tails                 \
		   */

enum abi_kind {
	ABI_UINT = 1,
	ABI_INT,
	ABI_BOOL,
	ABI_ADDRESS,
	ABI_FIXED_BYTES, /* bytes1 to bytes32 */
	ABI_FUNCTION,    /* address and selector: 24 bytes */
	ABI_BYTES,
	ABI_STRING,
	ABI_ARRAY, /* T[k] */
	ABI_LIST,  /* T[] */
	ABI_TUPLE, /* a struct, or the parameters of something */
};

/* Lives in the arena it was parsed into; never changed afterwards. */
struct abi_type {
	enum abi_kind kind;
	bool indexed;     /* of an event parameter */
	bool dynamic;     /* its encoding is reached through an offset */
	unsigned depth;   /* arrays and tuples inside each other, itself too */
	unsigned bits;    /* ABI_UINT, ABI_INT: 8 to 256 */
	size_t size;      /* ABI_FIXED_BYTES: bytes; ABI_ARRAY: items, ≥ 1 */
	size_t n_fields;  /* ABI_TUPLE */
	size_t width;     /* bytes in place, before any tail; ABI_LIST: 32 */
	const char *name; /* of the parameter or member; "" when it has none */
	const struct abi_type *item;   /* ABI_ARRAY, ABI_LIST */
	const struct abi_type *fields; /* ABI_TUPLE */
};

enum abi_value_kind {
	ABI_V_NUM = 1, /* uint, int (two's complement of 256 bits), bool */
	ABI_V_BYTES,   /* address, bytesN, function, bytes, string */
	ABI_V_LIST,    /* array, list, tuple */
	ABI_V_HASH, /* an indexed parameter of which the log has the hash only:
		       @bytes holds those 32 bytes */
};

/* A value does not know its type: encoding checks that they fit. */
struct abi_value {
	enum abi_value_kind kind;
	union {
		struct u256 num;
		struct {
			const uint8_t *p;
			size_t len;
		} bytes;
		struct {
			const struct abi_value *items;
			size_t n;
		} list;
	};
};

/* ---- building values in C; pointers are kept, not copied ---- */

struct abi_value abi_u64(uint64_t v);
struct abi_value abi_i64(int64_t v);
struct abi_value abi_num(const struct u256 *v);
struct abi_value abi_bool(bool v);
struct abi_value abi_address(const struct address *a);
struct abi_value abi_bytes(const void *p, size_t n); /* bytesN too */
struct abi_value abi_string(const char *s);
/** abi_list - array, list, or tuple with the members in order */
struct abi_value abi_list(const struct abi_value *items, size_t n);

/* ---- types from text ---- */

/**
 * abi_type_parse - "uint256[2][]", "(address,bytes)[]", "tuple(uint8 a)"
 * @out: set only on ST_OK; lives in @a, of which it takes at most 2 MiB
 *
 * "uint" and "int" mean 256 bits. Members may carry names. fixedMxN (which
 * Solidity cannot use), empty tuples and T[0] are refused.
 */
enum status abi_type_parse(const struct abi_type **out, struct arena *a,
			   const char *text, struct err *err) MUST_CHECK;

/** abi_type_add - append the canonical text, e.g. "(address,bytes)[]" */
void abi_type_add(struct buf *b, const struct abi_type *t);

/* A function, an error, an event, or the constructor (named ""). */
enum abi_entry_kind {
	ABI_ENTRY_FUNCTION = 1,
	ABI_ENTRY_EVENT,
	ABI_ENTRY_ERROR,
	ABI_ENTRY_CONSTRUCTOR,
};

struct abi_entry {
	enum abi_entry_kind kind;
	bool anonymous; /* event without topic0 */
	bool payable;   /* function or constructor */
	bool view;      /* function: view or pure */
	const char *name;
	const char *signature;          /* canonical: "f(uint256,bytes)" */
	const struct abi_type *inputs;  /* ABI_TUPLE; an event's parameters */
	const struct abi_type *outputs; /* ABI_TUPLE; a function's results */
	const struct abi_type *data; /* ABI_TUPLE: what the data of a log holds,
	the parameters that are not indexed; else as inputs */
	struct hash32 hash;  /* keccak256(signature): an event's topic0 */
	uint8_t selector[4]; /* the first four bytes of @hash */
};

/**
 * abi_entry_parse - "transfer(address,uint256)", "event Transfer(address
 * indexed from, address indexed to, uint256 value) anonymous", "function f(…)
 * returns (…)", "error E(…)"; without a leading word it is of @fallback's kind
 */
enum status abi_entry_parse(const struct abi_entry **out, struct arena *a,
			    const char *text, enum abi_entry_kind fallback,
			    struct err *err) MUST_CHECK;

/* ---- ABI JSON ---- */

#define ABI_ENTRIES_MAX 4096

struct abi {
	struct arena *arena;
	struct abi_entry *entries; /* in the order of the JSON */
	size_t n;
};

/**
 * abi_load - an ABI array, or an artefact object with a member "abi"
 * @out: set only on ST_OK; caller owns it, release with abi_free()
 * @what: names the document in errors
 *
 * Return: ST_OK, or ST_REJECTED naming the entry that is wrong; a name that is
 * not UTF-8 or holds control characters is. "fallback" and "receive" are left
 * out.
 */
enum status abi_load(struct abi **out, const cJSON *json, const char *what,
		     struct err *err) MUST_CHECK;
/** abi_load_text - the same from text of at most 16 MiB */
enum status abi_load_text(struct abi **out, const char *text, size_t len,
			  const char *what, struct err *err) MUST_CHECK;
void abi_free(struct abi *abi);
/** abi_event_to_json - @event as an item of an ABI array, names and all; a tree
 * that the caller owns */
cJSON *abi_event_to_json(const struct abi_entry *event);
DEFINE_AUTO(abi, abi_free)

/**
 * abi_find - entry by name ("RoomCreated") or canonical signature
 *
 * Return: ST_OK, or ST_REJECTED: none, or several of that name.
 */
enum status abi_find(const struct abi_entry **out, const struct abi *abi,
		     enum abi_entry_kind kind, const char *name,
		     struct err *err) MUST_CHECK;
/** abi_event_by_topic - the named (not anonymous) event, or NULL */
const struct abi_entry *abi_event_by_topic(const struct abi *abi,
					   const struct hash32 *topic0);
/** abi_by_selector - function or error (@kind), or NULL */
const struct abi_entry *abi_by_selector(const struct abi *abi,
					enum abi_entry_kind kind,
					const uint8_t selector[static 4]);

/** abi_field - index of the member or parameter @name of a tuple, or -1 */
int abi_field(const struct abi_type *tuple, const char *name);

/* ---- encoding ---- */

/**
 * abi_encode - append abi.encode(…) of @n values as the members of @tuple
 *
 * Return: ST_OK, or ST_REJECTED naming the parameter that does not fit its
 * type, or when @b would pass its maximum (then @b holds a part).
 */
enum status abi_encode(struct buf *b, const struct abi_type *tuple,
		       const struct abi_value *values, size_t n,
		       struct err *err) MUST_CHECK;
/** abi_encode_call - selector, then the arguments */
enum status abi_encode_call(struct buf *b, const struct abi_entry *entry,
			    const struct abi_value *args, size_t n,
			    struct err *err) MUST_CHECK;

/* ---- decoding ---- */

/* What abi_decode() tolerates. With no flag only what abi.encode() itself
 * writes is accepted, so that decoding and encoding are inverse. */
#define ABI_ANY_LAYOUT  1u /* offsets anywhere inside, gaps, trailing bytes */
#define ABI_ANY_PADDING 2u /* bits outside a value's width are ignored */

/**
 * abi_decode - the members of @tuple out of @len bytes
 * @values: set only on ST_OK: tuple->n_fields values in @a; bytes are copied
 * @flags: ABI_ANY_…
 *
 * Every offset and length is checked against the bytes that are there before
 * anything is allocated, and work and memory are at most proportional to @len
 * even where offsets overlap: never more than abi_decode_arena_max(@len).
 *
 * Return: ST_OK, or ST_REJECTED naming the parameter.
 */
enum status abi_decode(const struct abi_value **values, struct arena *a,
		       const struct abi_type *tuple, const void *data,
		       size_t len, unsigned flags, struct err *err) MUST_CHECK;

/** abi_decode_arena_max - the most that one abi_decode() or abi_decode_log()
 * of @len bytes takes from its arena */
size_t abi_decode_arena_max(size_t len);

/** abi_decode_call - arguments behind a selector, which must be @entry's */
enum status abi_decode_call(const struct abi_value **values, struct arena *a,
			    const struct abi_entry *entry, const void *data,
			    size_t len, unsigned flags,
			    struct err *err) MUST_CHECK;

/* ---- events ---- */

#define ABI_TOPICS_MAX 4

/**
 * abi_decode_log - the parameters of @event, in its order, out of one log
 * @values: set only on ST_OK: event->inputs->n_fields values in @a. An indexed
 *	parameter of a type that a topic cannot hold (bytes, string, array,
 *	tuple) is of kind ABI_V_HASH.
 *
 * Return: ST_OK, or ST_REJECTED: other topic0, other count of topics, data
 * that does not decode.
 */
enum status abi_decode_log(const struct abi_value **values, struct arena *a,
			   const struct abi_entry *event,
			   const struct hash32 *topics, size_t n_topics,
			   const void *data, size_t len, unsigned flags,
			   struct err *err) MUST_CHECK;

/** abi_is_hashed - whether an indexed parameter of this type is a hash */
bool abi_is_hashed(const struct abi_type *t);

/** abi_topic - what stands in a log for an indexed parameter */
enum status abi_topic(struct hash32 *out, const struct abi_type *t,
		      const struct abi_value *v, struct err *err) MUST_CHECK;

/* One position of an eth_getLogs filter. */
struct abi_filter_topic {
	bool any;
	struct hash32 topic;
};

/**
 * abi_filter - the topics that logs of @event have
 * @values: one per parameter in the event's order; NULL: any; must be NULL
 *	where the parameter is not indexed
 * @out: *@n_out positions, without trailing "any"
 */
enum status abi_filter(struct abi_filter_topic out[static ABI_TOPICS_MAX],
		       size_t *n_out, const struct abi_entry *event,
		       const struct abi_value *const *values,
		       struct err *err) MUST_CHECK;

/* ---- values as JSON ---- */

/** abi_is_text - UTF-8 (RFC 3629: no surrogates) without NUL: what Postgres
 * takes as text */
bool abi_is_text(const void *bytes, size_t n);

/**
 * abi_to_json - integers as decimal strings, bytes and addresses as "0x…",
 * tuples as objects (as arrays when a member has no name or two share one). A
 * string that is not UTF-8 or holds a NUL becomes {"bytes":"0x…"}; an
 * ABI_V_HASH {"hash":"0x…"}. @v must be of type @t.
 *
 * Return: a tree that the caller owns.
 */
cJSON *abi_to_json(const struct abi_type *t, const struct abi_value *v);

/** abi_params_to_json - the same for all members of @tuple */
cJSON *abi_params_to_json(const struct abi_type *tuple,
			  const struct abi_value *values);

/**
 * abi_from_json - the inverse, more lenient: integers also as "0x…" or as JSON
 * numbers below 2^53, tuples as objects or arrays; an address in mixed case
 * must have its EIP-55 checksum
 * @out: set only on ST_OK; what it points to lives in @a, which takes at most
 *	64 bytes per JSON node plus the bytes of the strings
 */
enum status abi_from_json(struct abi_value *out, struct arena *a,
			  const struct abi_type *t, const cJSON *json,
			  struct err *err) MUST_CHECK;

#endif
