/*
 * Values as lines for people. Knows nothing of what they mean, and lets no
 * control character through.
 */
#include "cli/print.h"

#include <stdio.h>

#include "abi/hex.h"
#include "core/json.h"

void print_json(cJSON *json)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);

	printf("%s\n", text);
	cJSON_Delete(json);
}

void print_text(const char *text)
{
	for (const char *p = text; *p; p++)
		putchar((unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
}

static void print_value(const cJSON *v)
{
	AUTO_FREE char *text =
	    cJSON_IsString(v) ? NULL : cJSON_PrintUnformatted(v);

	print_text(text ? text : v->valuestring);
}

void print_members(const char *prefix, const cJSON *object, const cJSON *before)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, object)
	{
		const cJSON *old = NULL;

		if (m->string) {
			printf("%s%-18s", prefix, m->string);
			old =
			    cJSON_GetObjectItemCaseSensitive(before, m->string);
		}
		print_value(m);
		if (old && !cJSON_Compare(old, m, true)) {
			printf(" (was ");
			print_value(old);
			putchar(')');
		}
		putchar('\n');
	}
}

uint64_t print_receipt_block(const cJSON *receipt)
{
	uint64_t block = 0;
	struct err ignored;

	if (hex_quantity_u64(&block, json_str_or(receipt, "blockNumber", ""),
			     "blockNumber", &ignored) != ST_OK)
		return 0;
	return block;
}
