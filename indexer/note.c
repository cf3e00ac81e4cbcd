/*
 * What the log says of each event. Only says; an event that does not decode is
 * told whatever the level.
 */
#include "indexer/note.h"

void note_log(enum log_level level, const struct row_note *n)
{
	const struct log_field f[] = {
		F_STR("room", n->room),
		F_U64("height", n->block_number),
		F_HEX("tx", n->tx_hash.b, 32),
		F_U64("log_index", n->log_index),
		F_STR("contract", n->table->contract),
	};
	unsigned skip = !n->room[0];

	if (n->reason[0])
		log_odd("event_undecodable", F_U64("height", n->block_number),
			F_HEX("tx", n->tx_hash.b, 32),
			F_U64("log_index", n->log_index),
			F_STR("table", n->table->name),
			F_STR("reason", n->reason));
	else
		log_write(level, n->table->log_event, f + skip,
			  ARRAY_SIZE(f) - skip);
}
