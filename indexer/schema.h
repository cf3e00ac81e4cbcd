#ifndef CX_INDEXER_SCHEMA_H
#define CX_INDEXER_SCHEMA_H

#include "abi/abi.h"
#include "config/config.h"
#include "core/buf.h"
#include "core/err.h"

/*
 * Tables made from ABI JSON: one per event, columns from its parameters. Pure:
 * the DDL is text, and the same ABI always gives the same text. TABLES.md says
 * where everything that a contract can emit finds its place.
 */

#define SCHEMA_NAME_MAX      63 /* Postgres cuts longer names */
#define SCHEMA_FIXED_COLUMNS 7
/* A row must fit into a page of 8 KiB with every value moved out of it. */
#define SCHEMA_COLUMNS_MAX   256

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
	const struct abi *abi;               /* of the contract */
	const struct abi_entry *event;       /* owned by @abi */
	struct schema_column *columns; /* the event's parameters, in order */
	size_t column_count;
	int room_column; /* "room_id", or -1 */
};

/* Tables, and whose logs belong there. */
struct schema_contract {
	const char *name;               /* owned by the config */
	const uint8_t (*addresses)[20]; /* owned by the config */
	size_t address_count;
	uint64_t from, to; /* blocks; logs of others are none of ours */
	bool chosen;       /* not every event of the ABI has a table */
	struct abi *abi;   /* NULL: @tables are copies of another's */
	struct schema_table *tables;
	size_t table_count;
	void *own_addresses; /* to be freed; NULL: the config's */
};

struct schema {
	struct schema_contract *contracts;
	size_t contract_count;
	struct address *addresses; /* of all contracts, each once */
	size_t address_count;
};

/** schema_contract_init - tables for the events of @abi that @config names
 * (all when it names none)
 * @out: takes over @abi even on failure; release with schema_contract_deinit()
 *
 * Return: ST_OK, or ST_REJECTED: an event in the config is not in the ABI, an
 * event has more columns than a table can hold, or two events want one table
 * or cannot be told apart (the error names both).
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

/** schema_new - without contracts */
struct schema *schema_new(void);
/**
 * schema_add - one table for logs of blocks @from to @to
 * @t: of another schema, which must outlive this one
 * @addresses: copied
 */
void schema_add(struct schema *s, const struct schema_table *t,
		const struct address *addresses, size_t n, uint64_t from,
		uint64_t to);
/**
 * schema_add_abi - a table of which only chain.event_table knows still
 * @name, @contract: as stored; copied
 * @text: its schema_table_abi()
 *
 * Return: ST_OK, or ST_REJECTED: @text is not what it should be.
 */
enum status schema_add_abi(struct schema *s, const char *name,
			   const char *contract, const char *text,
			   const struct address *addresses, size_t n,
			   uint64_t from, uint64_t to,
			   struct err *err) MUST_CHECK;

/** schema_ddl - append "create table if not exists chain.…" with its indexes
 * and comment */
void schema_ddl(struct buf *out, const struct schema_table *t);

/** schema_table_abi - append @t's event as an ABI array; for an anonymous one
 * those follow that its logs are not to be taken for */
void schema_table_abi(struct buf *out, const struct schema_table *t);

/** schema_same_event - whether a stored schema_table_abi() makes the columns
 * that @t has */
bool schema_same_event(const struct schema_table *t, const char *text);

/** schema_find - the table for a log of block @number, or NULL when it is none
 * of ours. An anonymous event takes what has as many topics and is no other
 * event of its ABI. */
const struct schema_table *
schema_find(const struct schema *s, const struct address *address,
	    uint64_t number, const struct hash32 *topics, unsigned topic_count);

/** schema_snake - "RoomCreated" to "room_created", "hostURLKey" to
 * "host_url_key"; cut with a hash suffix when too long */
void schema_snake(char out[static SCHEMA_NAME_MAX + 1], const char *name);

#endif
