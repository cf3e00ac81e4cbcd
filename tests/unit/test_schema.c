/*
 * Tables made from ABI JSON. `test_schema --print` writes the DDL of the
 * shipped contract, which is the text of migrations/0002_registry_events.sql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* after the above */
#include <cmocka.h>

#include "abi/hex.h"
#include "abi/registry.h"
#include "indexer/schema.h"

static const char heading[] =
    "-- Event tables of the room contract, made from its ABI: the text that\n"
    "-- `test_schema --print` writes. A unit test compares the two.\n\n";

static void registry_ddl(struct buf *out)
{
	struct config_contract config = { .name = (char[]){ "registry" } };
	struct schema_contract c;
	struct abi *abi;
	struct err err;

	assert_int_equal(registry_abi(&abi, &err), ST_OK);
	assert_int_equal(schema_contract_init(&c, &config, abi, &err), ST_OK);
	buf_add_str(out, heading);
	for (size_t i = 0; i < c.table_count; i++)
		schema_ddl(out, &c.tables[i]);
	while (out->len > 1 && out->data[out->len - 2] == '\n')
		out->data[--out->len] = 0; /* no empty line at the end */
	schema_contract_deinit(&c);
}

static void migration_is_generated(void **state)
{
	static const char path[] =
	    CX_SOURCE_DIR "/migrations/0002_registry_events.sql";
	char chunk[4096];
	FILE *f = fopen(path, "r");
	size_t n;
	AUTO_BUF want = BUF_NULL;
	AUTO_BUF have = BUF_NULL;

	(void)state;
	buf_init(&want, 1 << 20);
	buf_init(&have, 1 << 20);
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&have, chunk, n);
	fclose(f);
	registry_ddl(&want);
	assert_string_equal(buf_str(&have), buf_str(&want));
}

static void make(struct schema_contract *c, struct config_contract *config,
		 const char *json)
{
	struct abi *abi;
	struct err err;

	assert_int_equal(abi_load_text(&abi, json, strlen(json), "test", &err),
			 ST_OK);
	assert_int_equal(schema_contract_init(c, config, abi, &err), ST_OK);
}

static void columns_have_types(void **state)
{
	static const char json[] =
	    "[{\"type\":\"event\",\"name\":\"AllKinds\",\"inputs\":["
	    "{\"name\":\"small\",\"type\":\"uint56\"},"
	    "{\"name\":\"wide\",\"type\":\"uint64\"},"
	    "{\"name\":\"signedSmall\",\"type\":\"int64\"},"
	    "{\"name\":\"\",\"type\":\"bool\"},"
	    "{\"name\":\"address\",\"type\":\"address\"},"
	    "{\"name\":\"list\",\"type\":\"uint8[]\"},"
	    "{\"name\":\"hashed\",\"type\":\"string\",\"indexed\":true},"
	    "{\"name\":\"order\",\"type\":\"string\"}]}]";
	static const struct {
		const char *name;
		enum schema_type type;
	} want[] = {
		{ "small", SCHEMA_BIGINT },        { "wide", SCHEMA_NUMERIC },
		{ "signed_small", SCHEMA_BIGINT }, { "arg3", SCHEMA_BOOLEAN },
		{ "address_", SCHEMA_BYTEA },      { "list", SCHEMA_JSONB },
		{ "hashed", SCHEMA_BYTEA },        { "order", SCHEMA_BYTEA },
	};
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;

	(void)state;
	make(&c, &config, json);
	assert_int_equal(c.table_count, 1);
	assert_string_equal(c.tables[0].name, "c_all_kinds");
	assert_int_equal(c.tables[0].column_count, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_string_equal(c.tables[0].columns[i].name, want[i].name);
		assert_int_equal(c.tables[0].columns[i].type, want[i].type);
	}
	schema_contract_deinit(&c);
}

static void overloads_stay_apart(void **state)
{
	static const char json[] =
	    "[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[]},"
	    "{\"type\":\"event\",\"name\":\"E\",\"inputs\":["
	    "{\"name\":\"a\",\"type\":\"uint8\"}]}]";
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;

	(void)state;
	make(&c, &config, json);
	assert_int_equal(c.table_count, 2);
	assert_int_equal(strlen(c.tables[0].name), strlen("c_e_01234567"));
	assert_string_not_equal(c.tables[0].name, c.tables[1].name);
	schema_contract_deinit(&c);
}

static void unknown_event_is_refused(void **state)
{
	char *events[] = { (char[]){ "Nothing" } };
	struct config_contract config = { .name = (char[]){ "c" },
					  .events = events,
					  .event_count = 1 };
	struct schema_contract c;
	struct abi *abi;
	struct err err;

	(void)state;
	assert_int_equal(abi_load_text(&abi, "[]", 2, "test", &err), ST_OK);
	assert_int_equal(schema_contract_init(&c, &config, abi, &err),
			 ST_REJECTED);
	schema_contract_deinit(&c);
}

static void names_become_snake(void **state)
{
	static const char *const cases[][2] = {
		{ "RoomCreated", "room_created" },
		{ "hostURLKey", "host_url_key" },
		{ "roomID", "room_id" },
		{ "_x$y", "_x_y" },
		{ "a1B", "a1_b" },
		{ "RoleGranted", "role_granted" },
	};
	char name[SCHEMA_NAME_MAX + 1], longer[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		schema_snake(name, cases[i][0]);
		assert_string_equal(name, cases[i][1]);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	schema_snake(name, longer);
	assert_int_equal(strlen(name), SCHEMA_NAME_MAX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migration_is_generated),
		cmocka_unit_test(columns_have_types),
		cmocka_unit_test(overloads_stay_apart),
		cmocka_unit_test(unknown_event_is_refused),
		cmocka_unit_test(names_become_snake),
	};

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		AUTO_BUF out = BUF_NULL;

		buf_init(&out, 1 << 20);
		registry_ddl(&out);
		fputs(buf_str(&out), stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
