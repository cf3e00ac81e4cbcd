/*
 * Building a transaction: statements, parameters and COPY rows are copied, so
 * the caller's memory may go at once. Never talks to the server.
 */
#include "db/internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define OID_BYTEA  17
#define PARAMS_MAX 65535 /* the protocol's limit */

struct db_param db_param_text(const char *s)
{
	if (!s)
		return P_NULL();
	return (struct db_param){ .kind = DB_TEXT, .len = strlen(s), .p = s };
}

struct db_batch *db_batch_new(struct db *db)
{
	struct db_batch *b = mem_zalloc(sizeof(*b));

	b->db = db;
	return b;
}

void db_batch_free(struct db_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->got; i++)
		db_result_free(b->results[i]);
	for (size_t i = 0; i < b->count; i++) {
		free(b->items[i].sql);
		free(b->items[i].block);
		free(b->items[i].rows);
	}
	free(b->results);
	free(b->items);
	free(b);
}

static struct db_item *item_new(struct db_batch *b, enum db_item_kind kind,
				const char *sql)
{
	struct db_item *it;

	if (b->count == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 8;
		b->items = mem_resize(b->items, b->cap, sizeof(*b->items));
	}
	it = &b->items[b->count++];
	*it = (struct db_item){ .kind = kind, .sql = mem_strdup(sql) };
	return it;
}

/* Bytes that the value of @p takes, with the zero that ends text. */
static size_t param_size(const struct db_param *p)
{
	switch (p->kind) {
	case DB_NULL:
		return 0;
	case DB_I64:
		return 24;
	case DB_BOOL:
		return 2;
	case DB_TEXT:
	case DB_BYTEA:
		return p->len + 1;
	}
	abort();
}

static void param_store(struct db_item *it, size_t i, const struct db_param *p,
			char *at)
{
	it->values[i] = at;
	switch (p->kind) {
	case DB_NULL:
		it->values[i] = NULL;
		return;
	case DB_I64:
		snprintf(at, 24, "%" PRId64, p->i64);
		return;
	case DB_BOOL:
		memcpy(at, p->b ? "t" : "f", 2);
		return;
	case DB_BYTEA:
		it->types[i] = OID_BYTEA;
		it->formats[i] = 1;
		assert(p->len <= INT32_MAX);
		it->lengths[i] = (int)p->len;
		if (p->len)
			memcpy(at, p->p, p->len);
		return;
	case DB_TEXT:
		memcpy(at, p->p, p->len);
		at[p->len] = '\0';
		return;
	}
	abort();
}

void db_add(struct db_batch *b, const char *sql, const struct db_param *params,
	    size_t n)
{
	struct db_item *it = item_new(b, ITEM_STMT, sql);
	size_t fixed = n * (sizeof(char *) + 2 * sizeof(int) + sizeof(Oid));
	size_t size = fixed;
	char *at;

	assert(n <= PARAMS_MAX);
	for (size_t i = 0; i < n; i++)
		size += param_size(&params[i]);
	it->block = mem_zalloc(size);
	it->n = (int)n;
	it->values = (char **)it->block;
	it->lengths = (int *)(void *)(it->values + n);
	it->formats = it->lengths + n;
	it->types = (Oid *)(it->formats + n);
	at = (char *)it->block + fixed;
	for (size_t i = 0; i < n; i++) {
		param_store(it, i, &params[i], at);
		at += param_size(&params[i]);
	}
}

void db_add_copy(struct db_batch *b, const char *copy_sql,
		 const struct buf *rows)
{
	struct db_item *it = item_new(b, ITEM_COPY, copy_sql);

	assert(!rows->overflow);
	it->rows = mem_dup(rows->data, rows->len);
	it->rows_len = rows->len;
	b->serial = true;
	b->explicit = true;
}

void db_batch_script(struct db_batch *b, const char *sql)
{
	/* Alone, a script is one implicit transaction; beside other
	 * items it needs the explicit one. */
	item_new(b, ITEM_SCRIPT, sql);
	b->serial = true;
	b->explicit = b->explicit || b->count > 1;
}

void db_batch_again(struct db_batch *b)
{
	for (size_t i = 0; i < b->got; i++)
		db_result_free(b->results[i]);
	b->got = b->answered = 0;
	b->shared = false;
	b->status = ST_OK;
	b->err = (struct err){ 0 };
}

void db_list_before(struct db_list *queue, struct db_list *l)
{
	if (!l->head)
		return;
	l->tail->next = queue->head;
	queue->head = l->head;
	if (!queue->tail)
		queue->tail = l->tail;
	queue->count += l->count;
	*l = (struct db_list){ 0 };
}

void db_list_push(struct db_list *l, struct db_batch *b)
{
	b->next = NULL;
	if (l->tail)
		l->tail->next = b;
	else
		l->head = b;
	l->tail = b;
	l->count++;
}

struct db_batch *db_list_pop(struct db_list *l)
{
	struct db_batch *b = l->head;

	if (!b)
		return NULL;
	l->head = b->next;
	if (!l->head)
		l->tail = NULL;
	l->count--;
	b->next = NULL;
	return b;
}
