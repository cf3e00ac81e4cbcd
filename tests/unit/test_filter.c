/*
 * What a header vouches for, and which logs are ours: the pure beginning of
 * every proof.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* after the above */
#include <cmocka.h>

#include "abi/hex.h"
#include "indexer/filter.h"

static const char abi_json[] =
    "[{\"type\":\"event\",\"name\":\"A\",\"inputs\":[]},"
    "{\"type\":\"event\",\"name\":\"B\",\"inputs\":[]},"
    "{\"type\":\"event\",\"name\":\"C\",\"anonymous\":true,\"inputs\":[]}]";

struct world {
	struct config_contract config;
	uint8_t address[1][20];
	char *events[2];
	struct config cfg;
	struct schema_contract contract;
	struct schema schema;
	struct address addresses[1];
	struct filter *filter;
};

/* A contract at 0x11…11 with the first @n of @names. */
static void world_init(struct world *w, char *first, char *second, size_t n)
{
	struct abi *abi;
	struct err err;

	*w = (struct world){ 0 };
	memset(w->address[0], 0x11, 20);
	memset(w->addresses[0].b, 0x11, 20);
	w->events[0] = first;
	w->events[1] = second;
	w->config = (struct config_contract){
		.name = (char[]){ "x" },
		.addresses = w->address,
		.address_count = 1,
		.events = n ? w->events : NULL,
		.event_count = n,
	};
	assert_int_equal(
	    abi_load_text(&abi, abi_json, strlen(abi_json), "abi", &err),
	    ST_OK);
	assert_int_equal(
	    schema_contract_init(&w->contract, &w->config, abi, &err), ST_OK);
	w->schema = (struct schema){
		.contracts = &w->contract,
		.contract_count = 1,
		.addresses = w->addresses,
		.address_count = 1,
	};
	w->filter = filter_new(&w->schema);
}

static void world_deinit(struct world *w)
{
	filter_free(w->filter);
	schema_contract_deinit(&w->contract);
}

static const struct abi_entry *event(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->contract.table_count; i++)
		if (strcmp(w->contract.tables[i].event->name, name) == 0)
			return w->contract.tables[i].event;
	fail_msg("no event %s", name);
	return NULL;
}

static void a_chosen_list_asks_for_topics(void **state)
{
	struct world w;
	char hex[HEX_HASH_SIZE];

	(void)state;
	world_init(&w, (char[]){ "A" }, (char[]){ "B" }, 2);
	assert_non_null(strstr(filter_text(w.filter), "\"topics\":[["));
	hex_hash(hex, &event(&w, "B")->hash);
	assert_non_null(strstr(filter_text(w.filter), hex));
	world_deinit(&w);
}

static void a_whole_abi_and_an_anonymous_event_do_not(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, NULL, NULL, 0);
	assert_null(strstr(filter_text(w.filter), "topics"));
	world_deinit(&w);
	world_init(&w, (char[]){ "A" }, (char[]){ "C" }, 2);
	assert_null(strstr(filter_text(w.filter), "topics"));
	world_deinit(&w);
}

static void the_bloom_needs_address_and_topic(void **state)
{
	struct world w;
	struct head h = { 0 };
	struct hash32 other = { { 9 } };

	(void)state;
	world_init(&w, (char[]){ "A" }, (char[]){ "B" }, 2);
	assert_false(filter_may_match(w.filter, &h));
	bloom_add(h.bloom, w.addresses[0].b, 20);
	bloom_add(h.bloom, other.b, 32);
	assert_false(filter_may_match(w.filter, &h));
	bloom_add(h.bloom, event(&w, "B")->hash.b, 32);
	assert_true(filter_may_match(w.filter, &h));
	world_deinit(&w);
	/* an anonymous event may have any topics, or none */
	world_init(&w, (char[]){ "A" }, (char[]){ "C" }, 2);
	memset(h.bloom, 0, sizeof(h.bloom));
	bloom_add(h.bloom, w.addresses[0].b, 20);
	assert_true(filter_may_match(w.filter, &h));
	world_deinit(&w);
}

static void takes_ours_in_order_and_copies_their_data(void **state)
{
	AUTO(arena) struct arena *arena = arena_new(1 << 20);
	uint8_t data[3] = { 1, 2, 3 };
	struct log in[4] = { 0 };
	struct logs logs = { in, 4 }, out;
	struct world w;

	(void)state;
	world_init(&w, (char[]){ "A" }, (char[]){ "B" }, 2);
	for (size_t i = 0; i < 4; i++) {
		in[i].address = w.addresses[0];
		in[i].log_index = (uint32_t)i;
		in[i].topic_count = 1;
		in[i].topics[0] = event(&w, i % 2 ? "A" : "B")->hash;
		in[i].data = data;
		in[i].data_len = i;
	}
	in[1].topics[0].b[0] ^= 1; /* an event that was not chosen */
	in[2].address.b[0] ^= 1;   /* another contract */
	filter_take(w.filter, &out, arena, &logs);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.items[0].log_index, 0);
	assert_int_equal(out.items[1].log_index, 3);
	memset(data, 0, sizeof(data));
	assert_int_equal(out.items[1].data[2], 3);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chosen_list_asks_for_topics),
		cmocka_unit_test(a_whole_abi_and_an_anonymous_event_do_not),
		cmocka_unit_test(the_bloom_needs_address_and_topic),
		cmocka_unit_test(takes_ours_in_order_and_copies_their_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
