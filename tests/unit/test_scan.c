/* The JSON scanner: what is JSON and what is not, byte for byte; the reading
 * of values in a loop; every cut and every changed byte of a long text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/json.h"
#include "core/scan.h"

static enum status verdict(const char *text, size_t len, struct err *err)
{
	/* a copy of exactly this length: reading past it is seen by ASan */
	AUTO_FREE char *copy = mem_dup(text, len);
	struct scan s;

	scan_init(&s, copy, len);
	scan_skip(&s);
	return scan_end(&s, "answer", err);
}

static void test_accepted(void **state)
{
	static const char *const good[] = {
		"0",
		"-0",
		"7",
		"-123",
		"0.5",
		"1e5",
		"1E+05",
		"-1.25e-300",
		"123456789012345678901234567890",
		"true",
		"false",
		"null",
		" \t\r\n null \n",
		"\"\"",
		"\"a\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0000\\uD834\\udd1E\"",
		"\"\\ud800\"",
		"\"\x7f\xc3\xa9\xff\"",
		"\"1234567\"",
		"\"12345678\"",
		"\"1234567\\n12345678\\\\\"",
		"[]",
		"[ ]",
		"{}",
		"{ }",
		"[1,2 , 3]",
		"[[],{},[{}],\"\",null]",
		"{\"a\":1}",
		"{ \"a\" : [ ] , \"\" : { \"b\" : -0.0 } }",
		"{\"a\":1,\"a\":2}",
		"[true,false,null]",
		"[0]",
		"[1e1]",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		if (verdict(good[i], strlen(good[i]), &err) != ST_OK)
			fail_msg("%s: %s", good[i], err.msg);
	}
}

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "cut short" },
	{ " \n", "cut short" },
	{ "[", "cut short" },
	{ "[1", "cut short" },
	{ "[1,", "cut short" },
	{ "{", "cut short" },
	{ "{\"a\"", "cut short" },
	{ "{\"a\":", "cut short" },
	{ "{\"a\":1", "cut short" },
	{ "{\"a\":1,", "cut short" },
	{ "\"", "cut short" },
	{ "\"abcdefghijk", "cut short" },
	{ "\"\\", "bad escape" },
	{ "\"\\u12", "bad escape" },
	{ "\"\\x\"", "bad escape" },
	{ "\"\\u00g0\"", "bad escape" },
	{ "\"\\U0000\"", "bad escape" },
	{ "\"\\\n\"", "bad escape" },
	{ "\"\\\"", "cut short" },
	{ "\"a\nb\"", "control character" },
	{ "\"\t\"", "control character" },
	{ "\"12345678\x1f\"", "control character" },
	{ "'a'", "no JSON value" },
	{ "a", "no JSON value" },
	{ "]", "no JSON value" },
	{ "}", "no JSON value" },
	{ ",", "no JSON value" },
	{ ":", "no JSON value" },
	{ "+1", "no JSON value" },
	{ ".5", "no JSON value" },
	{ "\f1", "no JSON value" },
	{ "\xef\xbb\xbf{}", "no JSON value" },
	{ "/* */1", "no JSON value" },
	{ "NaN", "no JSON value" },
	{ "Infinity", "no JSON value" },
	{ "-", "bad number" },
	{ "-a", "bad number" },
	{ "--1", "bad number" },
	{ "-Infinity", "bad number" },
	{ "01", "bad number" },
	{ "-01", "bad number" },
	{ "00", "bad number" },
	{ "1.", "bad number" },
	{ "1.e1", "bad number" },
	{ "1e", "bad number" },
	{ "1e+", "bad number" },
	{ "1E-x", "bad number" },
	{ "[1.]", "bad number" },
	{ "0x1", "text after" },
	{ "1.2.3", "text after" },
	{ "1e1e1", "text after" },
	{ "1 2", "text after" },
	{ "{}{}", "text after" },
	{ "[]]", "text after" },
	{ "truex", "text after" },
	{ "\"a\"b", "text after" },
	{ "tru", "neither" },
	{ "trUe", "neither" },
	{ "nul", "neither" },
	{ "fals ", "neither" },
	{ "[1,]", "no item" },
	{ "[,1]", "no item" },
	{ "[,]", "no item" },
	{ "[1,,2]", "no item" },
	{ "[}", "no item" },
	{ "[1}", "no comma" },
	{ "[1 2]", "no comma" },
	{ "[1:2]", "no comma" },
	{ "[\"a\"\"b\"]", "no comma" },
	{ "[1;2]", "no comma" },
	{ "{]", "no name" },
	{ "{,}", "no name" },
	{ "{1:2}", "no name" },
	{ "{a:1}", "no name" },
	{ "{'a':1}", "no name" },
	{ "{\"a\":1,}", "no name" },
	{ "{\"a\":1,,\"b\":2}", "no name" },
	{ "{null:1}", "no name" },
	{ "{\"a\" 1}", "no colon" },
	{ "{\"a\"}", "no colon" },
	{ "{\"a\",1}", "no colon" },
	{ "{\"a\"::1}", "no JSON value" },
	{ "{\"a\":}", "no JSON value" },
	{ "{\"a\":,}", "no JSON value" },
	{ "{\"a\":1 \"b\":2}", "no comma" },
	{ "{\"a\":1]", "no comma" },
	{ "[{\"a\":1]}", "no comma" },
	{ "[[1,2}]", "no comma" },
};

static void test_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (verdict(bad[i].text, strlen(bad[i].text), &err) !=
		    ST_REJECTED)
			fail_msg("accepted: %s", bad[i].text);
		if (strncmp(err.msg, "answer: ", 8) != 0 ||
		    !strstr(err.msg, bad[i].why))
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
	assert_int_equal(verdict("1\0", 2, &err), ST_REJECTED);
	assert_int_equal(verdict("\0", 1, &err), ST_REJECTED);
	assert_int_equal(verdict("[\0]", 3, &err), ST_REJECTED);
	assert_int_equal(verdict("\"\0\"", 3, &err), ST_REJECTED);
	assert_int_equal(verdict("{\"a\":\0}", 7, &err), ST_REJECTED);
}

static void test_depth(void **state)
{
	enum { N = SCAN_DEPTH_MAX };
	char text[2 * N + 4], objects[6 * N + 8];
	struct err err;
	struct scan s;

	(void)state;
	memset(text, '[', N + 1);
	memset(text + N + 1, ']', N + 1);
	assert_int_equal(verdict(text + 1, 2 * N, &err), ST_OK);
	assert_int_equal(verdict(text, 2 * N + 2, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "too deep"));
	for (int i = 0; i < N; i++)
		memcpy(objects + (size_t)i * 5, "{\"\":[", 5);
	assert_int_equal(verdict(objects, (size_t)5 * N, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "too deep"));
	/* what was entered before the skip counts too */
	scan_init(&s, text, 2 * N + 2);
	scan_array(&s);
	assert_true(scan_item(&s));
	assert_false(scan_skip(&s));
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	/* a million open brackets end at once and without recursion */
	AUTO_FREE char *many = mem_zalloc(1000000);

	memset(many, '[', 1000000);
	assert_int_equal(verdict(many, 1000000, &err), ST_REJECTED);
}

static const char logs[] =
    " [ {\"address\":\"0xaa\", \"topics\":[\"0x01\" , \"0x02\"],"
    "\"x\":{\"y\":[1,{\"address\":\"0xbad\"}]},\"data\":null,"
    "\"n\":-1.5e3 },{},{\"topics\":[],\"data\":\"0x\"}] ";

struct seen {
	char text[200];
};

static void note(struct seen *n, const char *what, struct text t)
{
	size_t at = strlen(n->text);

	snprintf(n->text + at, sizeof(n->text) - at, "%s=%.*s;", what, (int)t.n,
		 t.n ? t.p : "");
}

static enum status read_logs(const char *p, size_t len, struct seen *n,
			     struct err *err)
{
	struct scan s;
	struct text name, t;

	n->text[0] = '\0';
	scan_init(&s, p, len);
	for (scan_array(&s); scan_item(&s);) {
		note(n, "log", (struct text){ 0 });
		for (scan_object(&s); scan_key(&s, &name);) {
			if (text_is(name, "address")) {
				if (scan_string(&s, &t))
					note(n, "a", t);
			} else if (text_is(name, "topics")) {
				for (scan_array(&s); scan_item(&s);) {
					if (scan_string(&s, &t))
						note(n, "t", t);
				}
			} else if (text_is(name, "data")) {
				if (scan_null(&s))
					note(n, "null", (struct text){ 0 });
				else if (scan_string(&s, &t))
					note(n, "d", t);
			} else if (scan_value(&s, &t)) {
				note(n, "v", t);
			}
		}
	}
	return scan_end(&s, "logs", err);
}

static void test_reading(void **state)
{
	struct seen n;
	struct err err;
	size_t len = strlen(logs);

	(void)state;
	assert_int_equal(read_logs(logs, len, &n, &err), ST_OK);
	assert_string_equal(n.text,
			    "log=;a=0xaa;t=0x01;t=0x02;"
			    "v={\"y\":[1,{\"address\":\"0xbad\"}]};null=;"
			    "v=-1.5e3;log=;log=;d=0x;");
	/* cut anywhere it is bad, and ends */
	for (size_t i = 0; i < len - 1; i++) {
		AUTO_FREE char *copy = mem_dup(logs, i);

		assert_int_equal(read_logs(copy, i, &n, &err), ST_REJECTED);
	}
	assert_int_equal(read_logs("{}", 2, &n, &err), ST_REJECTED);
	assert_string_equal(err.msg, "logs: no array where one was expected");
	assert_int_equal(read_logs("[[]]", 4, &n, &err), ST_REJECTED);
	assert_int_equal(read_logs("[{\"address\":1}]", 15, &n, &err),
			 ST_REJECTED);
	assert_non_null(strstr(err.msg, "no string"));
}

static void test_peek(void **state)
{
	static const struct {
		const char *text;
		enum scan_type type;
	} cases[] = {
		{ " {}", SCAN_OBJECT },   { "[", SCAN_ARRAY },
		{ "\"", SCAN_STRING },    { "-1", SCAN_NUMBER },
		{ "0", SCAN_NUMBER },     { "9", SCAN_NUMBER },
		{ "true", SCAN_TRUE },    { "false", SCAN_FALSE },
		{ "\n null", SCAN_NULL }, { "", SCAN_NONE },
		{ "x", SCAN_NONE },
	};
	struct scan s;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scan_init(&s, cases[i].text, strlen(cases[i].text));
		assert_int_equal(scan_peek(&s), cases[i].type);
		assert_int_equal(scan_peek(&s), cases[i].type);
	}
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
}

/* Misuse and bad text end every loop; the first reason is kept. */
static void test_bad_stays(void **state)
{
	struct scan s;
	struct text t = { "x", 1 };
	struct err err;

	(void)state;
	scan_init(&s, "[1,2]", 5);
	scan_array(&s);
	assert_true(scan_item(&s));
	scan_fail(&s, "not mine");
	scan_fail(&s, "later");
	assert_int_equal(scan_peek(&s), SCAN_NONE);
	assert_false(scan_item(&s));
	assert_false(scan_key(&s, &t));
	assert_null(t.p);
	assert_false(scan_string(&s, &t));
	assert_false(scan_value(&s, &t));
	assert_false(scan_skip(&s));
	assert_false(scan_null(&s));
	scan_object(&s);
	scan_array(&s);
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	assert_string_equal(err.msg, "x: not mine");
	/* left early */
	scan_init(&s, "[1]", 3);
	scan_array(&s);
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	/* an item that was not read, an item too many */
	scan_init(&s, "[1,2]", 5);
	scan_array(&s);
	assert_true(scan_item(&s));
	assert_false(scan_item(&s));
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	scan_init(&s, "1", 1);
	assert_false(scan_item(&s));
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	/* null only where null stands */
	scan_init(&s, "nulx", 4);
	assert_false(scan_null(&s));
	assert_int_equal(scan_end(&s, "x", &err), ST_REJECTED);
	scan_init(&s, "7", 1);
	assert_false(scan_null(&s));
	assert_true(scan_skip(&s));
	assert_int_equal(scan_end(&s, "x", &err), ST_OK);
}

/* Quotes, escapes and control characters at every place of a machine word. */
static void test_places(void **state)
{
	char text[64];
	struct scan s;
	struct text t;
	struct err err;

	(void)state;
	for (size_t len = 0; len < 40; len++) {
		memset(text, 0xff, sizeof(text));
		text[0] = text[len + 1] = '"';
		scan_init(&s, text, len + 2);
		assert_true(scan_string(&s, &t));
		assert_int_equal(t.n, len);
		assert_ptr_equal(t.p, text + 1);
		assert_int_equal(scan_end(&s, "x", &err), ST_OK);
		for (size_t at = 1; at <= len; at++) {
			for (int c = 0; c < 256; c++) {
				bool ok = c >= 0x20 && c != '"' && c != '\\';

				text[at] = (char)c;
				assert_int_equal(verdict(text, len + 2, &err),
						 ok ? ST_OK : ST_REJECTED);
			}
			text[at] = (char)0xff;
		}
	}
}

static void test_texts(void **state)
{
	struct text none = { 0 }, a = { "abc", 2 }, b = { "ab", 2 };

	(void)state;
	assert_true(text_is(none, ""));
	assert_true(text_is(a, "ab"));
	assert_false(text_is(a, "abc"));
	assert_false(text_is(a, "xb"));
	assert_true(text_eq(a, b));
	assert_false(text_eq(a, none));
	assert_true(text_eq(none, none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_peek),
		cmocka_unit_test(test_bad_stays),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
