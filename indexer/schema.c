/*
 * From ABI JSON to tables: names, column types, DDL text. Pure but for reading
 * the ABI files of the config; never talks to the database.
 */
#include "indexer/schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/keccak.h"
#include "abi/registry.h"
#include "core/mem.h"

#define COLUMNS_MAX  1000 /* Postgres allows 1600, fewer when they are wide */
#define ABI_FILE_MAX (16 * 1024 * 1024)

static const char *const fixed_columns[SCHEMA_FIXED_COLUMNS] = {
	"block_number", "block_hash", "block_time", "tx_hash",
	"tx_index",     "log_index",  "address",
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
	for (size_t i = 0; i < SCHEMA_FIXED_COLUMNS; i++)
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
				       "event %s: column %s is twice",
				       t->event->signature, name);
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

static bool overloaded(const struct abi *abi, const struct abi_entry *e)
{
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *o = &abi->entries[i];

		if (o != e && o->kind == ABI_ENTRY_EVENT &&
		    strcasecmp(o->name, e->name) == 0)
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

	t->contract = c->config->name;
	t->event = e;
	t->room_column = -1;
	schema_snake(t->log_event, e->name);
	buf_init(&name, 4096);
	buf_printf(&name, "%s_%s", c->config->name, t->log_event);
	if (overloaded(c->abi, e))
		buf_printf(&name, "_%s", hex_encode_bare(hex, e->hash.b, 4));
	fit_name(t->name, buf_str(&name));
	if (e->inputs->n_fields > COLUMNS_MAX)
		return err_set(err, ST_REJECTED, "event %s: too many columns",
			       e->name);
	t->columns = mem_array(e->inputs->n_fields, sizeof(*t->columns));
	for (size_t i = 0; i < e->inputs->n_fields; i++) {
		enum status st = column_init(t, i, err);

		if (st != ST_OK)
			return st;
		t->column_count++;
	}
	return ST_OK;
}

static bool chosen(const struct config_contract *config,
		   const struct abi_entry *e)
{
	if (!config->events)
		return true;
	for (size_t i = 0; i < config->event_count; i++)
		if (strcmp(config->events[i], e->name) == 0 ||
		    strcmp(config->events[i], e->signature) == 0)
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
				(strcmp(config->events[i], e->name) == 0 ||
				 strcmp(config->events[i], e->signature) == 0);
		}
		if (!found)
			return err_set(err, ST_REJECTED,
				       "contract %s: its ABI has no event %s",
				       config->name, config->events[i]);
	}
	return ST_OK;
}

enum status schema_contract_init(struct schema_contract *out,
				 const struct config_contract *config,
				 struct abi *abi, struct err *err)
{
	enum status st;

	*out = (struct schema_contract){ .config = config, .abi = abi };
	st = check_events(config, abi, err);
	if (st != ST_OK)
		return st;
	out->tables = mem_array(abi->n, sizeof(*out->tables));
	for (size_t i = 0; i < abi->n; i++) {
		const struct abi_entry *e = &abi->entries[i];

		if (e->kind != ABI_ENTRY_EVENT || !chosen(config, e))
			continue;
		st = table_init(&out->tables[out->table_count++], out, e, err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

void schema_contract_deinit(struct schema_contract *c)
{
	for (size_t i = 0; i < c->table_count; i++)
		free(c->tables[i].columns);
	free(c->tables);
	abi_free(c->abi);
	*c = (struct schema_contract){ 0 };
}

static void ddl_index(struct buf *out, const struct schema_table *t,
		      const char *column)
{
	char full[2 * SCHEMA_NAME_MAX + 2], name[SCHEMA_NAME_MAX + 1];

	snprintf(full, sizeof(full), "%s_%s", t->name, column);
	fit_name(name, full);
	buf_printf(out,
		   "create index if not exists \"%s\"\n"
		   "\ton chain.\"%s\" (\"%s\");\n",
		   name, t->name, column);
}

void schema_ddl(struct buf *out, const struct schema_table *t)
{
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
	buf_add_str(out, "\tprimary key (block_hash, log_index)\n);\n");
	ddl_index(out, t, "block_number");
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].indexed)
			ddl_index(out, t, t->columns[i].name);
	buf_printf(out, "comment on table chain.\"%s\" is\n\t'%s of %s';\n\n",
		   t->name, t->event->signature, t->contract);
}

/* ---- the contracts of a config ---- */

static enum status read_abi(struct abi **out, const char *path, struct err *err)
{
	AUTO_BUF text = BUF_NULL;
	uint8_t chunk[65536];
	size_t n;
	FILE *f;

	if (!path)
		return registry_abi(out, err);
	f = fopen(path, "re");
	if (!f)
		return err_set(err, ST_REJECTED, "%s: %s", path,
			       strerror(errno));
	buf_init(&text, ABI_FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	fclose(f);
	if (text.overflow)
		return err_set(err, ST_REJECTED, "%s: too large", path);
	return abi_load_text(out, buf_str(&text), text.len, path, err);
}

static enum status check_tables(const struct schema *s, struct err *err)
{
	for (size_t i = 1; i < s->contract_count; i++)
		for (size_t j = 0; j < i; j++)
			for (size_t k = 0; k < s->contracts[i].table_count; k++)
				for (size_t l = 0;
				     l < s->contracts[j].table_count; l++)
					if (strcmp(
						s->contracts[i].tables[k].name,
						s->contracts[j]
						    .tables[l]
						    .name) == 0)
						return err_set(
						    err, ST_REJECTED,
						    "contracts %s and %s both "
						    "want table %s",
						    s->contracts[j]
							.config->name,
						    s->contracts[i]
							.config->name,
						    s->contracts[i]
							.tables[k]
							.name);
	return ST_OK;
}

enum status schema_load(struct schema **out, const struct config *cfg,
			struct err *err)
{
	AUTO(schema) struct schema *s = mem_zalloc(sizeof(*s));
	size_t n = 0;
	enum status st;

	s->contracts = mem_array(cfg->contract_count, sizeof(*s->contracts));
	for (size_t i = 0; i < cfg->contract_count; i++)
		n += cfg->contracts[i].address_count;
	s->addresses = mem_array(n, sizeof(*s->addresses));
	for (size_t i = 0; i < cfg->contract_count; i++) {
		const struct config_contract *c = &cfg->contracts[i];
		struct abi *abi;

		st = read_abi(&abi, c->abi_file, err);
		if (st != ST_OK)
			return st;
		st = schema_contract_init(&s->contracts[s->contract_count++], c,
					  abi, err);
		if (st != ST_OK)
			return st;
		for (size_t j = 0; j < c->address_count; j++)
			memcpy(s->addresses[s->address_count++].b,
			       c->addresses[j], 20);
	}
	st = check_tables(s, err);
	if (st != ST_OK)
		return st;
	*out = STEAL(s);
	return ST_OK;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->contract_count; i++)
		schema_contract_deinit(&s->contracts[i]);
	free(s->contracts);
	free(s->addresses);
	free(s);
}

static const struct schema_table *find_in(const struct schema_contract *c,
					  const struct hash32 *topics,
					  unsigned n)
{
	const struct schema_table *only = NULL;
	unsigned matches = 0;

	for (size_t i = 0; i < c->table_count; i++) {
		const struct schema_table *t = &c->tables[i];
		unsigned indexed = 0;

		if (!t->event->anonymous) {
			if (n && hash32_eq(&t->event->hash, &topics[0]))
				return t;
			continue;
		}
		for (size_t j = 0; j < t->column_count; j++)
			indexed += t->columns[j].indexed;
		if (indexed == n) {
			only = t;
			matches++;
		}
	}
	return matches == 1 ? only : NULL;
}

const struct schema_table *schema_find(const struct schema *s,
				       const struct address *address,
				       const struct hash32 *topics,
				       unsigned topic_count)
{
	for (size_t i = 0; i < s->contract_count; i++) {
		const struct config_contract *c = s->contracts[i].config;
		const struct schema_table *t;

		for (size_t j = 0; j < c->address_count; j++) {
			if (memcmp(c->addresses[j], address->b, 20) != 0)
				continue;
			t = find_in(&s->contracts[i], topics, topic_count);
			if (t)
				return t;
		}
	}
	return NULL;
}
