/* ABI JSON: loads or is refused; every signature parses. */
#include <stddef.h>
#include <stdint.h>

#include "abi/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(abi) struct abi *abi = NULL;
	const struct abi_entry *found;

	if (abi_load_text(&abi, (const char *)data, size, "abi", NULL) != ST_OK)
		return 0;
	for (size_t i = 0; i < abi->n; i++)
		(void)!abi_find(&found, abi, abi->entries[i].kind,
				abi->entries[i].signature, NULL);
	return 0;
}
