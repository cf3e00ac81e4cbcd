/* Cloudflare's answers: what is taken from them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/cf_parse.h"

#define UID    "66be4bf738797e01e1fca35a7bdecdcd"
#define MARK   "0011223344556677"
#define OTHER  "7766554433221100"
#define SIGNER "0xaa,0xbb"

static enum status input(struct cf_envelope *env, struct cf_input *in,
			 const char *text, struct err *err)
{
	return cf_parse_input(env, in, text, strlen(text), err);
}

static void test_input(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{"
	    "\"uid\":\"" UID "\",\"meta\":{\"name\":\"x\",\"chaincast\":\"" MARK
	    "\",\"room\":\"42\"},\"status\":null,\"enabled\":true,"
	    "\"deleteRecordingAfterDays\":45,"
	    "\"rtmps\":{\"url\":\"rtmps://l/live/\",\"streamKey\":\"sk\"},"
	    "\"srt\":{\"url\":\"srt://l:778\",\"streamId\":\"si\","
	    "\"passphrase\":\"pp\"},\"webRTC\":{\"url\":\"https://w\"},"
	    "\"webRTCPlayback\":{\"url\":\"https://customer-abc"
	    ".cloudflarestream.com/" UID "/webRTC/play\"}}}";
	struct cf_envelope env;
	struct cf_input in;
	struct err err;

	(void)state;
	assert_int_equal(input(&env, &in, text, &err), ST_OK);
	assert_true(env.success);
	assert_string_equal(in.uid, UID);
	assert_string_equal(in.mark, MARK);
	assert_string_equal(in.room, "42");
	assert_string_equal(in.customer_code, "abc");
	assert_true(in.enabled);
	assert_int_equal(in.recording_days, 45);
	assert_string_equal(in.credentials.rtmps_key, "sk");
	assert_string_equal(in.credentials.srt_pass, "pp");
	assert_string_equal(in.credentials.whip, "https://w");
	cf_input_wipe(&in);
}

static void test_bad_uid(void **state)
{
	static const char *const uids[] = {
		"\"66BE4BF738797E01E1FCA35A7BDECDCD\"",
		"\"66be\"",
		"7",
		"null",
		"\"66be4bf738797e01e1fca35a7bdecdcd0\"",
		"\"66be4bf738797e01e1fca35a7bdecdc/\""
	};
	char text[256];
	struct cf_envelope env;
	struct cf_input in;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"success\":true,\"result\":{\"uid\":%s}}",
			       uids[i]);
		assert_int_equal(input(&env, &in, text, &err), ST_OK);
		assert_string_equal(in.uid, "");
		assert_int_equal(in.uid_absent, strcmp(uids[i], "null") == 0);
	}
	assert_int_equal(
	    input(&env, &in, "{\"success\":true,\"result\":{}}", &err), ST_OK);
	assert_true(in.uid_absent);
}

static void test_gone(void **state)
{
	static const char text[] =
	    "{\"result\":null,\"success\":false,\"errors\":[{\"code\":10003,"
	    "\"message\":\"no\\nsuch\"}],\"messages\":[]}";
	struct cf_envelope env;
	struct cf_input in;
	struct err err;

	(void)state;
	assert_int_equal(input(&env, &in, text, &err), ST_OK);
	assert_false(env.success);
	assert_int_equal(env.code, CF_CODE_GONE);
	assert_string_equal(env.message, "no?such");
	assert_int_equal(cf_parse_plain(&env, text, sizeof(text) - 1, &err),
			 ST_OK);
}

static void test_not_an_answer(void **state)
{
	static const char *const texts[] = {
		"",
		"<html>",
		"[]",
		"{}",
		"{\"success\":\"yes\"}",
		"{\"success\":true,\"result\":null}",
		"{\"success\":true,\"result\":{\"uid\":\"" UID
	};
	struct cf_envelope env;
	struct cf_input in;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(input(&env, &in, texts[i], &err), ST_REJECTED);
		assert_null(strstr(err.msg, UID));
	}
}

/* The list of @text that comes in two pieces, of which the first has @first
 * bytes; or, when that is 0, byte by byte. */
static enum status in_pieces(struct cf_list *l, const char *text, size_t first)
{
	AUTO(cf_sieve) struct cf_sieve *s = cf_sieve_new(MARK, SIGNER);
	AUTO_BUF rest = BUF_NULL;
	struct cf_envelope env;
	size_t len = strlen(text);
	struct err err;

	buf_init(&rest, 4096);
	if (first) {
		cf_sift(s, text, first, &rest);
		cf_sift(s, text + first, len - first, &rest);
	}
	for (size_t i = 0; !first && i < len; i++)
		cf_sift(s, text + i, 1, &rest);
	return cf_sifted(s, &env, l, buf_str(&rest), rest.len, &err);
}

static void test_list(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"result\":{\"total\":6,\"range\":6,"
	    "\"liveInputs\":["
	    "{\"uid\":\"" UID "\",\"meta\":{\"chaincast\":\"" MARK
	    "\",\"room\":\"79228162514264337593543950335\"},"
	    "\"created\":\"2026-01-02T02:20:00Z\",\"enabled\":false,"
	    "\"deleteRecordingAfterDays\":1096},"
	    "{\"uid\":\"" UID "\",\"meta\":{\"name\":\"not ours\"}},"
	    "{\"uid\":\"" UID "\",\"meta\":{\"chaincast\":\"" OTHER
	    "\",\"room\":\"7\"}},"
	    "{\"uid\":\"" UID "\",\"meta\":{\"chaincast\":\"" MARK
	    "\",\"room\":\"79228162514264337593543950336\"}},"
	    "{\"uid\":\"6\",\"meta\":{\"chaincast\":\"" MARK
	    "\",\"room\":\"7\"}},"
	    "{\"uid\":\"" UID "\",\"meta\":{\"chaincast\":\"" MARK
	    "\",\"room\":\"1' or\"}}]}}";
	char uid[CF_UID_SIZE], room[CF_ITEM_ROOM_SIZE];
	struct cf_list l;

	(void)state;
	assert_int_equal(in_pieces(&l, text, sizeof(text) - 1), ST_OK);
	assert_int_equal(l.count, 1);
	assert_true(l.complete);
	assert_string_equal(cf_item_uid(uid, &l.items[0]), UID);
	assert_string_equal(cf_item_room(room, &l.items[0]),
			    "79228162514264337593543950335");
	assert_false(l.items[0].enabled);
	assert_int_equal(l.items[0].created_s, 1767320400);
	assert_int_equal(l.items[0].recording_days, 1096);
	cf_list_deinit(&l);
}

static void add_lease(struct buf *b, const char *mark, const char *signer)
{
	buf_printf(b,
		   "{\"uid\":\"" UID "\",\"meta\":{\"lease\":\"%s\","
		   "\"signer\":\"%s\",\"holder\":\"x\",\"beat\":\"1\"}},",
		   mark, signer);
}

/* An account may have more of others than are kept: ours is among them. */
static void test_leases(void **state)
{
	AUTO_BUF text = BUF_NULL;
	struct cf_list l;

	(void)state;
	buf_init(&text, 65536);
	buf_add_str(&text, "{\"success\":true,\"result\":{\"liveInputs\":[");
	for (int i = 0; i < CF_LEASES_MAX; i++)
		add_lease(&text, OTHER, "0xcc");
	for (int i = 0; i < CF_LEASES_MAX; i++)
		add_lease(&text, OTHER, "0xcc,0xbb");
	add_lease(&text, MARK, "0xdd");
	add_lease(&text, MARK, "0xaa");
	buf_add_str(&text, "{}]}}");
	assert_int_equal(in_pieces(&l, buf_str(&text), text.len), ST_OK);
	assert_int_equal(l.lease_count, CF_LEASES_MAX);
	for (int i = 0; i < CF_LEASES_MAX; i++)
		assert_true(cf_lease_concerns(&l.leases[i], MARK, SIGNER));
	assert_string_equal(l.leases[0].signer, "0xdd");
	assert_string_equal(l.leases[1].signer, "0xaa");
	assert_string_equal(l.leases[2].deployment, OTHER);
	cf_list_deinit(&l);
}

/* What is no such number counts as none: the right one is said once more. */
static void test_days(void **state)
{
	static const struct {
		const char *days;
		uint16_t want;
	} cases[] = { { "45", 45 },       { "null", 0 },   { "0", 0 },
		      { "-1", 0 },        { "\"45\"", 0 }, { "1e9", 0 },
		      { "65535", 65535 }, { "65536", 0 },  { "[45]", 0 } };
	char text[256];
	struct cf_list l;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"success\":true,\"result\":{\"liveInputs\":"
			       "[{\"uid\":\"" UID
			       "\",\"meta\":{\"chaincast\":\"" MARK
			       "\",\"room\":\"7\"},"
			       "\"deleteRecordingAfterDays\":%s}]}}",
			       cases[i].days);
		assert_int_equal(in_pieces(&l, text, 0), ST_OK);
		assert_int_equal(l.count, 1);
		assert_int_equal(l.items[0].recording_days, cases[i].want);
		cf_list_deinit(&l);
	}
}

static void test_list_in_pieces(void **state)
{
	/* What the host wrote looks like an end of the list, and of all. */
	static const char text[] =
	    "{\"messages\":[\"liveInputs\",[{}]],\"result\" :{\"range\":2, "
	    "\"a\":{\"liveInputs\":[1]},\"liveInputs\" : [ {\"uid\":\"" UID
	    "\",\"meta\":{\"chaincast\":\"" MARK "\",\"room\":\"7\",\"name\":"
	    "\"]}]}\\\"}]\\\\\"},\"x\":[[{}]]} , {\"uid\":\"" UID
	    "\",\"meta\":{\"chaincast\":\"" MARK
	    "\",\"room\":\"8\"}}, {}],\"total\":3},\"success\":true}";
	char room[CF_ITEM_ROOM_SIZE];
	struct cf_list l;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		assert_int_equal(in_pieces(&l, text, i), ST_OK);
		assert_int_equal(l.count, 2);
		assert_int_equal(l.total, 3);
		assert_true(l.complete);
		assert_string_equal(cf_item_room(room, &l.items[0]), "7");
		assert_string_equal(cf_item_room(room, &l.items[1]), "8");
		cf_list_deinit(&l);
	}
}

static void test_list_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"<html>",
		"{\"success\":true,\"result\":{\"liveInputs\":[{\"uid\":1}",
		"{\"success\":true,\"result\":{\"liveInputs\":[{uid}]}}",
		"{\"success\":true,\"result\":{\"liveInputs\":{}}}",
		"{\"success\":true,\"result\":[]}}}",
		"{\"result\":{\"liveInputs\":[{}]}}",
	};
	char deep[300];
	struct cf_list l = { .total = 42 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(in_pieces(&l, bad[i], 0), ST_REJECTED);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(in_pieces(&l, deep, 0), ST_REJECTED);
	assert_int_equal(l.total, 42);
}

static void test_list_that_failed(void **state)
{
	struct cf_list l;

	(void)state;
	assert_int_equal(
	    in_pieces(&l, "{\"success\":false,\"errors\":[{}]}", 0), ST_OK);
	assert_null(l.items);
	assert_int_equal(l.count, 0);
}

static void test_list_cut(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"result\":{\"total\":2000,\"liveInputs\":[]}}";
	struct cf_list l;

	(void)state;
	assert_int_equal(in_pieces(&l, text, 0), ST_OK);
	assert_false(l.complete);
	cf_list_deinit(&l);
}

static void test_videos(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"result\":[{\"uid\":\"" UID
	    "\",\"duration\":72.5,\"status\":{\"state\":\"ready\"},"
	    "\"size\":4190963,\"readyToStreamAt\":\"2021-09-22T22:13:53Z\","
	    "\"scheduledDeletion\":null,"
	    "\"created\":\"2021-09-22T22:12:53.587306Z\"},{\"uid\":1}]}";
	struct cf_envelope env;
	struct cf_videos v;
	struct err err;

	(void)state;
	assert_int_equal(
	    cf_parse_videos(&env, &v, text, sizeof(text) - 1, &err), ST_OK);
	assert_int_equal(v.count, 1);
	assert_string_equal(v.items[0].state, "ready");
	assert_true(v.items[0].duration_s > 72 && v.items[0].duration_s < 73);
	assert_int_equal(v.items[0].created_s, 1632348773);
	assert_int_equal(v.items[0].ready_s, 1632348833);
	assert_int_equal(v.items[0].deletes_s, 0);
	assert_int_equal(v.items[0].size_bytes, 4190963);
	cf_videos_deinit(&v);
}

static void test_videos_of(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"result\":["
	    "{\"uid\":\"" UID "\",\"liveInput\":\"7" UID "\"},"
	    "{\"uid\":\"" UID "\",\"liveInput\":null},"
	    "{\"uid\":\"" UID "\",\"liveInput\":\"" UID "\"},"
	    "{\"uid\":\"" UID "\",\"liveInput\":\""
	    "6b9e68b07dfee8cc2d116e4c51d6a957"
	    "\"},"
	    "{\"uid\":\"" UID "\"}]}";
	struct cf_envelope env;
	struct cf_videos v;
	struct err err;

	(void)state;
	assert_int_equal(
	    cf_parse_videos(&env, &v, text, sizeof(text) - 1, &err), ST_OK);
	assert_int_equal(cf_videos_of(&v, UID, true), 2);
	assert_int_equal(v.count, 3);
	assert_int_equal(cf_videos_of(&v, UID, false), 2);
	assert_int_equal(v.count, 1);
	assert_string_equal(v.items[0].input, UID);
	cf_videos_deinit(&v);
}

static void test_outputs(void **state)
{
	static const char text[] =
	    "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":["
	    "{\"uid\":\"not one\",\"url\":\"rtmp://h\",\"streamKey\":\"s\"},"
	    "{\"uid\":\"" UID "\",\"url\":\"rtmp://h/live\",\"streamKey\":"
	    "\"sk\",\"enabled\":false}]}";
	static const char one[] =
	    "{\"success\":true,\"errors\":[],\"result\":{\"uid\":\"" UID
	    "\",\"url\":\"srt://h\",\"streamKey\":\"\",\"enabled\":true}}";
	struct cf_envelope env;
	struct cf_outputs list;
	struct cf_output o;
	struct err err;

	(void)state;
	assert_int_equal(
	    cf_parse_outputs(&env, &list, text, strlen(text), &err), ST_OK);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].uid, UID);
	assert_string_equal(list.items[0].url, "rtmp://h/live");
	assert_string_equal(list.items[0].key, "sk");
	assert_false(list.items[0].enabled);
	cf_outputs_wipe(&list);
	assert_int_equal(cf_parse_output(&env, &o, one, strlen(one), &err),
			 ST_OK);
	assert_string_equal(o.uid, UID);
	assert_string_equal(o.key, "");
	assert_true(o.enabled);
	cf_output_wipe(&o);
	assert_int_equal(cf_parse_outputs(&env, &list, one, strlen(one), &err),
			 ST_REJECTED);
	assert_int_equal(cf_parse_output(&env, &o, text, strlen(text), &err),
			 ST_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_bad_uid),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_not_an_answer),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_leases),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_list_in_pieces),
		cmocka_unit_test(test_list_refused),
		cmocka_unit_test(test_list_that_failed),
		cmocka_unit_test(test_list_cut),
		cmocka_unit_test(test_videos),
		cmocka_unit_test(test_videos_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
