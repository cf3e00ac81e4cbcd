#ifndef CX_INDEXER_NOTE_H
#define CX_INDEXER_NOTE_H

#include "core/log.h"
#include "indexer/rows.h"

/** note_log - the line of the daemon's log for one row, once it is committed */
void note_log(enum log_level level, const struct row_note *n);

#endif
