/*
 * The Solidity ABI against the vectors of @ethersproject/testcases, which come
 * from compiled contracts: every case is encoded and decoded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/abi.h"
#include "abi/hex.h"
#include "core/json.h"
#include "vectors.h"

#define BYTES_MAX (1u << 24)

static const cJSON *member(const cJSON *obj, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(obj, key);
}

static void check(const cJSON *c, enum status st, const struct err *err)
{
	if (st != ST_OK)
		fail_msg("%s: %s", vectors_str(c, "name"), err->msg);
}

static void same_json(const cJSON *c, cJSON *a, cJSON *b)
{
	if (!cJSON_Compare(a, b, true)) {
		AUTO_FREE char *ta = cJSON_PrintUnformatted(a);
		AUTO_FREE char *tb = cJSON_PrintUnformatted(b);

		fail_msg("%s: %.400s\nis not %.400s", vectors_str(c, "name"),
			 ta, tb);
	}
	cJSON_Delete(a);
	cJSON_Delete(b);
}

static void abi_case(const cJSON *c)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	AUTO(abi) struct abi *abi = NULL;
	struct err err = { 0 };
	const struct abi_entry *f;
	const struct abi_value *decoded;
	struct abi_value v;
	AUTO_BUF want = BUF_NULL, got = BUF_NULL;

	buf_init(&want, BYTES_MAX);
	buf_init(&got, BYTES_MAX);
	check(c, hex_decode_buf(&want, vectors_str(c, "result"), "v", &err),
	      &err);
	check(c, abi_load(&abi, member(c, "interface"), "v", &err), &err);
	check(c, abi_find(&f, abi, ABI_ENTRY_FUNCTION, "test", &err), &err);
	check(c, abi_from_json(&v, a, f->outputs, member(c, "values"), &err),
	      &err);
	check(c, abi_encode(&got, f->outputs, v.list.items, v.list.n, &err),
	      &err);
	if (got.len != want.len || memcmp(got.data, want.data, got.len) != 0)
		fail_msg("%s: encoding differs", vectors_str(c, "name"));
	check(c,
	      abi_decode(&decoded, a, f->outputs, want.data, want.len, 0, &err),
	      &err);
	same_json(c, abi_params_to_json(f->outputs, decoded),
		  abi_params_to_json(f->outputs, v.list.items));
	check(c,
	      abi_decode(&decoded, a, f->outputs, want.data, want.len,
			 ABI_ANY_LAYOUT | ABI_ANY_PADDING, &err),
	      &err);
	same_json(c, abi_params_to_json(f->outputs, decoded),
		  abi_params_to_json(f->outputs, v.list.items));
}

static void run(const char *name, void (*one)(const cJSON *))
{
	AUTO_JSON cJSON *cases = vectors_load(name);
	const cJSON *c;
	size_t n = 0;

	assert_non_null(cases);
	cJSON_ArrayForEach(c, cases)
	{
		one(c);
		n++;
	}
	assert_true(vectors_count(name, n));
}

static void test_abi(void **state)
{
	(void)state;
	run("abi", abi_case);
}

static void signature_case(const cJSON *c)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	AUTO(abi) struct abi *abi = NULL;
	const struct abi_entry *f, *parsed;
	struct err err = { 0 };
	char hex[HEX_SIZE(4)];

	check(c, abi_load(&abi, member(c, "abi"), "v", &err), &err);
	check(c, abi_find(&f, abi, ABI_ENTRY_FUNCTION, "testSig", &err), &err);
	assert_string_equal(f->signature, vectors_str(c, "signature"));
	assert_string_equal(hex_encode(hex, f->selector, 4),
			    vectors_str(c, "hash"));
	check(c,
	      abi_entry_parse(&parsed, a, vectors_str(c, "signature"),
			      ABI_ENTRY_FUNCTION, &err),
	      &err);
	assert_string_equal(parsed->signature, f->signature);
	assert_memory_equal(parsed->selector, f->selector, 4);
}

static void test_signatures(void **state)
{
	(void)state;
	run("signatures", signature_case);
}

/* One decoded parameter against the value that the contract emitted. */
static void event_param(const cJSON *c, struct arena *a,
			const struct abi_type *t, const struct abi_value *got,
			int i)
{
	const cJSON *value = cJSON_GetArrayItem(member(c, "values"), i);
	struct err err = { 0 };
	struct hash32 topic;
	struct abi_value v;

	check(c, abi_from_json(&v, a, t, value, &err), &err);
	if (!cJSON_IsTrue(cJSON_GetArrayItem(member(c, "hashed"), i))) {
		same_json(c, abi_to_json(t, got), abi_to_json(t, &v));
		return;
	}
	assert_int_equal(got->kind, ABI_V_HASH);
	check(c, abi_topic(&topic, t, &v, &err), &err);
	assert_memory_equal(topic.b, got->bytes.p, 32);
}

static void event_case(const cJSON *c)
{
	AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
	AUTO(abi) struct abi *abi = NULL;
	struct hash32 topics[ABI_TOPICS_MAX];
	const struct abi_value *values;
	const struct abi_entry *event;
	struct err err = { 0 };
	const cJSON *topic;
	size_t n = 0;
	AUTO_BUF data = BUF_NULL;

	buf_init(&data, BYTES_MAX);
	check(c, hex_decode_buf(&data, vectors_str(c, "data"), "v", &err),
	      &err);
	cJSON_ArrayForEach(topic, member(c, "topics")) check(
	    c, hex_decode_hash(&topics[n++], topic->valuestring, "v", &err),
	    &err);
	check(c, abi_load(&abi, member(c, "interface"), "v", &err), &err);
	check(c, abi_find(&event, abi, ABI_ENTRY_EVENT, "testEvent", &err),
	      &err);
	check(c,
	      abi_decode_log(&values, a, event, topics, n, buf_str(&data),
			     data.len, 0, &err),
	      &err);
	for (size_t i = 0; i < event->inputs->n_fields; i++)
		event_param(c, a, &event->inputs->fields[i], &values[i],
			    (int)i);
}

static void test_events(void **state)
{
	(void)state;
	run("events", event_case);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abi),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
