/*
 * How entries of the outbox end, and whether the lane may write at all: asks
 * the indexer's tables for effects, and the contract for our role.
 */
#include <stdlib.h>

#include "abi/hex.h"
#include "bridge/txmgr_int.h"
#include "core/log.h"

static void log_entry(const struct db_result *r, size_t row)
{
	const char *room = db_text(r, row, "room_id");
	const char *kind = db_text(r, row, "kind");

	if (strcmp(db_text(r, row, "state"), "done") == 0)
		log_info("effect_final", F_STR("room", room),
			 F_STR("kind", kind),
			 F_I64("epoch", db_i64(r, row, "epoch")));
	else
		log_odd("effect_dropped", F_STR("room", room),
			F_STR("kind", kind),
			F_I64("epoch", db_i64(r, row, "epoch")),
			F_STR("reason", db_text(r, row, "note")));
}

static void settled(void *arg, enum status st,
		    const struct db_result *const *results, size_t n,
		    const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	size_t rows;

	(void)n;
	txm_op_free(op);
	m->settling = false;
	if (st == ST_AGAIN) {
		m->unsettled = true;
		return;
	}
	if (st != ST_OK) {
		txm_fatal(m, err);
		return;
	}
	rows = db_rows(results[1]);
	for (size_t i = 0; i < rows; i++)
		log_entry(results[1], i);
	if (db_bool(results[2], 0, "waiting"))
		m->unsettled = true;
	if (!m->o.signer && !m->count && !m->unsettled && !m->seen_off) {
		m->seen_off = true;
		log_info("key_removed_settled",
			 F_HEX("signer", m->o.who.b, 20));
	}
	if (rows)
		m->o.on_change(m->o.arg);
}

void txm_settle(struct txmgr *m)
{
	const struct address *who = &m->o.who;
	struct db_batch *b;

	if (m->settling || !m->loaded)
		return;
	m->settling = true;
	m->unsettled = false; /* what is final from here on is not in it */
	b = db_batch_new(m->o.db);
	DB_ADD(b, "select bridge.tx_check_term($1)", P_I64(m->o.term));
	DB_ADD(b,
	       "select room_id::text as room_id, kind, epoch, state, note"
	       " from bridge.tx_settle($1, $2)",
	       P_BYTES(who->b, 20), P_I64(m->o.term));
	DB_ADD(b,
	       "select exists (select from bridge.outbox o join bridge.tx t"
	       " on t.id = o.tx_id where o.state = 'in_tx'"
	       " and t.signer = $1 and t.state = 'final') as waiting",
	       P_BYTES(who->b, 20));
	db_run(b, settled, txm_op_new(m));
}

void txm_say_stopped(const struct txmgr *m)
{
	log_broken("tx_lane_stopped",
		   F_STR("reason", "the signer lacks the bridge role; grant "
				   "it and the lane goes on"),
		   F_HEX("signer", m->o.who.b, 20),
		   F_HEX("contract", m->o.registry.b, 20));
}

static void set_role(struct txmgr *m, bool held)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->txs[i]->role == ROLE_ASKED)
			m->txs[i]->role = held ? ROLE_HELD : ROLE_MISSING;
	if (held)
		m->held_ms = txm_now(m);
	if (m->stopped == !held)
		return;
	m->stopped = !held;
	if (!held) {
		txm_say_stopped(m);
		return;
	}
	log_info("tx_lane_resumed", F_HEX("signer", m->o.who.b, 20));
	m->o.on_looked(m->o.arg);
}

static void role_answered(void *arg, enum status st, cJSON *result,
			  const struct rpc_error *error, const struct err *err)
{
	struct txm_op *op = arg;
	struct txmgr *m = op->m;
	struct hash32 word;

	(void)error;
	(void)err;
	op->call = NULL;
	txm_op_free(op);
	m->role_asking = false;
	/* Without a plain yes or no it is asked again at the next look. */
	if (st != ST_OK || !cJSON_IsString(result) ||
	    hex_decode_hash(&word, result->valuestring, "hasRole", NULL) !=
		ST_OK)
		return;
	set_role(m, word.b[31] == 1);
}

void txm_ask_role(struct txmgr *m)
{
	struct txm_op *op;
	char to[HEX_ADDRESS_SIZE];
	AUTO_BUF data = BUF_NULL;
	AUTO_BUF params = BUF_NULL;

	/* An endpoint that was not looked at may be of another chain. */
	if (m->role_asking || m->failing)
		return;
	m->role_asking = true;
	m->role_ms = txm_now(m);
	buf_init(&data, 256);
	buf_init(&params, 1024);
	calls_has_role(&data, &m->o.who);
	buf_printf(&params, "[{\"to\":\"%s\",\"data\":\"",
		   hex_address(to, &m->o.registry));
	hex_add(&params, data.data, data.len);
	buf_add_str(&params, "\"},\"latest\"]");
	op = txm_op_new(m);
	op->call = rpc_call(txm_rpc(m), "eth_call", buf_str(&params),
			    role_answered, op);
}
