#ifndef CX_INDEXER_SCHEMA_H
#define CX_INDEXER_SCHEMA_H

#include "abi/abi.h"
#include "config/config.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * Tables made from ABI JSON: one per event, columns from its parameters. Pure:
 * the DDL is text, and the same ABI always gives the same text.
 */

#define SCHEMA_NAME_MAX      63 /* Postgres cuts longer names */
#define SCHEMA_FIXED_COLUMNS 7

enum schema_type {
	SCHEMA_BOOLEAN = 1,
	SCHEMA_BIGINT,  /* uint up to 56 bits, int up to 64 */
	SCHEMA_NUMERIC, /* wider integers */
	SCHEMA_BYTEA,   /* address, bytes, string, hash of an indexed value */
	SCHEMA_JSONB,   /* arrays and tuples */
};

struct schema_column {
	char name[SCHEMA_NAME_MAX + 1];
	enum schema_type type;
	bool is_signed, indexed;
};

struct schema_table {
	char name[SCHEMA_NAME_MAX + 1];      /* without the schema */
	char log_event[SCHEMA_NAME_MAX + 1]; /* event name in snake case */
	const char *contract;                /* owned by the config */
	const struct abi_entry *event;       /* owned by the contract's ABI */
	struct schema_column *columns; /* the event's parameters, in order */
	size_t column_count;
	int room_column; /* "room_id", or -1 */
};

struct schema_contract {
	const struct config_contract *config;
	struct abi *abi;
	struct schema_table *tables;
	size_t table_count;
};

struct schema {
	struct schema_contract *contracts;
	size_t contract_count;
	struct address *addresses; /* of all contracts */
	size_t address_count;
};

/** schema_contract_init - tables for the events of @abi that @config names
 * (all when it names none)
 * @out: takes over @abi even on failure; release with schema_contract_deinit()
 *
 * Return: ST_OK, or ST_REJECTED: an event in the config is not in the ABI, or
 * an event has more columns than a table can hold.
 */
enum status schema_contract_init(struct schema_contract *out,
				 const struct config_contract *config,
				 struct abi *abi, struct err *err) MUST_CHECK;
void schema_contract_deinit(struct schema_contract *c);

/**
 * schema_load - the contracts of the config with their ABI files
 * @out: set only on ST_OK; release with schema_free()
 * @cfg: must outlive it
 *
 * Return: ST_OK, or ST_REJECTED naming the file, event or table that is wrong.
 */
enum status schema_load(struct schema **out, const struct config *cfg,
			struct err *err) MUST_CHECK;
void schema_free(struct schema *s);
DEFINE_AUTO(schema, schema_free)

/** schema_ddl - append "create table if not exists chain.…" with its indexes
 * and comment */
void schema_ddl(struct buf *out, const struct schema_table *t);

/** schema_find - the table for a log, or NULL when it is none of ours.
 * Anonymous events match when they are the only one with so many topics. */
const struct schema_table *schema_find(const struct schema *s,
				       const struct address *address,
				       const struct hash32 *topics,
				       unsigned topic_count);

/** schema_snake - "RoomCreated" to "room_created", "hostURLKey" to
 * "host_url_key"; cut with a hash suffix when too long */
void schema_snake(char out[static SCHEMA_NAME_MAX + 1], const char *name);

#endif
