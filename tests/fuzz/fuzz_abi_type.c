/* Type and signature text: the canonical text parses to itself. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena *a = arena_new((size_t)16 << 20);
	AUTO_FREE char *text = mem_strndup((const char *)data, size);
	const struct abi_entry *e, *again;

	if (abi_entry_parse(&e, a, text, ABI_ENTRY_FUNCTION, NULL) != ST_OK)
		return 0;
	if (e->kind == ABI_ENTRY_CONSTRUCTOR ||
	    strlen(e->signature) > ABI_TEXT_MAX)
		return 0;
	if (abi_entry_parse(&again, a, e->signature, ABI_ENTRY_FUNCTION,
			    NULL) != ST_OK)
		abort();
	assert(strcmp(e->signature, again->signature) == 0);
	return 0;
}
