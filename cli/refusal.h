#ifndef CX_CLI_REFUSAL_H
#define CX_CLI_REFUSAL_H

#include <stdbool.h>

#include "abi/abi.h"
#include "core/err.h"

/**
 * refusal_set - what the contract's custom error says, in words
 * @err: its message becomes "the contract refuses it: NAME: why (values)";
 *	its status stays
 * @data: "0x…": the bytes that it reverted with; the selector alone will do,
 *	and what follows the digits is ignored; may be NULL
 *
 * Return: false when @data is no error of @abi; @err is untouched then.
 */
bool refusal_set(struct err *err, const struct abi *abi, const char *data);

#endif
