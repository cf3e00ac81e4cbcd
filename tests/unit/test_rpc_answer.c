/* What a node's message says to a call, without any socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/rpc_int.h"

struct said {
	enum status st;
	char text[2400]; /* results and errors, or why not */
};

/* The answer to the call with ids 5, 6, … */
static struct said ask(size_t n, bool batch, const char *text)
{
	size_t len = strlen(text);
	AUTO_FREE char *copy = mem_dup(text, len); /* its end is seen by ASan */
	struct said out = { 0 };
	struct rpc_message m;
	struct rpc_answer a;
	struct err err = { 0 };

	out.st = rpc_message_start(&m, copy, len, &err);
	if (out.st == ST_OK) {
		rpc_answer_init(&a, n);
		out.st = rpc_answer_read(&a, 5, batch, &m, &err);
		for (size_t i = 0; out.st == ST_OK && i < n; i++) {
			const struct rpc_item *it = &a.items[i];
			size_t at = strlen(out.text);

			if (it->error.message)
				snprintf(out.text + at, sizeof(out.text) - at,
					 "E%" PRId64 ":%s%s%s;", it->error.code,
					 it->error.message,
					 it->error.data ? " data " : "",
					 it->error.data ? it->error.data : "");
			else
				snprintf(out.text + at, sizeof(out.text) - at,
					 "%.*s;", (int)it->result.n,
					 it->result.p);
		}
		rpc_answer_deinit(&a);
	}
	if (out.st != ST_OK)
		snprintf(out.text, sizeof(out.text), "%s", err.msg);
	return out;
}

static void test_single(void **state)
{
	static const struct {
		const char *text;
		enum status st;
		const char *says;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":[1, {}]}", ST_OK,
		  "[1, {}];" },
		{ "{\"result\":null,\"error\":null,\"id\":5}", ST_OK, "null;" },
		{ "{\"error\":{\"code\":-32602,\"message\":\"too wide\","
		  "\"data\":\"at most 1000\"},\"id\":5}",
		  ST_OK, "E-32602:too wide: at most 1000;" },
		{ "{\"error\":{\"code\":3,\"message\":\"execution reverted\","
		  "\"data\":\"0x08c379a0\"},\"id\":5}",
		  ST_OK, "E3:execution reverted data 0x08c379a0;" },
		{ "{\"error\":{\"code\":3,\"message\":\"m\",\"data\":\"0x\"},"
		  "\"id\":5}",
		  ST_OK, "E3:m data 0x;" },
		{ "{\"error\":{\"code\":3,\"message\":\"m\","
		  "\"data\":\"0x0\\u0030\"},\"id\":5}",
		  ST_OK, "E3:m: 0x00;" },
		{ " { \"id\" : 5 , \"result\" :  \"x\"  } ", ST_OK, "\"x\";" },
		{ "{\"id\":5,\"result\":1,\"result\":2}", ST_OK, "1;" },
		{ "{\"id\":5,\"id\":6,\"result\":1}", ST_OK, "1;" },
		{ "{\"id\":5,\"error\":{\"code\":-32005,\"message\":\"m\","
		  "\"data\":{\"message\":\"d\",\"code\":1}}}",
		  ST_OK, "E-32005:m;" },
		{ "{\"id\":5,\"error\":{\"message\":\"a\\nb\\u0000\\u001b[1m"
		  "\\u00e9\\uD834\\udd1e\\ud834\\\"\\\\\\/\\t\x7f.\"}}",
		  ST_OK, "E0:a b  [1m\xc3\xa9\xf0\x9d\x84\x9e?\"\\/  .;" },
		{ "{\"id\":5,\"error\":\"text\"}", ST_OK, "E0:text;" },
		{ "{\"id\":5,\"error\":{}}", ST_OK, "E0:no message;" },
		{ "{\"id\":5,\"error\":7}", ST_OK, "E0:no message;" },
		{ "{\"id\":5,\"error\":{\"message\":{},\"code\":\"1\"}}", ST_OK,
		  "E0:no message;" },
		{ "{\"id\":5,\"error\":{\"code\":1.5}}", ST_OK,
		  "E0:no message;" },
		{ "{\"id\":5,\"error\":{\"code\":-99999999999999999999}}",
		  ST_OK, "E0:no message;" },
		{ "{\"error\":{\"code\":3}}", ST_OK, "E3:no message;" },
		{ "{\"id\":null,\"error\":{\"code\":3}}", ST_OK,
		  "E3:no message;" },
		{ "{\"id\":6,\"error\":{\"code\":3}}", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "{\"id\":\"5\",\"result\":1}", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "{\"id\":5.5,\"result\":1}", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "{\"id\":-5,\"result\":1}", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "{\"result\":1}", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "{\"id\":5}", ST_TRANSIENT,
		  "answer with neither result nor error" },
		{ "{}", ST_TRANSIENT, "answer with an id that was not asked" },
		{ "7", ST_TRANSIENT, "answer of the wrong shape" },
		{ "[]", ST_TRANSIENT, "answer of the wrong shape" },
		{ "[{\"id\":5,\"result\":1}]", ST_TRANSIENT,
		  "answer of the wrong shape" },
		{ "", ST_REJECTED, "answer: cut short" },
		{ "{\"id\":5,\"result\":[1}", ST_REJECTED,
		  "answer: no comma where one was expected" },
		{ "{\"id\":5,\"result\":1} 2", ST_REJECTED,
		  "answer: text after the value" },
		{ "{\"id\":5,\"result\":1", ST_REJECTED, "answer: cut short" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct said got = ask(1, false, cases[i].text);

		if (got.st != cases[i].st ||
		    strcmp(got.text, cases[i].says) != 0)
			fail_msg("%s: %s %s", cases[i].text,
				 status_name(got.st), got.text);
	}
}

static void test_batch(void **state)
{
	static const struct {
		const char *text;
		enum status st;
		const char *says;
	} cases[] = {
		{ "[{\"id\":7,\"result\":\"c\"},{\"id\":5,\"error\":{\"code\":"
		  "1}} ,{\"result\":{\"id\":9},\"id\":6}]",
		  ST_OK, "E1:no message;{\"id\":9};\"c\";" },
		{ "{\"id\":null,\"error\":{\"code\":2,\"message\":\"m\"}}",
		  ST_OK, "E2:m;E2:m;E2:m;" },
		{ "{\"id\":5,\"error\":{\"code\":2,\"message\":\"m\"}}", ST_OK,
		  "E2:m;E2:m;E2:m;" },
		{ "{\"id\":5,\"result\":1}", ST_TRANSIENT,
		  "answer of the wrong shape" },
		{ "{\"id\":5,\"error\":null}", ST_TRANSIENT,
		  "answer of the wrong shape" },
		{ "[]", ST_TRANSIENT, "batch answer lacks 3 of 3" },
		{ "[{\"id\":6,\"result\":1}]", ST_TRANSIENT,
		  "batch answer lacks 2 of 3" },
		{ "[{\"id\":6,\"result\":1},{\"id\":6,\"result\":1}]",
		  ST_TRANSIENT, "two answers with one id" },
		{ "[{\"id\":6,\"error\":1},{\"id\":6,\"error\":1}]",
		  ST_TRANSIENT, "two answers with one id" },
		{ "[{\"id\":8,\"result\":1}]", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "[{\"id\":4,\"result\":1}]", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "[null]", ST_TRANSIENT,
		  "answer with an id that was not asked" },
		{ "[{\"id\":5}]", ST_TRANSIENT,
		  "answer with neither result nor error" },
		{ "[{\"id\":5,\"result\":1}", ST_REJECTED,
		  "answer: cut short" },
		{ "[{\"id\":5,\"result\":1},{\"id\":6,\"result\":01}]",
		  ST_REJECTED, "answer: bad number" },
		{ "[{\"id\":5,\"result\":1},]", ST_REJECTED,
		  "answer: no item where one was expected" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct said got = ask(3, true, cases[i].text);

		if (got.st != cases[i].st ||
		    strcmp(got.text, cases[i].says) != 0)
			fail_msg("%s: %s %s", cases[i].text,
				 status_name(got.st), got.text);
	}
}

/* An error's text is cut, and never inside of a character of an escape. */
static void test_long_error(void **state)
{
	char text[4000];
	struct said got;
	size_t at;

	(void)state;
	at = (size_t)snprintf(text, sizeof(text), "{\"id\":5,\"error\":\"ab");
	for (int i = 0; i < 400; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "\\u20ac");
	snprintf(text + at, sizeof(text) - at, "\"}");
	got = ask(1, false, text);
	assert_int_equal(got.st, ST_OK);
	assert_int_equal(strlen(got.text), strlen("E0:;") + 299);
	assert_string_equal(got.text + strlen(got.text) - 4, "\xe2\x82\xac;");
}

/* What a contract returned is whole or not there. */
static void test_long_data(void **state)
{
	char text[4000];
	struct said got;

	(void)state;
	for (int digits = 2048; digits <= 2049; digits++) {
		snprintf(text, sizeof(text),
			 "{\"id\":5,\"error\":{\"message\":\"m\",\"data\":"
			 "\"0x%0*d\"}}",
			 digits, 1);
		got = ask(1, false, text);
		assert_int_equal(got.st, ST_OK);
		assert_int_equal(strlen(got.text),
				 digits == 2048 ? strlen("E0:m data 0x;") + 2048
						: strlen("E0:m;"));
	}
}

/* Whose answer a message is, from its first bytes. */
static void test_front(void **state)
{
	static const struct {
		const char *text;
		bool found, array;
		uint64_t id;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":12,\"result\":[{\"a", true,
		  false, 12 },
		{ " [ { \"id\" : 7 , \"res", true, true, 7 },
		{ "[{\"x\":{\"id\":3},\"id\":4}", true, true, 4 },
		{ "{\"id\":12", false, false, 0 }, /* perhaps 123 */
		{ "{\"id\":\"12\",\"result\":[", false, false, 0 },
		{ "{\"id\":null,\"result\":[", false, false, 0 },
		{ "{\"result\":{\"id\":12,\"x", false, false, 0 },
		{ "{\"method\":\"eth_subscription\",\"params\":{\"id\":1,",
		  false, false, 0 },
		{ "[[{\"id\":1,", false, false, 0 },
		{ "[]", false, false, 0 },
		{ "\"id\":1,", false, false, 0 },
		{ "", false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = strlen(cases[i].text);
		AUTO_FREE char *copy = mem_dup(cases[i].text, len);
		struct rpc_message m;

		if (rpc_message_front(&m, copy, len) != cases[i].found)
			fail_msg("%s", cases[i].text);
		if (!cases[i].found)
			continue;
		assert_int_equal(m.first.id, cases[i].id);
		assert_int_equal(m.array, cases[i].array);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_long_error),
		cmocka_unit_test(test_long_data),
		cmocka_unit_test(test_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
