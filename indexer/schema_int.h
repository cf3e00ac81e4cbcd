#ifndef CX_INDEXER_SCHEMA_INT_H
#define CX_INDEXER_SCHEMA_INT_H

#include "indexer/schema.h"

/* Shared by schema.c (one contract) and schema_load.c (all of them). */

/** schema_stored_contract - one table, named @table, of the first event in
 * @abi, which it takes over even on failure */
enum status schema_stored_contract(struct schema_contract *out,
				   const char *table, const char *contract,
				   struct abi *abi, struct err *err) MUST_CHECK;

#endif
