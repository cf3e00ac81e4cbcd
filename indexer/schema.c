/*
 * From one contract's ABI to its tables: names, column types, DDL text. Pure;
 * never talks to the database.
 */
#include "indexer/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "core/json.h"
#include "core/mem.h"
#include "indexer/schema_int.h"

/* Ours, then those that every table of Postgres has (ddl-system-columns). */
static const char *const fixed_columns[] = {
	"block_number", "block_hash", "block_time", "tx_hash", "tx_index",
	"log_index",    "address",    "tableoid",   "ctid",    "xmin",
	"xmax",         "cmin",       "cmax",
};

/* Names that Postgres would cut end in a hash instead, so that two long names
 * that differ late stay apart. */
static void fit_name(char out[static SCHEMA_NAME_MAX + 1], const char *name)
{
	size_t n = strlen(name);
	struct hash32 h;

	if (n <= SCHEMA_NAME_MAX) {
		memcpy(out, name, n + 1);
		return;
	}
	h = keccak256(name, n);
	memcpy(out, name, SCHEMA_NAME_MAX - 9);
	out[SCHEMA_NAME_MAX - 9] = '_';
	hex_encode_bare(out + SCHEMA_NAME_MAX - 8, h.b, 4);
}

static void add_snake(struct buf *b, const char *s)
{
	for (size_t i = 0; s[i]; i++) {
		bool upper = isupper((unsigned char)s[i]) != 0;
		bool after_word = i && (islower((unsigned char)s[i - 1]) ||
					isdigit((unsigned char)s[i - 1]));
		bool ends_acronym = i && isupper((unsigned char)s[i - 1]) &&
				    islower((unsigned char)s[i + 1]);

		if (upper && (after_word || ends_acronym))
			buf_add_byte(b, '_');
		if (isalnum((unsigned char)s[i]))
			buf_add_byte(b, (uint8_t)tolower((unsigned char)s[i]));
		else
			buf_add_byte(b, '_');
	}
}

void schema_snake(char out[static SCHEMA_NAME_MAX + 1], const char *name)
{
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 2 * strlen(name) + 1);
	add_snake(&b, name);
	fit_name(out, buf_str(&b));
}

static enum schema_type column_type(const struct abi_type *t)
{
	if (t->indexed && abi_is_hashed(t))
		return SCHEMA_BYTEA;
	switch (t->kind) {
	case ABI_BOOL:
		return SCHEMA_BOOLEAN;
	case ABI_UINT:
		return t->bits <= 56 ? SCHEMA_BIGINT : SCHEMA_NUMERIC;
	case ABI_INT:
		return t->bits <= 64 ? SCHEMA_BIGINT : SCHEMA_NUMERIC;
	case ABI_ADDRESS:
	case ABI_FIXED_BYTES:
	case ABI_FUNCTION:
	case ABI_BYTES:
	case ABI_STRING:
		return SCHEMA_BYTEA;
	case ABI_ARRAY:
	case ABI_LIST:
	case ABI_TUPLE:
		return SCHEMA_JSONB;
	}
	abort();
}

static const char *type_sql(enum schema_type type)
{
	switch (type) {
	case SCHEMA_BOOLEAN:
		return "boolean";
	case SCHEMA_BIGINT:
		return "bigint";
	case SCHEMA_NUMERIC:
		return "numeric(78, 0)";
	case SCHEMA_BYTEA:
		return "bytea";
	case SCHEMA_JSONB:
		return "jsonb";
	}
	abort();
}

static bool column_taken(const struct schema_table *t, size_t n,
			 const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed_columns); i++)
		if (strcmp(name, fixed_columns[i]) == 0)
			return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, t->columns[i].name) == 0)
			return true;
	return false;
}

static enum status column_init(struct schema_table *t, size_t i,
			       struct err *err)
{
	const struct abi_type *param = &t->event->inputs->fields[i];
	struct schema_column *c = &t->columns[i];
	char name[SCHEMA_NAME_MAX + 1];

	if (param->name[0])
		schema_snake(name, param->name);
	else
		snprintf(name, sizeof(name), "arg%zu", i);
	while (column_taken(t, i, name)) {
		size_t n = strlen(name);

		if (n == SCHEMA_NAME_MAX)
			return err_set(err, ST_REJECTED,
				       "event %s: parameter %s and one before "
				       "it both want column %s",
				       t->event->name, param->name, name);
		memcpy(name + n, "_", 2);
	}
	memcpy(c->name, name, sizeof(c->name));
	c->type = column_type(param);
	c->is_signed = param->kind == ABI_INT;
	c->indexed = param->indexed;
	if (strcmp(name, "room_id") == 0)
		t->room_column = (int)i;
	return ST_OK;
}

/* ---- which events, and what their tables are called ---- */

static size_t indexed_of(const struct abi_entry *e)
{
	return e->inputs->n_fields - e->data->n_fields;
}

/* Two events of one ABI whose tables would have one name: overloads, and
 * names that differ in case or in what becomes "_". */
static bool shares_name(const struct abi *abi, const struct abi_entry *e)
{
	char mine[SCHEMA_NAME_MAX + 1], other[SCHEMA_NAME_MAX + 1];

	schema_snake(mine, e->name);
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *o = &abi->entries[i];

		if (o->kind != ABI_ENTRY_EVENT ||
		    strcmp(o->signature, e->signature) == 0)
			continue;
		schema_snake(other, o->name);
		if (strcmp(mine, other) == 0)
			return true;
	}
	return false;
}

static enum status table_init(struct schema_table *t,
			      const struct schema_contract *c,
			      const struct abi_entry *e, struct err *err)
{
	AUTO_BUF name = BUF_NULL;
	char hex[9];

	t->contract = c->name;
	t->abi = c->abi;
	t->event = e;
	t->room_column = -1;
	schema_snake(t->log_event, e->name);
	buf_init(&name, 4096);
	buf_printf(&name, "%s_%s", c->name, t->log_event);
	if (shares_name(c->abi, e))
		buf_printf(&name, "_%s", hex_encode_bare(hex, e->hash.b, 4));
	fit_name(t->name, buf_str(&name));
	if (e->inputs->n_fields > SCHEMA_COLUMNS_MAX)
		return err_set(err, ST_REJECTED,
			       "event %s of contract %s: more than %d "
			       "parameters",
			       e->name, c->name, SCHEMA_COLUMNS_MAX);
	t->columns = mem_array(e->inputs->n_fields, sizeof(*t->columns));
	for (size_t i = 0; i < e->inputs->n_fields; i++) {
		enum status st = column_init(t, i, err);

		if (st != ST_OK)
			return st;
		t->column_count++;
	}
	return ST_OK;
}

static bool names_event(const char *text, const struct abi_entry *e)
{
	return strcmp(text, e->name) == 0 || strcmp(text, e->signature) == 0;
}

static bool chosen(const struct config_contract *config,
		   const struct abi_entry *e)
{
	if (!config->events)
		return true;
	for (size_t i = 0; i < config->event_count; i++)
		if (names_event(config->events[i], e))
			return true;
	return false;
}

static enum status check_events(const struct config_contract *config,
				const struct abi *abi, struct err *err)
{
	for (size_t i = 0; i < config->event_count; i++) {
		bool found = false;

		for (size_t j = 0; j < abi->n && !found; j++) {
			const struct abi_entry *e = &abi->entries[j];

			found = e->kind == ABI_ENTRY_EVENT &&
				names_event(config->events[i], e);
		}
		if (!found)
			return err_set(err, ST_REJECTED,
				       "contract %s: its ABI has no event %s",
				       config->name, config->events[i]);
	}
	return ST_OK;
}

static bool same_indexed(const struct abi_entry *a, const struct abi_entry *b)
{
	for (size_t i = 0; i < a->inputs->n_fields; i++)
		if (a->inputs->fields[i].indexed !=
		    b->inputs->fields[i].indexed)
			return false;
	return true;
}

/* Whether a log could be of @e as well as of @o, an earlier one of its ABI.
 * @again: it is the same event, written twice (merged ABIs do that). */
static bool alike(const struct abi_entry *e, const struct abi_entry *o,
		  bool *again)
{
	bool same = strcmp(e->signature, o->signature) == 0;

	*again = same && e->anonymous == o->anonymous && same_indexed(e, o);
	if (e->anonymous && o->anonymous)
		return indexed_of(e) == indexed_of(o);
	return same;
}

/* *@again: an earlier entry is the same. */
static enum status check_event(bool *again, const struct abi *abi, size_t i,
			       const struct config_contract *config,
			       struct err *err)
{
	const struct abi_entry *e = &abi->entries[i];

	*again = false;
	for (size_t j = 0; j < abi->n && !*again; j++) {
		const struct abi_entry *o = &abi->entries[j];
		bool same;

		if (j == i || o->kind != ABI_ENTRY_EVENT || !alike(e, o, &same))
			continue;
		if (same)
			*again = j < i;
		else
			return err_set(
			    err, ST_REJECTED,
			    "contract %s: the logs of events %s%s "
			    "and %s%s cannot be told apart: leave "
			    "one out of the ABI file",
			    config->name, o->anonymous ? "anonymous " : "",
			    o->signature, e->anonymous ? "anonymous " : "",
			    e->signature);
	}
	return ST_OK;
}

enum status schema_contract_init(struct schema_contract *out,
				 const struct config_contract *config,
				 struct abi *abi, struct err *err)
{
	enum status st;

	*out = (struct schema_contract){
		.name = config->name,
		.addresses = (const uint8_t(*)[20])config->addresses,
		.address_count = config->address_count,
		.from = config->start_block,
		.to = UINT64_MAX,
		.chosen = config->event_count > 0,
		.abi = abi,
	};
	st = check_events(config, abi, err);
	if (st != ST_OK)
		return st;
	out->tables = mem_array(abi->n, sizeof(*out->tables));
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *e = &abi->entries[i];
		bool again;

		if (e->kind != ABI_ENTRY_EVENT || !chosen(config, e))
			continue;
		st = check_event(&again, abi, i, config, err);
		if (st == ST_OK && !again)
			st = table_init(&out->tables[out->table_count++], out,
					e, err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

void schema_contract_deinit(struct schema_contract *c)
{
	for (size_t i = 0; c->abi && i < c->table_count; i++)
		free(c->tables[i].columns);
	free(c->tables);
	free(c->own_addresses);
	abi_free(c->abi);
	*c = (struct schema_contract){ 0 };
}

enum status schema_stored_contract(struct schema_contract *out,
				   const char *table, const char *contract,
				   struct abi *abi, struct err *err)
{
	enum status st;

	*out = (struct schema_contract){
		.name = arena_dup(abi->arena, contract, strlen(contract)),
		.abi = abi,
	};
	out->tables = mem_array(1, sizeof(*out->tables));
	if (abi->n == 0 || abi->entries[0].kind != ABI_ENTRY_EVENT)
		return err_set(err, ST_REJECTED, "%s: no event is stored",
			       table);
	out->table_count = 1;
	st = table_init(&out->tables[0], out, &abi->entries[0], err);
	if (st == ST_OK)
		snprintf(out->tables[0].name, sizeof(out->tables[0].name), "%s",
			 table);
	return st;
}

/* ---- an event as it is kept beside its table ---- */

void schema_table_abi(struct buf *out, const struct schema_table *t)
{
	AUTO_JSON cJSON *list = mem_check(cJSON_CreateArray());
	AUTO_FREE char *text = NULL;

	cJSON_AddItemToArray(list, abi_event_to_json(t->event));
	for (size_t i = 0; t->event->anonymous && i < t->abi->n; i++) {
		const struct abi_entry *e = &t->abi->entries[i];

		if (e->kind == ABI_ENTRY_EVENT && e != t->event)
			cJSON_AddItemToArray(list, abi_event_to_json(e));
	}
	text = mem_check(cJSON_PrintUnformatted(list));
	buf_add_str(out, text);
}

bool schema_same_event(const struct schema_table *t, const char *text)
{
	AUTO_JSON cJSON *have = cJSON_Parse(text);
	AUTO_JSON cJSON *want = abi_event_to_json(t->event);

	return cJSON_Compare(cJSON_GetArrayItem(have, 0), want, true);
}

/* ---- DDL ---- */

static void ddl_index(struct buf *out, const struct schema_table *t,
		      const char *column)
{
	char full[2 * SCHEMA_NAME_MAX + 2], name[SCHEMA_NAME_MAX + 1];

	/* No table has a dot in its name, so that none is in the way. */
	snprintf(full, sizeof(full), "%s.%s", t->name, column);
	fit_name(name, full);
	buf_printf(out,
		   "create index if not exists \"%s\"\n"
		   "\ton chain.\"%s\" (\"%s\");\n",
		   name, t->name, column);
}

static void add_quoted(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\'')
			buf_add_byte(out, '\'');
		buf_add_byte(out, (uint8_t)*p);
	}
}

void schema_ddl(struct buf *out, const struct schema_table *t)
{
	char full[SCHEMA_NAME_MAX + 16], key[SCHEMA_NAME_MAX + 1];

	snprintf(full, sizeof(full), "%s.block_number", t->name);
	fit_name(key, full);
	buf_printf(out, "create table if not exists chain.\"%s\" (\n", t->name);
	buf_add_str(out, "\tblock_number bigint not null,\n"
			 "\tblock_hash bytea not null,\n"
			 "\tblock_time timestamptz not null,\n"
			 "\ttx_hash bytea not null,\n"
			 "\ttx_index integer not null,\n"
			 "\tlog_index integer not null,\n"
			 "\taddress bytea not null,\n");
	for (size_t i = 0; i < t->column_count; i++)
		buf_printf(out, "\t\"%s\" %s not null,\n", t->columns[i].name,
			   type_sql(t->columns[i].type));
	/* In the chain's order: history fills the key's pages from one end, and
	 * a range of blocks is found by it. */
	buf_printf(
	    out,
	    "\tconstraint \"%s\"\n"
	    "\t\tprimary key (block_number, log_index, block_hash)\n);\n",
	    key);
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].indexed)
			ddl_index(out, t, t->columns[i].name);
	buf_printf(out, "comment on table chain.\"%s\" is\n\t'", t->name);
	add_quoted(out, t->event->signature);
	buf_printf(out, " of %s';\n\n", t->contract);
}
