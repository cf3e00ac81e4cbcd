#ifndef CX_DB_LOCKS_H
#define CX_DB_LOCKS_H

#include <stdint.h>

/* Keys of the advisory locks by which a process leads; one database each. */
#define LOCK_INDEXER INT64_C(0x63686169696e6478) /* "chaiindx" */

#endif
