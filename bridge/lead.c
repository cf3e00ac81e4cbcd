/*
 * From a configuration to leading: keys, endpoints and the database are opened,
 * what must hold is looked at, what does not answer yet is waited for, and a
 * term begins once no other bridge leads. It does nothing to a room.
 */
#include "bridge/lead.h"

#include <stdio.h>
#include <string.h>

#include "abi/hex.h"
#include "bridge/control.h"
#include "core/backoff.h"
#include "core/log.h"
#include "core/loop.h"
#include "db/migrate.h"

#define CONNECTIONS_MAX 32
#define STANDBY_MS      500
#define WAIT_MS         250 /* for what is down: doubled each time */
#define WAIT_MAX        5000
#define RPC_MESSAGE_MAX (8 * 1024 * 1024)

static void on_endpoint(void *arg, bool up, const struct err *err)
{
	struct bridge *b = (struct bridge *)arg;

	if (!up)
		b->node_err = *err;
}

static enum status open_rpcs(struct bridge *b, struct err *err)
{
	const struct config *cfg = b->cfg;
	enum status st = ST_OK;
	size_t i;

	b->rpcs = (struct rpc **)mem_array(cfg->chain.endpoint_count,
					   sizeof(struct rpc *));
	for (i = 0; st == ST_OK && i < cfg->chain.endpoint_count; i++) {
		struct rpc_opts opts = {
			.url = cfg->chain.endpoints[i].url,
			.timeout_ms = cfg->chain.request_timeout_ms,
			.max_message = RPC_MESSAGE_MAX,
			.idle_ms = 30000,
			.on_state = on_endpoint,
			.arg = b,
		};

		st = rpc_new(&b->rpcs[i], b->loop, b->http, &opts, err);
		if (st == ST_OK)
			b->rpc_count++;
	}
	return st;
}

/* One after the other: a keystore's password takes its time. */
static enum status open_signers(struct bridge *b, struct err *err)
{
	size_t n = b->cfg->signer_count;

	b->signers = (struct signer **)mem_array(n, sizeof(*b->signers));
	for (size_t i = 0; i < n; i++) {
		enum status st = signer_open(&b->signers[i], b->cfg, i, err);
		const struct address *who;

		if (st != ST_OK)
			return st;
		b->signer_count++;
		who = signer_address(b->signers[i]);
		for (size_t k = 0; k < i; k++)
			if (memcmp(b->keys[k].who.b, who->b, 20) == 0)
				return err_set(err, ST_REJECTED,
					       "signers: entries %zu and %zu "
					       "are the same key",
					       k + 1, i + 1);
		b->keys[i] =
		    (struct lanes_key){ .who = *who, .signer = b->signers[i] };
		b->key_count++;
	}
	return ST_OK;
}

enum status lead_open(struct bridge *b, struct err *err)
{
	enum status st = open_signers(b, err);

	if (st == ST_OK)
		st = unseal_open(&b->unseal, b->cfg, err);
	if (st != ST_OK)
		return st;
	b->http = http_new(b->loop, CONNECTIONS_MAX);
	return open_rpcs(b, err);
}

static enum status open_database(struct bridge *b, struct err *err)
{
	const struct config *cfg = b->cfg;
	struct db_opts opts = {
		.url = cfg->database.url,
		.application_name = "chaincast-bridge",
		.connect_timeout_s = cfg->database.connect_timeout_s,
		.statement_timeout_ms = cfg->database.statement_timeout_ms,
	};
	enum status st = db_open(&b->db, b->loop, &opts, err);

	return st == ST_OK ? migrate_ready(b->db, err) : st;
}

static void say_waiting(struct bridge *b, enum startup_need need,
			const struct err *err)
{
	char labels[256] = "";
	size_t i, at = 0;

	switch (need) {
	case NEED_NOTHING:
		return;
	case NEED_DATABASE:
		log_odd("waiting_for_database", F_STR("why", err->msg),
			F_STR("hint", "start it or correct database.url; "
				      "asked again until it answers"));
		return;
	case NEED_NODE:
		break;
	}
	for (i = 0; i < b->rpc_count && at < sizeof(labels); i++)
		at += (size_t)snprintf(labels + at, sizeof(labels) - at, "%s%s",
				       i ? " " : "", rpc_label(b->rpcs[i]));
	log_odd("waiting_for_node", F_STR("endpoints", labels),
		F_STR("why", b->node_err.status ? b->node_err.msg : err->msg),
		F_STR("hint",
		      "start the node or correct chain.endpoints; asked "
		      "again until one answers"));
}

/* What held when it began to stand by may be days old: an upgrade since, a role
 * that is gone. */
static enum status check_again(struct bridge *b, bool *checked,
			       enum startup_need *need, struct err *err)
{
	enum status st = migrate_ready(b->db, err);

	if (st != ST_OK || !b->standing_by)
		return st;
	*need = NEED_NODE;
	st = startup_check_chain(b, err);
	*checked = st == ST_OK;
	return st;
}

/* Those that were removed, too: their transactions are still sent. */
static void name_keys(struct bridge *b)
{
	struct bridge_facts *f = &b->facts;
	size_t at = 0;

	for (size_t i = 0; i < b->key_count && i < CF_SIGNERS_MAX; i++) {
		char who[HEX_ADDRESS_SIZE];

		at += (size_t)snprintf(f->signer + at, sizeof(f->signer) - at,
				       "%s%s", i ? "," : "",
				       hex_address(who, &b->keys[i].who));
	}
}

/* Keys that were taken out of the config while something of theirs is not
 * settled. Of those whose last is just final a deep reorg may still take
 * something back: they are kept for a day. */
static enum status find_keys(struct bridge *b, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(
	    &r, b->db, err,
	    "select t.signer from bridge.tx t where t.state in ('signed',"
	    " 'accepted', 'mined') or t.updated_at > now() - interval '1 day'"
	    " union select t.signer from bridge.outbox o"
	    " join bridge.tx t on t.id = o.tx_id where o.state = 'in_tx'");

	if (st != ST_OK)
		return st;
	b->key_count = b->signer_count;
	for (size_t row = 0; row < db_rows(r); row++) {
		size_t len, i = 0;
		const uint8_t *who = db_bytes(r, row, "signer", &len);

		while (i < b->key_count &&
		       memcmp(b->keys[i].who.b, who, 20) != 0)
			i++;
		if (i < b->key_count)
			continue;
		if (i == LANES_MAX)
			return err_set(err, ST_REJECTED,
				       "more than %d signing keys, those that "
				       "were removed counted, have "
				       "transactions that are not settled",
				       LANES_MAX);
		b->keys[i] = (struct lanes_key){ 0 };
		memcpy(b->keys[i].who.b, who, 20);
		b->key_count++;
	}
	name_keys(b);
	return ST_OK;
}

/* ST_AGAIN while another bridge leads. */
static enum status lock_deployment(struct bridge *b, struct err *err)
{
	uint8_t half[8];
	uint64_t key = 0;
	enum status st = hex_decode_bare(half, 8, b->facts.deployment, 16,
					 "deployment", err);
	size_t i;

	if (st != ST_OK)
		return st;
	for (i = 0; i < 8; i++)
		key = key << 8 | half[i];
	return db_try_lock(b->db, (int64_t)key, err);
}

static enum status begin_term(struct bridge *b, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL, *jit = NULL;
	/* Compiling the plan takes longer than running it. */
	enum status st = DB_QUERY(&jit, b->db, err, "set jit = off");

	if (st != ST_OK)
		return st;
	st = DB_QUERY(&r, b->db, err,
		      "update bridge.leader set term = term + 1,"
		      " deployment = $1, since = now()"
		      " where deployment is null or deployment = $1"
		      " returning term, database",
		      P_TEXT(b->facts.deployment));
	if (st != ST_OK)
		return st;
	if (db_rows(r) == 0)
		return err_set(err, ST_REJECTED,
			       "this database belongs to another deployment "
			       "than %s; use a fresh one",
			       b->facts.deployment);
	b->facts.term = db_i64(r, 0, "term");
	(void)snprintf(b->facts.database, sizeof(b->facts.database), "%s",
		       db_text(r, 0, "database"));
	return ST_OK;
}

/* One try at everything that must hold. @need says what did not answer. */
static enum status try_to_lead(struct bridge *b, bool *checked,
			       enum startup_need *need, struct err *err)
{
	enum status st = ST_OK;

	*need = NEED_DATABASE;
	if (!b->db)
		st = open_database(b, err);
	if (st == ST_OK && !*checked) {
		*need = NEED_NODE;
		st = startup_check_chain(b, err);
		*checked = st == ST_OK;
	}
	if (st != ST_OK)
		return st;
	*need = NEED_DATABASE;
	st = lock_deployment(b, err);
	if (st != ST_OK)
		return st;
	st = check_again(b, checked, need, err);
	if (st != ST_OK)
		return st;
	*need = NEED_DATABASE;
	st = begin_term(b, err);
	if (st == ST_OK)
		st = find_keys(b, err);
	return st == ST_OK ? control_start(b, err) : st;
}

enum status lead_begin(struct bridge *b, struct err *err)
{
	enum startup_need need;
	bool checked = false;
	uint32_t attempt = 0;
	enum status st;

	while (((st = try_to_lead(b, &checked, &need, err)) == ST_TRANSIENT ||
		st == ST_AGAIN) &&
	       !b->stopping) {
		if (st == ST_AGAIN) {
			if (!b->standing_by)
				log_info(
				    "standing_by",
				    F_STR("deployment", b->facts.deployment));
			b->standing_by = true;
			b->waits_for = NEED_NOTHING;
			attempt = 0;
			loop_pause(b->loop, STANDBY_MS);
			continue;
		}
		if (need != b->waits_for)
			say_waiting(b, need, err);
		b->waits_for = need;
		b->standing_by = false;
		db_close(b->db); /* it may be what is lost */
		b->db = NULL;
		loop_pause(b->loop, backoff_ms(attempt++, WAIT_MS, WAIT_MAX,
					       backoff_random()));
	}
	return st;
}
