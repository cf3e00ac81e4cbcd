/* Log lines: hostile values can neither break a line nor forge a field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/log.h"

static char line[8192];

/* What the daemon writes to stderr meanwhile goes to a file. */
static int saved;
static FILE *file;

static void catch_begin(void)
{
	fflush(stderr);
	file = tmpfile();
	assert_non_null(file);
	saved = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
}

static void catch_end(void)
{
	size_t n;

	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	n = fread(line, 1, sizeof(line) - 1, file);
	line[n] = '\0';
	fclose(file);
}

static void write_hostile(void)
{
	char lots[2000];

	memset(lots, 'x', sizeof(lots) - 1);
	lots[sizeof(lots) - 1] = '\0';
	catch_begin();
	log_info("room_created", F_U64("n", 7), F_I64("i", -7),
		 F_STR("title", "a\nroom=9 \"\\\x01\xff\x7f"),
		 F_STR("none", NULL), F_HEX("hash", "\x01\xab", 2),
		 F_STR("long", lots));
	catch_end();
}

static void test_text(void **state)
{
	(void)state;
	log_init("test", LOG_LVL_INFO, false);
	write_hostile();
	assert_non_null(strchr(line, '\n'));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_non_null(strstr(line, "event=room_created"));
	assert_non_null(strstr(line, "n=7"));
	assert_non_null(strstr(line, "i=-7"));
	assert_non_null(strstr(line, "hash=0x01ab"));
	assert_non_null(strstr(line, "none=-"));
	assert_true(strlen(line) < 1500);
	for (const char *p = line; *p && *p != '\n'; p++)
		assert_in_range(*p, ' ', '~');
}

static void test_json(void **state)
{
	AUTO_JSON cJSON *root = NULL;
	struct err err;

	(void)state;
	log_init("test", LOG_LVL_INFO, true);
	write_hostile();
	assert_int_equal(json_parse(&root, line, strlen(line), "line", &err),
			 ST_OK);
	assert_string_equal(json_str_or(root, "event", ""), "room_created");
	assert_string_equal(json_str_or(root, "daemon", ""), "test");
	assert_string_equal(json_str_or(root, "hash", ""), "0x01ab");
	assert_null(cJSON_GetObjectItem(root, "room"));
}

static void test_level(void **state)
{
	(void)state;
	log_init("test", LOG_LVL_ODD, false);
	catch_begin();
	log_info("quiet");
	log_odd("heard");
	catch_end();
	assert_null(strstr(line, "quiet"));
	assert_non_null(strstr(line, "heard"));
	assert_non_null(strstr(line, "level=odd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
