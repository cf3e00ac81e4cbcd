/*
 * Embeds the room contract's artefact. Knows nothing of its content.
 */
#include "abi/registry.h"

/* CX_REGISTRY_JSON: the file's path, from CMake */
__asm__(".section .rodata\n"
	".global registry_json\n"
	"registry_json:\n"
	".incbin \"" CX_REGISTRY_JSON "\"\n"
	".global registry_json_end\n"
	"registry_json_end:\n"
	".byte 0\n"
	".previous\n");

extern const char registry_json_end[];

size_t registry_json_len(void)
{
	return (uintptr_t)registry_json_end - (uintptr_t)registry_json;
}

enum status registry_abi(struct abi **out, struct err *err)
{
	return abi_load_text(out, registry_json, registry_json_len(),
			     "RoomRegistry.json", err);
}
