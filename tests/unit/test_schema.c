/*
 * Tables made from ABI JSON. `test_schema --print` writes the DDL of the
 * shipped contract, which is the text of migrations/0002_registry_events.sql.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
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

#define EVENT(name, inputs)                                                    \
	"{\"type\":\"event\",\"name\":\"" name "\",\"inputs\":[" inputs "]}"
#define ANONYMOUS(name, inputs)                                                \
	"{\"type\":\"event\",\"anonymous\":true,\"name\":\"" name              \
	"\",\"inputs\":[" inputs "]}"
#define PARAM(name) "{\"name\":\"" name "\",\"type\":\"uint256\"}"
#define INDEXED(name)                                                          \
	"{\"name\":\"" name "\",\"type\":\"uint256\",\"indexed\":true}"

static void names_of_columns_are_safe(void **state)
{
	static const char *const cases[][2] = {
		{ "order", "order" },
		{ "select", "select" },
		{ "xmin", "xmin_" },
		{ "ctid", "ctid_" },
		{ "blockNumber", "block_number_" },
		{ "block_number", "block_number__" },
		{ "Order", "order_" },
		{ "a.b", "a_b" },
		{ "a-b", "a_b_" },
		{ "\xc3\xa9", "__" },
		{ "\xe4\xb8\xad", "___" },
		{ "", "arg11" },
		{ "a'; drop --", "a___drop___" },
	};
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;
	AUTO_BUF json = BUF_NULL;

	(void)state;
	buf_init(&json, 65536);
	buf_add_str(&json, "[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		buf_printf(&json, "%s" PARAM("%s"), i ? "," : "", cases[i][0]);
	buf_add_str(&json, "]}]");
	make(&c, &config, buf_str(&json));
	assert_int_equal(c.tables[0].column_count, ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(c.tables[0].columns[i].name, cases[i][1]);
	schema_contract_deinit(&c);
}

static void names_of_tables_stay_apart(void **state)
{
	static const char json[] =
	    "[" EVENT("Moved", "") "," EVENT("moved", PARAM("a")) "," EVENT(
		"Mo.ved", "") "," EVENT("mo_ved", "") "," EVENT("Moved",
								"") "]";
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;

	(void)state;
	make(&c, &config, json);
	/* the second Moved() is the first again */
	assert_int_equal(c.table_count, 4);
	for (size_t i = 0; i < c.table_count; i++) {
		const char *name = c.tables[i].name;

		assert_int_equal(
		    strlen(name),
		    strlen(i < 2 ? "c_moved_01234567" : "c_mo_ved_01234567"));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(name, c.tables[j].name);
	}
	schema_contract_deinit(&c);
}

static void quotes_do_not_leave_the_comment(void **state)
{
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;
	AUTO_BUF ddl = BUF_NULL;

	(void)state;
	make(&c, &config, "[" EVENT("E'; drop schema chain; --", "") "]");
	buf_init(&ddl, 65536);
	schema_ddl(&ddl, &c.tables[0]);
	assert_non_null(strstr(buf_str(&ddl), "'E''; drop schema chain; --() "
					      "of c'"));
	assert_non_null(
	    strstr(buf_str(&ddl), "chain.\"c_e___drop_schema_chain____\""));
	schema_contract_deinit(&c);
}

/* What the config says is refused, in words that hold both @a and @b. */
static void refused(const char *json, const char *a, const char *b)
{
	struct config_contract config = { .name = (char[]){ "c" } };
	struct schema_contract c;
	struct abi *abi;
	struct err err;
	enum status st;

	st = abi_load_text(&abi, json, strlen(json), "test", &err);
	if (st == ST_OK) {
		st = schema_contract_init(&c, &config, abi, &err);
		schema_contract_deinit(&c);
	}
	assert_int_equal(st, ST_REJECTED);
	if (!strstr(err.msg, a) || !strstr(err.msg, b))
		fail_msg("%s", err.msg);
}

static void what_cannot_be_told_apart_is_refused(void **state)
{
	(void)state;
	refused("[" ANONYMOUS("A", INDEXED("x")) "," ANONYMOUS(
		    "B", PARAM("y") "," INDEXED("z")) "]",
		"anonymous A(uint256)", "anonymous B(uint256,uint256)");
	/* as ERC-20 and ERC-721 have it */
	refused("[" EVENT("T", PARAM("x")) "," EVENT("T", INDEXED("x")) "]",
		"event", "T(uint256) and T(uint256)");
	refused("[" EVENT("T", "") "," ANONYMOUS("T", "") "]", "T() and",
		"anonymous T()");
	refused("[" EVENT("E", PARAM("\xff")) "]", "entry 1", "not UTF-8");
	refused("[" EVENT("E\\n", "") "]", "entry 1", "control");
}

static void long_columns_collide(void **state)
{
	char json[1024], a[80], b[80];

	(void)state;
	memset(a, 'a', sizeof(a) - 1);
	a[sizeof(a) - 1] = 0;
	memcpy(b, a, sizeof(b));
	b[0] = 'A';
	snprintf(json, sizeof(json),
		 "[" EVENT("E", PARAM("%s") "," PARAM("%s")) "]", a, b);
	refused(json, "event E", b);
}

static void wide_events_are_refused(void **state)
{
	AUTO_BUF json = BUF_NULL;

	(void)state;
	buf_init(&json, 65536);
	buf_add_str(&json, "[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[");
	for (size_t i = 0; i <= SCHEMA_COLUMNS_MAX; i++)
		buf_printf(&json, "%s" PARAM(""), i ? "," : "");
	buf_add_str(&json, "]}]");
	refused(buf_str(&json), "event E", "more than 256");
}

static void stored_events_come_back(void **state)
{
	static const char json[] =
	    "[{\"type\":\"event\",\"name\":\"E\",\"anonymous\":true,\"inputs\":"
	    "["
	    "{\"name\":\"t\",\"type\":\"tuple[2][]\",\"components\":["
	    "{\"name\":\"a\",\"type\":\"uint8\"},"
	    "{\"name\":\"b\",\"type\":\"tuple\",\"components\":["
	    "{\"name\":\"c\",\"type\":\"string[3]\"}]}]},"
	    "{\"name\":\"i\",\"type\":\"bytes\",\"indexed\":true},"
	    "{\"name\":\"\",\"type\":\"function\"}]}," EVENT("F",
							     PARAM("x")) "]";
	static const struct address at[1] = { { { 7 } } };
	struct config_contract config = { .name = (char[]){ "c" } };
	AUTO(schema) struct schema *s = schema_new();
	struct schema_contract c;
	const struct schema_table *t;
	struct hash32 topics[1] = { 0 };
	AUTO_BUF text = BUF_NULL;
	AUTO_BUF again = BUF_NULL;
	struct err err;

	(void)state;
	make(&c, &config, json);
	buf_init(&text, 65536);
	buf_init(&again, 65536);
	schema_table_abi(&text, &c.tables[0]);
	assert_true(schema_same_event(&c.tables[0], buf_str(&text)));
	assert_false(schema_same_event(&c.tables[1], buf_str(&text)));
	assert_int_equal(
	    schema_add_abi(s, "c_e", "c", buf_str(&text), at, 1, 5, 9, &err),
	    ST_OK);
	t = &s->contracts[0].tables[0];
	assert_string_equal(t->event->signature, c.tables[0].event->signature);
	schema_table_abi(&again, t);
	assert_string_equal(buf_str(&again), buf_str(&text));

	/* ours in blocks 5 to 9, unless another event claims it */
	assert_ptr_equal(schema_find(s, &at[0], 5, topics, 1), t);
	assert_ptr_equal(schema_find(s, &at[0], 9, topics, 1), t);
	assert_null(schema_find(s, &at[0], 4, topics, 1));
	assert_null(schema_find(s, &at[0], 10, topics, 1));
	assert_null(schema_find(s, &at[0], 5, topics, 0));
	topics[0] = c.tables[1].event->hash;
	assert_null(schema_find(s, &at[0], 5, topics, 1));
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

/* Two contracts through files, as a config names them. */
static void clash(const char *abi_a, const char *abi_b, bool same_address,
		  const char *want_a, const char *want_b)
{
	char dir[] = "/tmp/cx-schema-XXXXXX", path[2][64];
	const char *text[] = { abi_a, abi_b };
	uint8_t at[2][20] = { { 1 }, { same_address ? 1 : 2 } };
	struct config_contract list[2] = {
		{ .name = (char[]){ "a" },
		  .addresses = &at[0],
		  .address_count = 1 },
		{ .name = (char[]){ "a_b" },
		  .addresses = &at[1],
		  .address_count = 1 },
	};
	struct config cfg = { .contracts = list, .contract_count = 2 };
	struct schema *s = NULL;
	enum status st;
	struct err err;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path[i], sizeof(path[i]), "%s/%zu.json", dir, i);
		list[i].abi_file = path[i];
		f = fopen(path[i], "we");
		assert_non_null(f);
		assert_true(fputs(text[i], f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	st = schema_load(&s, &cfg, &err);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(unlink(path[i]), 0);
	assert_int_equal(rmdir(dir), 0);
	schema_free(s);
	assert_int_equal(st, want_a ? ST_REJECTED : ST_OK);
	if (want_a && (!strstr(err.msg, want_a) || !strstr(err.msg, want_b)))
		fail_msg("%s", err.msg);
}

static void contracts_that_clash_are_refused(void **state)
{
	(void)state;
	clash("[" EVENT("B_C", "") "]", "[" EVENT("C", "") "]", false,
	      "event B_C of contract a ",
	      "event C of contract a_b both want "
	      "table a_b_c");
	clash("[" EVENT("C", "") "]", "[" EVENT("C", "") "]", false, NULL,
	      NULL);
	/* one address: a log has one place */
	clash("[" EVENT("C", "") "]", "[" EVENT("C", "") "]", true,
	      "0x0100000000000000000000000000000000000000", "a and a_b");
	clash("[" EVENT("C", "") "]", "[" ANONYMOUS("D", INDEXED("x")) "]",
	      true, "event C()", "event D(uint256)");
	clash("[" EVENT("C", "") "]", "[" EVENT("D", "") "]", true, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(migration_is_generated),
		cmocka_unit_test(columns_have_types),
		cmocka_unit_test(overloads_stay_apart),
		cmocka_unit_test(names_of_columns_are_safe),
		cmocka_unit_test(names_of_tables_stay_apart),
		cmocka_unit_test(quotes_do_not_leave_the_comment),
		cmocka_unit_test(what_cannot_be_told_apart_is_refused),
		cmocka_unit_test(long_columns_collide),
		cmocka_unit_test(wide_events_are_refused),
		cmocka_unit_test(stored_events_come_back),
		cmocka_unit_test(contracts_that_clash_are_refused),
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
