#ifndef CX_BRIDGE_BACKLOG_H
#define CX_BRIDGE_BACKLOG_H

#include "bridge/bridge.h"

/*
 * Rooms that bridge.todo named and that wait for a slot. What it said of them
 * is good for a moment only: then they are forgotten and asked for again.
 */
#define BACKLOG_MS 2000

/** backlog_take - replace all by what @todo says, and begin what may begin */
void backlog_take(struct bridge *b, const struct db_result *todo);
/** backlog_run - begin what has a slot by now */
void backlog_run(struct bridge *b);
/** backlog_good - there are some, and what is known of them is still good:
 * nobody needs to ask the database for work yet */
bool backlog_good(const struct bridge *b);
void backlog_drop(struct bridge *b);

#endif
