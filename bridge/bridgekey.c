/*
 * Compares the bridge key on chain with the unsealing keys of the config: at
 * the start by what the contract answers, from then on by its events. It only
 * speaks; what was sealed to an unknown key is refused in output.c.
 */
#include "bridge/bridgekey.h"

#include <stdlib.h>

#include "bridge/target.h"
#include "core/log.h"

static void say(const struct bridge *b, uint16_t id, enum unseal_match match)
{
	switch (match) {
	case UNSEAL_HAVE:
		log_info("bridge_key", F_U64("key", id));
		return;
	case UNSEAL_UNSET:
		if (b->cfg->restream.unseal_key_count)
			log_odd("bridge_key_unset",
				F_STR("hint",
				      "hosts can add no restream targets: "
				      "announce a key of restream.unseal_keys "
				      "with chaincast admin set-bridge-key"));
		return;
	case UNSEAL_UNKNOWN:
		log_odd("bridge_key_unknown", F_U64("key", id),
			F_STR("hint",
			      "restream targets are sealed to a key that "
			      "restream.unseal_keys does not name, and are "
			      "refused: name its file there, or announce one "
			      "of yours with chaincast admin "
			      "set-bridge-key"));
		return;
	case UNSEAL_DIFFERS:
		log_odd("bridge_key_differs", F_U64("key", id),
			F_STR("hint",
			      "restream.unseal_keys names another key by this "
			      "id, so restream targets do not open: correct "
			      "its file, or announce yours by a new id with "
			      "chaincast admin set-bridge-key"));
		return;
	}
	abort();
}

void bridgekey_judge(struct bridge *b, uint64_t block, uint16_t id,
		     const uint8_t *key, size_t len)
{
	b->bridge_key_block = block;
	b->bridge_key = unseal_match(b->unseal, id, key, len);
	say(b, id, b->bridge_key);
}

/* What is older than the answer at the start says nothing new. */
void bridgekey_query(struct bridge *b, struct db_batch *batch)
{
	DB_ADD(batch,
	       "select block_number, key_id, key from"
	       " chain.registry_bridge_key_set where block_number > $1"
	       " order by block_number desc, log_index desc limit 1",
	       P_I64((int64_t)b->bridge_key_block));
}

void bridgekey_read(struct bridge *b, const struct db_result *r)
{
	const uint8_t *key;
	size_t len;

	if (db_rows(r) == 0)
		return;
	key = db_bytes(r, 0, "key", &len);
	bridgekey_judge(b, (uint64_t)db_i64(r, 0, "block_number"),
			(uint16_t)db_i64(r, 0, "key_id"), key, len);
}
