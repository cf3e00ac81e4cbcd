#ifndef CX_ABI_ABI_WORD_H
#define CX_ABI_ABI_WORD_H

#include "abi/abi.h"

/* One 32-byte word to and from a value: shared by data and topics. */

/** abi_is_word - whether values of @t take exactly one word in place */
bool abi_is_word(const struct abi_type *t);
/** abi_word_put - @name: the parameter, for the error */
enum status abi_word_put(uint8_t word[static 32], const struct abi_type *t,
			 const struct abi_value *v, const char *name,
			 struct err *err) MUST_CHECK;
/** abi_word_get - @t must be abi_is_word(); bytes are copied into @a */
enum status abi_word_get(struct abi_value *out, struct arena *a,
			 const struct abi_type *t,
			 const uint8_t word[static 32], unsigned flags,
			 const char *name, struct err *err) MUST_CHECK;

#endif
