#ifndef CX_ABI_REGISTRY_H
#define CX_ABI_REGISTRY_H

#include <stddef.h>

#include "abi/abi.h"

/* The shipped artefact of the room contract, abi/contract/RoomRegistry.json,
 * embedded in the binary. */
extern const char registry_json[];
/** registry_json_len - bytes of registry_json, which has no final NUL */
size_t registry_json_len(void);

/** registry_abi - the ABI of the shipped artefact; release with abi_free() */
enum status registry_abi(struct abi **out, struct err *err) MUST_CHECK;

#endif
