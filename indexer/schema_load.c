/*
 * The contracts of a config together: their ABI files, what they must not
 * share, and which table a log belongs to. Pure but for reading the files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "abi/registry.h"
#include "core/mem.h"
#include "indexer/schema_int.h"

#define ABI_FILE_MAX (16 * 1024 * 1024)

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

/* ---- what contracts must not share ---- */

static const struct schema_table *named(const struct schema_contract *c,
					const struct schema_table *t)
{
	for (size_t i = 0; i < c->table_count; i++)
		if (&c->tables[i] != t &&
		    strcmp(c->tables[i].name, t->name) == 0)
			return &c->tables[i];
	return NULL;
}

static enum status check_name(const struct schema *s, size_t contract,
			      const struct schema_table *t, struct err *err)
{
	for (size_t i = 0; i <= contract; i++) {
		const struct schema_table *o = named(&s->contracts[i], t);

		if (o)
			return err_set(err, ST_REJECTED,
				       "event %s of contract %s and event %s "
				       "of contract %s both want table %s: "
				       "name a contract otherwise",
				       o->event->name, o->contract,
				       t->event->name, t->contract, t->name);
	}
	return ST_OK;
}

static const struct schema_table *of_event(const struct schema_contract *c,
					   const struct schema_table *t)
{
	for (size_t i = 0; i < c->table_count; i++)
		if (c->tables[i].event->anonymous || t->event->anonymous ||
		    hash32_eq(&c->tables[i].event->hash, &t->event->hash))
			return &c->tables[i];
	return NULL;
}

static bool share_address(struct address *out, const struct schema_contract *a,
			  const struct schema_contract *b)
{
	for (size_t i = 0; i < a->address_count; i++)
		for (size_t j = 0; j < b->address_count; j++)
			if (memcmp(a->addresses[i], b->addresses[j], 20) == 0) {
				memcpy(out->b, a->addresses[i], 20);
				return true;
			}
	return false;
}

/* An address may stand in two contracts (a proxy with several ABIs), but a log
 * has one place. */
static enum status check_address(const struct schema_contract *a,
				 const struct schema_contract *b,
				 struct err *err)
{
	char hex[HEX_ADDRESS_SIZE];
	struct address shared;

	if (!share_address(&shared, a, b))
		return ST_OK;
	for (size_t i = 0; i < b->table_count; i++) {
		const struct schema_table *t = &b->tables[i];
		const struct schema_table *o = of_event(a, t);

		if (o)
			return err_set(err, ST_REJECTED,
				       "address %s stands in contracts %s and "
				       "%s: its logs of event %s and of event "
				       "%s cannot be told apart",
				       hex_address(hex, &shared), a->name,
				       b->name, o->event->signature,
				       t->event->signature);
	}
	return ST_OK;
}

static enum status check_contracts(const struct schema *s, struct err *err)
{
	for (size_t i = 0; i < s->contract_count; i++) {
		const struct schema_contract *c = &s->contracts[i];
		enum status st = ST_OK;

		for (size_t j = 0; j < c->table_count && st == ST_OK; j++)
			st = check_name(s, i, &c->tables[j], err);
		for (size_t j = 0; j < i && st == ST_OK; j++)
			st = check_address(&s->contracts[j], c, err);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* ---- putting it together ---- */

static void add_address(struct schema *s, const uint8_t *address)
{
	for (size_t i = 0; i < s->address_count; i++)
		if (memcmp(s->addresses[i].b, address, 20) == 0)
			return;
	s->addresses = mem_resize(s->addresses, s->address_count + 1,
				  sizeof(*s->addresses));
	memcpy(s->addresses[s->address_count++].b, address, 20);
}

static struct schema_contract *add_contract(struct schema *s)
{
	s->contracts = mem_resize(s->contracts, s->contract_count + 1,
				  sizeof(*s->contracts));
	return &s->contracts[s->contract_count++];
}

struct schema *schema_new(void)
{
	return mem_zalloc(sizeof(struct schema));
}

enum status schema_load(struct schema **out, const struct config *cfg,
			struct err *err)
{
	AUTO(schema) struct schema *s = schema_new();
	enum status st;

	for (size_t i = 0; i < cfg->contract_count; i++) {
		const struct config_contract *c = &cfg->contracts[i];
		struct abi *abi;

		st = read_abi(&abi, c->abi_file, err);
		if (st != ST_OK)
			return st;
		st = schema_contract_init(add_contract(s), c, abi, err);
		if (st != ST_OK)
			return st;
		for (size_t j = 0; j < c->address_count; j++)
			add_address(s, c->addresses[j]);
	}
	st = check_contracts(s, err);
	if (st != ST_OK)
		return st;
	*out = STEAL(s);
	return ST_OK;
}

static void set_addresses(struct schema *s, struct schema_contract *c,
			  const struct address *addresses, size_t n)
{
	uint8_t(*copy)[20] = mem_array(n, sizeof(*copy));

	for (size_t i = 0; i < n; i++) {
		memcpy(copy[i], addresses[i].b, 20);
		add_address(s, addresses[i].b);
	}
	c->own_addresses = copy;
	c->addresses = (const uint8_t(*)[20])copy;
	c->address_count = n;
	c->chosen = true;
}

/* Whether the last contract takes another table of these addresses. */
static bool goes_on(const struct schema *s, const struct schema_table *t,
		    const struct address *addresses, size_t n, uint64_t from,
		    uint64_t to)
{
	const struct schema_contract *c =
	    s->contract_count ? &s->contracts[s->contract_count - 1] : NULL;

	if (!c || c->abi || c->from != from || c->to != to ||
	    c->address_count != n || strcmp(c->name, t->contract) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (memcmp(c->addresses[i], addresses[i].b, 20) != 0)
			return false;
	return true;
}

void schema_add(struct schema *s, const struct schema_table *t,
		const struct address *addresses, size_t n, uint64_t from,
		uint64_t to)
{
	struct schema_contract *c;

	if (!goes_on(s, t, addresses, n, from, to)) {
		c = add_contract(s);
		*c = (struct schema_contract){ .name = t->contract,
					       .from = from,
					       .to = to };
		set_addresses(s, c, addresses, n);
	}
	c = &s->contracts[s->contract_count - 1];
	c->tables =
	    mem_resize(c->tables, c->table_count + 1, sizeof(*c->tables));
	c->tables[c->table_count++] = *t;
}

enum status schema_add_abi(struct schema *s, const char *name,
			   const char *contract, const char *text,
			   const struct address *addresses, size_t n,
			   uint64_t from, uint64_t to, struct err *err)
{
	struct schema_contract *c;
	struct abi *abi;
	enum status st = abi_load_text(&abi, text, strlen(text), name, err);

	if (st != ST_OK)
		return st;
	c = add_contract(s);
	st = schema_stored_contract(c, name, contract, abi, err);
	c->from = from;
	c->to = to;
	set_addresses(s, c, addresses, n);
	return st;
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

/* ---- whose log ---- */

static size_t indexed_of(const struct abi_entry *e)
{
	return e->inputs->n_fields - e->data->n_fields;
}

static const struct schema_table *find_in(const struct schema_contract *c,
					  const struct hash32 *topics,
					  unsigned n)
{
	for (size_t i = 0; i < c->table_count; i++) {
		const struct schema_table *t = &c->tables[i];

		if (!t->event->anonymous) {
			if (n && hash32_eq(&t->event->hash, &topics[0]))
				return t;
		} else if (indexed_of(t->event) == n &&
			   !(n && abi_event_by_topic(t->abi, &topics[0]))) {
			return t;
		}
	}
	return NULL;
}

const struct schema_table *
schema_find(const struct schema *s, const struct address *address,
	    uint64_t number, const struct hash32 *topics, unsigned topic_count)
{
	for (size_t i = 0; i < s->contract_count; i++) {
		const struct schema_contract *c = &s->contracts[i];
		const struct schema_table *t;

		if (number < c->from || number > c->to)
			continue;
		for (size_t j = 0; j < c->address_count; j++) {
			if (memcmp(c->addresses[j], address->b, 20) != 0)
				continue;
			t = find_in(c, topics, topic_count);
			if (t)
				return t;
		}
	}
	return NULL;
}
