/*
 * Names of what is known of a block. Pure.
 */
#include "indexer/cover.h"

#include <stdlib.h>

const char *cover_name(enum cover c)
{
	switch (c) {
	case COVER_ABSENT_BY_BLOOM:
		return "absent_by_bloom";
	case COVER_RECEIPTS_VERIFIED:
		return "receipts_verified";
	case COVER_UNVERIFIED:
		return "unverified";
	case COVER_UNVERIFIABLE:
		return "unverifiable";
	}
	abort();
}
