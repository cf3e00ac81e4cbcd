/* The hash and the plaintext of credentials, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "bridge/credentials.h"

static struct credentials all(void)
{
	struct credentials c = { 0 };

	strncpy(c.rtmps_url, "rtmps://live.example:443/live/", 64);
	strncpy(c.rtmps_key, "k\"ey\\\x01", 64);
	strncpy(c.srt_url, "srt://live.example:778", 64);
	strncpy(c.srt_id, "id", 64);
	strncpy(c.srt_pass, "pass", 64);
	strncpy(c.whip, "https://example/s/webRTC/publish", 64);
	return c;
}

static void test_hash(void **state)
{
	static const char bytes[] =
	    "\0\0srt://live.example:778\0id\0pass\0"; /* and the last zero */
	uint8_t want[SHA256_DIGEST_LENGTH], got[CREDENTIAL_HASH_SIZE];
	struct credentials c = all();
	struct err err;

	(void)state;
	assert_int_equal(credentials_only(&c, INGEST_SRT, &err), ST_OK);
	SHA256((const uint8_t *)bytes, sizeof(bytes), want);
	credentials_hash(got, &c);
	assert_memory_equal(got, want, sizeof(got));
}

static void plaintext(struct buf *out, struct credentials *c,
		      enum ingest ingest)
{
	static const uint8_t contract[20] = { 0xab, 1 };
	struct credential_scope scope = { 31337, contract, "42", 3 };
	struct err err;

	buf_init(out, 4096);
	assert_int_equal(credentials_only(c, ingest, &err), ST_OK);
	credentials_plaintext(out, c, &scope);
	assert_int_equal(out->len % 64, 0);
}

static void test_plaintext(void **state)
{
	static const char want[] =
	    "{\"v\":1,\"c\":\"31337\",\"a\":\"0xab01000000000000000000000000"
	    "000000000000\",\"r\":\"42\",\"e\":3,\"rtmps\":{\"url\":"
	    "\"rtmps://live.example:443/live/\",\"key\":"
	    "\"k\\\"ey\\\\\\u0001\"}}";
	struct credentials c = all();
	AUTO_BUF out = BUF_NULL;
	size_t i;

	(void)state;
	plaintext(&out, &c, INGEST_RTMPS);
	assert_true(out.len >= sizeof(want) - 1);
	assert_memory_equal(out.data, want, sizeof(want) - 1);
	for (i = sizeof(want) - 1; i < out.len; i++)
		assert_int_equal(out.data[i], ' ');
}

static void test_only_what_the_ingest_uses(void **state)
{
	struct credentials c = all();
	AUTO_BUF out = BUF_NULL;

	(void)state;
	plaintext(&out, &c, INGEST_WEBRTC);
	assert_null(strstr(buf_str(&out), "rtmps"));
	assert_null(strstr(buf_str(&out), "srt"));
	assert_non_null(strstr(buf_str(&out), "\"whip\":\"https://"));
}

static void test_missing_member(void **state)
{
	struct credentials c = all();
	struct err err;

	(void)state;
	c.srt_pass[0] = '\0';
	assert_int_equal(credentials_only(&c, INGEST_SRT, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "srt.passphrase"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_plaintext),
		cmocka_unit_test(test_only_what_the_ingest_uses),
		cmocka_unit_test(test_missing_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
