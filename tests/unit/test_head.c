/*
 * What a header's own hash vouches for, on blocks of a real node and on altered
 * ones: a lie is told from a kind of header that is not known here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* after the above */
#include <cmocka.h>

#include "core/buf.h"
#include "core/json.h"
#include "indexer/head.h"

static cJSON *load(void)
{
	FILE *f = fopen(CX_SOURCE_DIR "/tests/vectors/blocks.json", "re");
	char chunk[65536];
	size_t n;
	struct err err;
	cJSON *all = NULL;
	AUTO_BUF text = BUF_NULL;

	assert_non_null(f);
	buf_init(&text, 64 * 1024 * 1024);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	fclose(f);
	assert_int_equal(
	    json_parse(&all, buf_str(&text), text.len, "vectors", &err), ST_OK);
	return all;
}

static struct head read_head(const cJSON *block)
{
	AUTO_FREE char *s = cJSON_PrintUnformatted(block);
	struct head h = { 0 };
	struct err err = { 0 };

	if (head_read(&h, (struct text){ s, strlen(s) }, &err) != ST_OK)
		fail_msg("%s", err.msg);
	return h;
}

static cJSON *block_at(const cJSON *all, int i)
{
	const cJSON *one = cJSON_GetArrayItem(all, i);

	return cJSON_Duplicate(cJSON_GetObjectItem(one, "block"), true);
}

static void each_real_header_is_proven(void **state)
{
	AUTO_JSON cJSON *all = load();
	int n = cJSON_GetArraySize(all);

	(void)state;
	assert_true(n > 20);
	for (int i = 0; i < n; i++) {
		AUTO_JSON cJSON *block = block_at(all, i);

		assert_int_equal(read_head(block).proof, HEAD_PROVEN);
	}
}

static void another_time_is_wrong(void **state)
{
	AUTO_JSON cJSON *all = load();
	AUTO_JSON cJSON *block = block_at(all, 0);

	(void)state;
	cJSON_ReplaceItemInObject(block, "timestamp",
				  cJSON_CreateString("0x1"));
	assert_int_equal(read_head(block).proof, HEAD_WRONG);
}

static void fields_unknown_or_absent_are_strange(void **state)
{
	AUTO_JSON cJSON *all = load();
	AUTO_JSON cJSON *newer = block_at(all, 0);
	AUTO_JSON cJSON *older = block_at(all, 0);

	(void)state;
	/* a fork that appends a field: its hash is another one */
	cJSON_ReplaceItemInObject(newer, "timestamp",
				  cJSON_CreateString("0x1"));
	cJSON_AddStringToObject(newer, "slotNumber", "0x1");
	assert_int_equal(read_head(newer).proof, HEAD_STRANGE);
	cJSON_DeleteItemFromObject(older, "mixHash");
	assert_int_equal(read_head(older).proof, HEAD_STRANGE);
}

static void no_block_is_waited_for(void **state)
{
	struct head h;
	struct err err;

	(void)state;
	assert_int_equal(head_read(&h, (struct text){ "null", 4 }, &err),
			 ST_AGAIN);
	assert_int_equal(head_read(&h, (struct text){ "{}", 2 }, &err),
			 ST_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_real_header_is_proven),
		cmocka_unit_test(another_time_is_wrong),
		cmocka_unit_test(fields_unknown_or_absent_are_strange),
		cmocka_unit_test(no_block_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
