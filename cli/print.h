#ifndef CX_CLI_PRINT_H
#define CX_CLI_PRINT_H

#include <cjson/cJSON.h>
#include <stdint.h>

/* What commands write to standard output. Texts come from the chain: nothing
 * of them may drive a terminal. */

/** print_json - one line; deletes @json */
void print_json(cJSON *json);
/** print_text - control characters become "?" */
void print_text(const char *text);
/** print_members - a line for each member of @object; @before (may be NULL):
 * the same members as they were, told where they differ */
void print_members(const char *prefix, const cJSON *object,
		   const cJSON *before);
/** print_receipt_block - number of the block of @receipt; 0: it has none */
uint64_t print_receipt_block(const cJSON *receipt);

#endif
