/*
 * From logs to COPY tuples. Decoding never fails as a whole: a hostile event
 * costs its own row only. Nothing here talks to the database.
 */
#include "indexer/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/u256.h"
#include "core/json.h"
#include "indexer/pgcopy.h"

#define ROWS_MAX ((size_t)512 * 1024 * 1024) /* bytes of one table's rows */

struct rows {
	const struct schema *schema;
	struct buf **tables; /* [contract][table] */
	struct buf blocks, undecodable;
	struct row_note *notes;
	size_t note_count, note_cap;
	uint64_t count;
	bool keep_notes;
};

struct rows *rows_new(const struct schema *schema)
{
	struct rows *r = mem_zalloc(sizeof(*r));

	r->schema = schema;
	r->keep_notes = true;
	r->tables = mem_array(schema->contract_count, sizeof(*r->tables));
	for (size_t i = 0; i < schema->contract_count; i++) {
		size_t n = schema->contracts[i].table_count;

		r->tables[i] = mem_array(n, sizeof(**r->tables));
		for (size_t j = 0; j < n; j++)
			buf_init(&r->tables[i][j], ROWS_MAX);
	}
	buf_init(&r->blocks, ROWS_MAX);
	buf_init(&r->undecodable, ROWS_MAX);
	return r;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->schema->contract_count; i++) {
		for (size_t j = 0; j < r->schema->contracts[i].table_count; j++)
			buf_deinit(&r->tables[i][j]);
		free(r->tables[i]);
	}
	free(r->tables);
	buf_deinit(&r->blocks);
	buf_deinit(&r->undecodable);
	free(r->notes);
	free(r);
}

void rows_keep_notes(struct rows *r, bool keep)
{
	r->keep_notes = keep;
}

static struct buf *rows_of(struct rows *r, const struct schema_table *t)
{
	for (size_t i = 0; i < r->schema->contract_count; i++) {
		const struct schema_contract *c = &r->schema->contracts[i];

		if (t >= c->tables && t < c->tables + c->table_count)
			return &r->tables[i][t - c->tables];
	}
	abort();
}

static struct row_note *note_add(struct rows *r, const struct schema_table *t,
				 const struct log *log)
{
	struct row_note *n;

	if (r->note_count == r->note_cap) {
		r->note_cap = r->note_cap ? 2 * r->note_cap : 16;
		r->notes = mem_resize(r->notes, r->note_cap, sizeof(*r->notes));
	}
	n = &r->notes[r->note_count++];
	*n = (struct row_note){ .table = t,
				.block_number = log->block_number,
				.tx_hash = log->tx_hash,
				.log_index = log->log_index };
	return n;
}

static void put_value(struct buf *b, const struct schema_column *c,
		      const struct abi_type *type, const struct abi_value *v)
{
	AUTO_JSON cJSON *json = NULL;
	AUTO_FREE char *text = NULL;

	switch (c->type) {
	case SCHEMA_BOOLEAN:
		pgcopy_bool(b, !u256_is_zero(&v->num));
		return;
	case SCHEMA_BIGINT: /* fits by the type's width */
		pgcopy_i64(b, (int64_t)v->num.w[0]);
		return;
	case SCHEMA_NUMERIC:
		pgcopy_numeric(b, &v->num, c->is_signed);
		return;
	case SCHEMA_BYTEA:
		pgcopy_bytes(b, v->bytes.p, v->bytes.len);
		return;
	case SCHEMA_JSONB:
		json = abi_to_json(type, v);
		text = mem_check(cJSON_PrintUnformatted(json));
		pgcopy_jsonb(b, text, strlen(text));
		return;
	}
	abort();
}

static void put_row(struct rows *r, const struct schema_table *t,
		    const struct log *log, uint64_t time,
		    const struct abi_value *values)
{
	struct buf *b = rows_of(r, t);

	pgcopy_tuple(b, (unsigned)(SCHEMA_FIXED_COLUMNS + t->column_count));
	pgcopy_i64(b, (int64_t)log->block_number);
	pgcopy_bytes(b, log->block_hash.b, 32);
	pgcopy_time(b, time);
	pgcopy_bytes(b, log->tx_hash.b, 32);
	pgcopy_i32(b, (int32_t)log->tx_index);
	pgcopy_i32(b, (int32_t)log->log_index);
	pgcopy_bytes(b, log->address.b, 20);
	for (size_t i = 0; i < t->column_count; i++)
		put_value(b, &t->columns[i], &t->event->inputs->fields[i],
			  &values[i]);
}

static void put_undecodable(struct rows *r, const struct schema_table *t,
			    const struct log *log, const char *reason)
{
	struct buf *b = &r->undecodable;
	struct row_note *note = note_add(r, t, log);

	snprintf(note->reason, sizeof(note->reason), "%.199s", reason);
	pgcopy_tuple(b, 10);
	pgcopy_i64(b, (int64_t)log->block_number);
	pgcopy_bytes(b, log->block_hash.b, 32);
	pgcopy_bytes(b, log->tx_hash.b, 32);
	pgcopy_i32(b, (int32_t)log->tx_index);
	pgcopy_i32(b, (int32_t)log->log_index);
	pgcopy_bytes(b, log->address.b, 20);
	pgcopy_bytes(b, t->name, strlen(t->name));
	pgcopy_bytes(b, log->topics, log->topic_count * sizeof(struct hash32));
	pgcopy_bytes(b, log->data, log->data_len);
	pgcopy_bytes(b, note->reason, strlen(note->reason));
}

static void add_log(struct rows *r, const struct log *log, uint64_t time)
{
	const struct schema_table *t =
	    schema_find(r->schema, &log->address, log->block_number,
			log->topics, log->topic_count);
	AUTO(arena) struct arena *arena = NULL;
	const struct abi_value *values;
	struct row_note *note;
	struct err err;

	if (!t)
		return;
	r->count++;
	arena = arena_new(abi_decode_arena_max(log->data_len));
	/* Other compilers may lay out data in their own way: any layout that
	 * stays inside the data is taken. */
	if (abi_decode_log(&values, arena, t->event, log->topics,
			   log->topic_count, log->data, log->data_len,
			   ABI_ANY_LAYOUT, &err) != ST_OK) {
		put_undecodable(r, t, log, err.msg);
		return;
	}
	put_row(r, t, log, time, values);
	if (!r->keep_notes)
		return;
	note = note_add(r, t, log);
	if (t->room_column >= 0 &&
	    t->columns[t->room_column].type == SCHEMA_NUMERIC) {
		char dec[U256_DEC_SIZE];

		u256_to_dec(dec, &values[t->room_column].num);
		snprintf(note->room, sizeof(note->room), "%.39s", dec);
	}
}

void rows_add_block(struct rows *r, const struct head *h,
		    const struct log *logs, size_t n)
{
	uint64_t before = r->count;
	struct log_sum sum = { 0 };

	for (size_t i = 0; i < n; i++) {
		add_log(r, &logs[i], h->time);
		log_sum_add(&sum, &logs[i]);
	}
	pgcopy_tuple(&r->blocks, 6);
	pgcopy_i64(&r->blocks, (int64_t)h->number);
	pgcopy_bytes(&r->blocks, h->hash.b, 32);
	pgcopy_bytes(&r->blocks, h->parent.b, 32);
	pgcopy_time(&r->blocks, h->time);
	pgcopy_i32(&r->blocks, (int32_t)(r->count - before));
	if (n)
		pgcopy_bytes(&r->blocks, sum.b, sizeof(sum.b));
	else
		pgcopy_null(&r->blocks);
}

static enum status copy_one(struct db_batch *batch, const char *sql,
			    const struct buf *rows, struct err *err)
{
	enum status st = buf_check(rows, "rows of one commit", err);

	if (st == ST_OK && rows->len)
		db_add_copy(batch, sql, rows);
	return st;
}

static enum status copy_table(const struct schema_table *t,
			      struct db_batch *batch, const struct buf *rows,
			      struct err *err)
{
	AUTO_BUF sql = BUF_NULL;

	buf_init(&sql, 128 * 1024);
	if (!rows->len && !rows->overflow)
		return ST_OK;
	buf_printf(&sql,
		   "copy chain.\"%s\" (block_number, block_hash, block_time, "
		   "tx_hash, tx_index, log_index, address",
		   t->name);
	for (size_t i = 0; i < t->column_count; i++)
		buf_printf(&sql, ", \"%s\"", t->columns[i].name);
	buf_add_str(&sql, ") from stdin (format binary)");
	return copy_one(batch, buf_str(&sql), rows, err);
}

static enum status copy_events(const struct rows *r, struct db_batch *batch,
			       struct err *err)
{
	enum status st;

	for (size_t i = 0; i < r->schema->contract_count; i++) {
		const struct schema_contract *c = &r->schema->contracts[i];

		for (size_t j = 0; j < c->table_count; j++) {
			st = copy_table(&c->tables[j], batch, &r->tables[i][j],
					err);
			if (st != ST_OK)
				return st;
		}
	}
	return copy_one(batch,
			"copy chain.undecodable (block_number, block_hash, "
			"tx_hash, tx_index, log_index, address, table_name, "
			"topics, data, reason) from stdin (format binary)",
			&r->undecodable, err);
}

enum status rows_copy(const struct rows *r, struct db_batch *batch,
		      struct err *err)
{
	enum status st =
	    copy_one(batch,
		     "copy chain.block (number, hash, parent_hash, time, "
		     "events, log_sum) from stdin (format binary)",
		     &r->blocks, err);

	return st == ST_OK ? copy_events(r, batch, err) : st;
}

enum status rows_copy_late(const struct rows *r, struct db_batch *batch,
			   struct err *err)
{
	enum status st =
	    copy_one(batch,
		     "copy chain.late_block (number, hash, parent_hash, time, "
		     "events, log_sum) from stdin (format binary)",
		     &r->blocks, err);

	return st == ST_OK ? copy_events(r, batch, err) : st;
}

uint64_t rows_count(const struct rows *r)
{
	return r->count;
}

void rows_each(const struct rows *r,
	       void (*fn)(void *arg, const struct row_note *note), void *arg)
{
	for (size_t i = 0; i < r->note_count; i++)
		fn(arg, &r->notes[i]);
}
