#ifndef CX_ABI_ABI_BUILD_H
#define CX_ABI_ABI_BUILD_H

#include "abi/abi.h"

/* Shared by the readers of types (text and ABI JSON); nobody else's. */
struct abi_parser {
	struct arena *a;
	const char *p;  /* what is left of the text; ends in a zero byte */
	size_t n_types; /* so far */
	struct err *err;
};

/** abi_build_word - "uint256", "bytes32", "string" … into @out */
enum status abi_build_word(struct abi_type *out, const char *word, size_t len,
			   struct err *err) MUST_CHECK;
/** abi_build_suffixes - wrap @t in the "[2][]" at ps->p and step over it */
enum status abi_build_suffixes(struct abi_parser *ps,
			       struct abi_type *t) MUST_CHECK;
/** abi_build_tuple - @fields are copied into the arena */
enum status abi_build_tuple(struct abi_parser *ps, struct abi_type *out,
			    const struct abi_type *fields, size_t n) MUST_CHECK;
/** abi_build_entry - fills signature, hash, selector and data from kind, name
 * and inputs; bounds the indexed parameters */
enum status abi_build_entry(struct abi_parser *ps,
			    struct abi_entry *e) MUST_CHECK;

#endif
