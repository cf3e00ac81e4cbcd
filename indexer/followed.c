/*
 * What the config names against what the database has. Rows that exist are
 * never touched here: what is new is noted as missing, what is gone from the
 * config as left. The missing is read by catchup.c.
 */
#include "indexer/followed.h"

#include <inttypes.h>

#include "abi/hex.h"
#include "core/log.h"

#define LIST_MAX ((size_t)16 * 1024 * 1024)

const struct schema_table *followed_table(const struct schema *s,
					  const char *name,
					  const struct schema_contract **c)
{
	for (size_t i = 0; i < s->contract_count; i++) {
		*c = &s->contracts[i];
		for (size_t j = 0; j < (*c)->table_count; j++)
			if (strcmp((*c)->tables[j].name, name) == 0)
				return &(*c)->tables[j];
	}
	return NULL;
}

/* ---- tables ---- */

static void add_literal(struct buf *b, const char *text)
{
	buf_add_byte(b, '\'');
	for (const char *p = text; *p; p++) {
		if (*p == '\'')
			buf_add_byte(b, '\'');
		buf_add_byte(b, (uint8_t)*p);
	}
	buf_add_byte(b, '\'');
}

/* The tables of the room contract come with the migrations. */
static enum status check_free(struct db *db, const struct schema_table *t,
			      struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st;

	if (strcmp(t->contract, "registry") == 0)
		return ST_OK;
	st =
	    DB_QUERY(&r, db, err,
		     "select 1 from pg_class c join pg_namespace n on n.oid = "
		     "c.relnamespace where n.nspname = 'chain' and c.relname = "
		     "$1",
		     P_TEXT(t->name));
	if (st == ST_OK && db_rows(r))
		st = err_set(err, ST_REJECTED,
			     "event %s wants table chain.%s, which is there "
			     "and not its own: name contract %s otherwise",
			     t->event->signature, t->name, t->contract);
	return st;
}

/* Table and note of it in one transaction. */
static enum status make_table(struct db *db, const struct schema_table *t,
			      struct err *err)
{
	AUTO_BUF sql = BUF_NULL;
	AUTO_BUF abi = BUF_NULL;
	char hex[HEX_HASH_SIZE];
	enum status st = check_free(db, t, err);

	if (st != ST_OK)
		return st;
	buf_init(&sql, LIST_MAX);
	buf_init(&abi, LIST_MAX / 4);
	schema_ddl(&sql, t);
	schema_table_abi(&abi, t);
	buf_add_str(&sql, "insert into chain.event_table (table_name, "
			  "contract, signature, topic, abi) values (");
	add_literal(&sql, t->name);
	buf_add_str(&sql, ", ");
	add_literal(&sql, t->contract);
	buf_add_str(&sql, ", ");
	add_literal(&sql, t->event->signature);
	if (t->event->anonymous)
		buf_add_str(&sql, ", null, ");
	else
		buf_printf(&sql, ", '\\x%s', ",
			   hex_hash(hex, &t->event->hash) + 2);
	add_literal(&sql, buf_str(&abi));
	buf_add_str(&sql, ");");
	st = buf_check(&sql, "table definition", err);
	return st == ST_OK ? db_exec(db, buf_str(&sql), err) : st;
}

/* The events that an anonymous one's logs are not taken for may have changed
 * with the ABI file. */
static enum status renew_abi(struct db *db, const struct schema_table *t,
			     struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	AUTO_BUF abi = BUF_NULL;

	buf_init(&abi, LIST_MAX / 4);
	schema_table_abi(&abi, t);
	return DB_QUERY(&r, db, err,
			"update chain.event_table set abi = $2 "
			"where table_name = $1 and abi <> $2",
			P_TEXT(t->name), P_TEXT(buf_str(&abi)));
}

static enum status note_table(struct db *db, const struct schema_table *t,
			      struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(&r, db, err,
				  "select contract, signature, abi from "
				  "chain.event_table where table_name = $1",
				  P_TEXT(t->name));

	if (st != ST_OK)
		return st;
	if (!db_rows(r))
		return make_table(db, t, err);
	if (strcmp(db_text(r, 0, "contract"), t->contract) != 0 ||
	    !schema_same_event(t, db_text(r, 0, "abi")))
		return err_set(
		    err, ST_REJECTED,
		    "table chain.%s was made for event %s of contract %s, with "
		    "other parameters or names than the ABI says now: use the "
		    "ABI of then, or name the contract otherwise",
		    t->name, db_text(r, 0, "signature"),
		    db_text(r, 0, "contract"));
	return renew_abi(db, t, err);
}

/* ---- what is named ---- */

static void list_tables(struct buf *out, const struct schema *s)
{
	buf_init(out, LIST_MAX);
	for (size_t i = 0; i < s->contract_count; i++)
		for (size_t j = 0; j < s->contracts[i].table_count; j++)
			buf_printf(out, "%s%s", out->len ? "," : "",
				   s->contracts[i].tables[j].name);
}

/* "name:address in hex", comma between. */
static void list_addresses(struct buf *out, const struct schema *s)
{
	buf_init(out, LIST_MAX);
	for (size_t i = 0; i < s->contract_count; i++) {
		const struct schema_contract *c = &s->contracts[i];

		for (size_t j = 0; j < c->address_count; j++) {
			char hex[41];

			hex_encode_bare(hex, c->addresses[j], 20);
			buf_printf(out, "%s%s:%s", out->len ? "," : "", c->name,
				   hex);
		}
	}
}

static enum status note_contract(struct db *db, const struct config_contract *c,
				 struct err *err)
{
	for (size_t i = 0; i < c->address_count; i++) {
		AUTO(db_result) struct db_result *r = NULL;
		enum status st =
		    DB_QUERY(&r, db, err,
			     "insert into chain.contract (address, name, "
			     "start_block) values ($1, $2, $3::bigint) on "
			     "conflict (name, address) do update set "
			     "start_block = excluded.start_block",
			     P_BYTES(c->addresses[i], 20), P_TEXT(c->name),
			     P_I64((int64_t)c->start_block));

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static enum status set_followed(struct db *db, const struct schema *s,
				struct err *err)
{
	AUTO(db_result) struct db_result *tables = NULL;
	AUTO(db_result) struct db_result *contracts = NULL;
	AUTO_BUF list = BUF_NULL;
	AUTO_BUF addresses = BUF_NULL;
	enum status st;

	list_tables(&list, s);
	list_addresses(&addresses, s);
	st = DB_QUERY(&tables, db, err,
		      "update chain.event_table set followed = (table_name = "
		      "any(string_to_array($1, ',')))",
		      P_TEXT(buf_str(&list)));
	if (st != ST_OK)
		return st;
	return DB_QUERY(&contracts, db, err,
			"update chain.contract set followed = (name || ':' || "
			"encode(address, 'hex') = any(string_to_array($1, "
			"',')))",
			P_TEXT(buf_str(&addresses)));
}

static void log_change(const struct db_result *r, size_t i)
{
	const char *change = db_text(r, i, "change");
	const struct log_field f[] = {
		F_STR("contract", db_text(r, i, "contract")),
		F_STR("table", db_text(r, i, "table_name")),
		F_I64("addresses", db_i64(r, i, "addresses")),
		F_I64("height", db_i64(r, i, "at_block")),
	};

	if (strcmp(change, "left") == 0)
		log_odd("event_left", f[0], f[1], f[2], f[3],
			F_STR("hint", "the config no longer names it: its rows "
				      "stay, up to this height; name it again "
				      "to catch up"));
	else
		log_info("event_added", f[0], f[1], f[2], f[3],
			 F_STR("why", change));
}

static enum status compare(struct db *db, uint64_t start_block, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	enum status st = DB_QUERY(
	    &r, db, err,
	    "select f.change, f.table_name, e.contract, count(*) as addresses, "
	    "min(f.at_block) as at_block, (select number is not null from "
	    "chain.cursor) as started from chain.follow($1::bigint) f join "
	    "chain.event_table e using (table_name) group by 1, 2, 3 order by "
	    "1, 2",
	    P_I64((int64_t)start_block));

	for (size_t i = 0; st == ST_OK && i < db_rows(r); i++)
		if (db_bool(r, i, "started"))
			log_change(r, i);
	return st;
}

enum status followed_sync(struct db *db, const struct schema *schema,
			  const struct config *cfg, uint64_t start_block,
			  struct err *err)
{
	enum status st = ST_OK;

	for (size_t i = 0; i < schema->contract_count; i++) {
		const struct schema_contract *c = &schema->contracts[i];

		for (size_t j = 0; j < c->table_count && st == ST_OK; j++)
			st = note_table(db, &c->tables[j], err);
	}
	for (size_t i = 0; i < cfg->contract_count && st == ST_OK; i++)
		st = note_contract(db, &cfg->contracts[i], err);
	if (st == ST_OK)
		st = set_followed(db, schema, err);
	if (st == ST_OK)
		st = compare(db, start_block, err);
	return st;
}

enum status followed_check(struct db *db, const struct schema *schema,
			   struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	AUTO_BUF list = BUF_NULL;
	AUTO_BUF addresses = BUF_NULL;
	enum status st;

	list_tables(&list, schema);
	list_addresses(&addresses, schema);
	st = DB_QUERY(
	    &r, db, err,
	    "select (select string_agg(table_name, ',' order by table_name "
	    "collate \"C\") from chain.event_table where followed) is not "
	    "distinct from (select string_agg(t, ',' order by t collate \"C\") "
	    "from unnest(string_to_array($1, ',')) t) and (select "
	    "string_agg(name || ':' || encode(address, 'hex'), ',' order by "
	    "name collate \"C\", address) from chain.contract where followed) "
	    "is not distinct from (select string_agg(t, ',' order by "
	    "split_part(t, ':', 1) collate \"C\", split_part(t, ':', 2) "
	    "collate \"C\") from (select distinct "
	    "unnest(string_to_array($2, ',')) as t) a) as same",
	    P_TEXT(buf_str(&list)), P_TEXT(buf_str(&addresses)));
	if (st == ST_OK && !db_bool(r, 0, "same"))
		st = err_set(err, ST_REJECTED,
			     "the config names other contracts or events than "
			     "the indexer follows: start chaincast-indexer "
			     "with it first");
	return st;
}

/* ---- all that the database has ---- */

static enum status add_left(struct schema *all, const struct db_result *r,
			    size_t first, size_t n, struct err *err)
{
	struct address *addresses = mem_array(n, sizeof(*addresses));
	enum status st;

	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *p = db_bytes(r, first + i, "address", &len);

		if (p && len == sizeof(addresses[i].b))
			memcpy(addresses[i].b, p, len);
	}
	st = schema_add_abi(all, db_text(r, first, "table_name"),
			    db_text(r, first, "contract"),
			    db_text(r, first, "abi"), addresses, n,
			    (uint64_t)db_i64(r, first, "start_block"),
			    (uint64_t)db_i64(r, first, "left_at"), err);
	free(addresses);
	return st;
}

static bool same_group(const struct db_result *r, size_t a, size_t b)
{
	return strcmp(db_text(r, a, "table_name"),
		      db_text(r, b, "table_name")) == 0 &&
	       db_i64(r, a, "start_block") == db_i64(r, b, "start_block") &&
	       db_i64(r, a, "left_at") == db_i64(r, b, "left_at");
}

static void add_followed(struct schema *all, const struct schema *schema)
{
	for (size_t i = 0; i < schema->contract_count; i++) {
		const struct schema_contract *c = &schema->contracts[i];
		struct address *a = mem_array(c->address_count, sizeof(*a));

		for (size_t j = 0; j < c->address_count; j++)
			memcpy(a[j].b, c->addresses[j], 20);
		for (size_t j = 0; j < c->table_count; j++)
			schema_add(all, &c->tables[j], a, c->address_count,
				   c->from, c->to);
		free(a);
	}
}

enum status followed_all(struct schema **out, struct db *db,
			 const struct schema *schema, struct err *err)
{
	AUTO(db_result) struct db_result *r = NULL;
	AUTO(schema) struct schema *all = schema_new();
	enum status st =
	    DB_QUERY(&r, db, err,
		     "select f.table_name, e.contract, e.abi, f.start_block, "
		     "f.left_at, f.address from chain.followed f join "
		     "chain.event_table e using (table_name) where f.left_at "
		     ">= f.start_block order by 1, 4, 5, 6");

	if (st != ST_OK)
		return st;
	add_followed(all, schema);
	for (size_t i = 0, n; i < db_rows(r); i += n) {
		for (n = 1; i + n < db_rows(r) && same_group(r, i, i + n);)
			n++;
		st = add_left(all, r, i, n, err);
		if (st != ST_OK)
			return st;
	}
	*out = STEAL(all);
	return ST_OK;
}
