/*
 * Which logs are ours. Pure: built once from the schema, then asked of every
 * block.
 */
#include "indexer/filter.h"

#include <assert.h>
#include <string.h>

#include "abi/hex.h"

#define TOPICS_MAX 64 /* more make the question longer than the answer */
#define TEXT_MAX   ((size_t)16 * 1024 * 1024)

/* One event of one address. */
struct probe {
	struct bloom_key address, topic;
	bool any_topic; /* anonymous */
};

struct filter {
	const struct schema *schema;
	struct probe *probes;
	size_t count;
	struct buf text;
};

static void add_addresses(struct buf *b, const struct schema *s)
{
	buf_add_str(b, "\"address\":[");
	for (size_t i = 0; i < s->address_count; i++) {
		char hex[HEX_ADDRESS_SIZE];

		buf_printf(b, "%s\"%s\"", i ? "," : "",
			   hex_address(hex, &s->addresses[i]));
	}
	buf_add_str(b, "]");
}

/* Only where the config chose events: a whole ABI names all that there are. */
static bool topics_narrow(const struct schema *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->contract_count; i++) {
		const struct schema_contract *c = &s->contracts[i];

		if (!c->chosen)
			return false;
		for (size_t j = 0; j < c->table_count; j++)
			if (c->tables[j].event->anonymous)
				return false;
		n += c->table_count;
	}
	return n > 0 && n <= TOPICS_MAX;
}

static void add_topics(struct buf *b, const struct schema *s)
{
	const char *comma = "";

	buf_add_str(b, ",\"topics\":[[");
	for (size_t i = 0; i < s->contract_count; i++)
		for (size_t j = 0; j < s->contracts[i].table_count; j++) {
			char hex[HEX_HASH_SIZE];

			hex_hash(hex, &s->contracts[i].tables[j].event->hash);
			if (strstr(buf_str(b), hex))
				continue; /* of two contracts */
			buf_printf(b, "%s\"%s\"", comma, hex);
			comma = ",";
		}
	buf_add_str(b, "]]");
}

static void add_probes(struct filter *f, const struct schema_contract *c)
{
	for (size_t i = 0; i < c->address_count; i++)
		for (size_t j = 0; j < c->table_count; j++) {
			const struct abi_entry *e = c->tables[j].event;
			struct probe *p = &f->probes[f->count++];

			p->address = bloom_key(c->addresses[i], 20);
			p->any_topic = e->anonymous;
			if (!e->anonymous)
				p->topic = bloom_key(e->hash.b, 32);
		}
}

struct filter *filter_new(const struct schema *schema)
{
	struct filter *f = mem_zalloc(sizeof(*f));
	size_t n = 0;

	f->schema = schema;
	for (size_t i = 0; i < schema->contract_count; i++)
		n += schema->contracts[i].table_count *
		     schema->contracts[i].address_count;
	f->probes = mem_array(n, sizeof(*f->probes));
	for (size_t i = 0; i < schema->contract_count; i++)
		add_probes(f, &schema->contracts[i]);
	buf_init(&f->text, TEXT_MAX);
	add_addresses(&f->text, schema);
	if (topics_narrow(schema))
		add_topics(&f->text, schema);
	assert(!f->text.overflow); /* the config bounds the addresses */
	return f;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	buf_deinit(&f->text);
	free(f->probes);
	free(f);
}

const char *filter_text(const struct filter *f)
{
	return buf_str(&f->text);
}

bool filter_may_match(const struct filter *f, const struct head *head)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct probe *p = &f->probes[i];

		if (bloom_may_hold(head->bloom, &p->address) &&
		    (p->any_topic || bloom_may_hold(head->bloom, &p->topic)))
			return true;
	}
	return false;
}

void filter_take(const struct filter *f, struct logs *out, struct arena *arena,
		 const struct logs *logs)
{
	size_t n = 0;

	for (size_t i = 0; i < logs->count; i++) {
		const struct log *l = &logs->items[i];

		n += schema_find(f->schema, &l->address, l->block_number,
				 l->topics, l->topic_count) != NULL;
	}
	out->items = arena_array(arena, n + 1, sizeof(*out->items));
	out->count = 0;
	for (size_t i = 0; i < logs->count; i++) {
		struct log *l = &logs->items[i];

		if (!schema_find(f->schema, &l->address, l->block_number,
				 l->topics, l->topic_count))
			continue;
		out->items[out->count] = *l;
		out->items[out->count++].data =
		    arena_dup(arena, l->data, l->data_len);
	}
}
