/* Restream targets: who may have sealed them, and what they may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/seal.h"
#include "bridge/target.h"
#include "config/keyfile.h"

#define CONTRACT "0x1111111111111111111111111111111111111111"
#define HOST     "0x2222222222222222222222222222222222222222"

static uint8_t contract[20], host[20];

static struct target_scope scope(void)
{
	memset(contract, 0x11, 20);
	memset(host, 0x22, 20);
	return (struct target_scope){ .chain_id = 31337,
				      .contract20 = contract,
				      .host20 = host,
				      .room = "42" };
}

#define SCOPE(c, a, r, h)                                                      \
	"{\"v\":1,\"c\":\"" c "\",\"a\":\"" a "\",\"r\":\"" r "\",\"h\":\"" h  \
	"\","
#define OURS SCOPE("31337", CONTRACT, "42", HOST)

static enum target_fault parse(struct target *t, const char *text)
{
	struct target_scope s = scope();

	return target_parse(t, text, strlen(text), &s);
}

static void test_good(void **state)
{
	static const struct {
		const char *text, *url, *key, *host;
	} good[] = {
		{ OURS "\"url\":\"rtmp://a.rtmp.youtube.com/live2\",\"key\":"
		       "\"abcd-1234\"}        ",
		  "rtmp://a.rtmp.youtube.com/live2", "abcd-1234",
		  "a.rtmp.youtube.com" },
		{ OURS "\"url\":\"rtmps://live-api-s.facebook.com:443/rtmp/\","
		       "\"key\":\"FB-1\"}",
		  "rtmps://live-api-s.facebook.com:443/rtmp/", "FB-1",
		  "live-api-s.facebook.com" },
		{ OURS "\"url\":\"SRT://u:p@[2001:db8::1]:9000?passphrase=x\","
		       "\"key\":\"\"}",
		  "SRT://u:p@[2001:db8::1]:9000?passphrase=x", "",
		  "[2001:db8::1]" },
		{ SCOPE("31337", "0x1111111111111111111111111111111111111111",
			"42",
			"0x2222222222222222222222222222222222222222") "\"url\":"
								      "\"srt://"
								      "h?a@b\","
								      "\"key\":"
								      "\"k\"}",
		  "srt://h?a@b", "k", "h" },
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse(&t, good[i].text), TARGET_GOOD);
		assert_string_equal(t.url, good[i].url);
		assert_string_equal(t.key, good[i].key);
		assert_string_equal(t.host, good[i].host);
	}
	target_wipe(&t);
	assert_string_equal(t.key, "");
}

/* A copied envelope opens: what it names is what gives it away. */
static void test_foreign(void **state)
{
#define REST "\"url\":\"rtmp://h/x\",\"key\":\"k\"}"
	static const char *const foreign[] = {
		SCOPE("1", CONTRACT, "42", HOST) REST,
		SCOPE("031337", CONTRACT, "42", HOST) REST,
		SCOPE("31337", HOST, "42", HOST) REST,
		SCOPE("31337", CONTRACT, "43", HOST) REST,
		SCOPE("31337", CONTRACT, "042", HOST) REST,
		SCOPE("31337", CONTRACT, "42", CONTRACT) REST,
		SCOPE("31337", CONTRACT, "42", "") REST,
		"{\"v\":1,\"c\":31337,\"a\":\"" CONTRACT
		"\",\"r\":\"42\",\"h\":\"" HOST "\"," REST,
		"{" REST,
		/* whose scheme is unknown besides: nothing else is told */
		SCOPE("31337", CONTRACT, "43",
		      HOST) "\"url\":\"ftp://h/x\",\"key\":\"k\"}",
	};
	struct target t = { .key = "before" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		assert_int_equal(parse(&t, foreign[i]), TARGET_FOREIGN);
	assert_string_equal(t.key, "before");
}

static void test_refused(void **state)
{
	static const struct {
		const char *rest;
		enum target_fault fault;
	} bad[] = {
		{ "\"url\":\"http://h/x\",\"key\":\"k\"}", TARGET_SCHEME },
		{ "\"url\":\"h/x\",\"key\":\"k\"}", TARGET_SCHEME },
		{ "\"url\":\"rtmpt://h/x\",\"key\":\"k\"}", TARGET_SCHEME },
		{ "\"url\":\"rtmp:/h\",\"key\":\"k\"}", TARGET_SCHEME },
		{ "\"url\":\"\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":7,\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/x\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/x\",\"key\":\"\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/x\",\"key\":7}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp:///x\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://u@/x\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h:a/x\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h!/x\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://[::1/x\",\"key\":\"k\"}",
		  TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/a b\",\"key\":\"k\"}", TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/x\",\"key\":\"k\\n\"}",
		  TARGET_MALFORMED },
		{ "\"url\":\"rtmp://h/x\",\"key\":\"k\"", TARGET_MALFORMED },
	};
	char text[1024], *p;
	struct target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", OURS, bad[i].rest);
		assert_int_equal(parse(&t, text), bad[i].fault);
	}
	(void)snprintf(text, sizeof(text), "%s%s", OURS,
		       "\"url\":\"rtmp://h/x\",\"key\":\"k\"}");
	p = strstr(text, "\"v\":1");
	p[4] = '2';
	assert_int_equal(parse(&t, text), TARGET_MALFORMED);
	assert_int_equal(parse(&t, "[]"), TARGET_MALFORMED);
	assert_int_equal(parse(&t, ""), TARGET_MALFORMED);
}

static void test_too_long(void **state)
{
	char text[TARGET_KEY_MAX + 512], key[TARGET_KEY_MAX + 2] = "";
	struct target t;

	(void)state;
	memset(key, 'k', TARGET_KEY_MAX);
	(void)snprintf(text, sizeof(text),
		       OURS "\"url\":\"rtmp://h/\",\"key\":\"%s\"}", key);
	assert_int_equal(parse(&t, text), TARGET_GOOD);
	key[TARGET_KEY_MAX] = 'k';
	(void)snprintf(text, sizeof(text),
		       OURS "\"url\":\"rtmp://h/\",\"key\":\"%s\"}", key);
	assert_int_equal(parse(&t, text), TARGET_MALFORMED);
}

/* ---- envelopes ---- */

struct ring {
	char dir[64], files[2][80];
	uint8_t secrets[2][32];
	struct config_unseal_key keys[2];
	struct config cfg;
	struct unseal *unseal;
};

static void ring_open(struct ring *r)
{
	struct err err;

	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/cx-target-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->cfg = (struct config){ 0 };
	for (uint16_t i = 0; i < 2; i++) {
		(void)snprintf(r->files[i], sizeof(r->files[i]), "%s/%u",
			       r->dir, i);
		assert_int_equal(
		    seal_new_secret(r->secrets[i],
				    i ? SEAL_X25519 : SEAL_SECP256K1, &err),
		    ST_OK);
		assert_int_equal(
		    keyfile_write_raw(r->files[i], r->secrets[i], &err), ST_OK);
		r->keys[i].id = (uint16_t)(0x0100 + i);
		r->keys[i].file = r->files[i];
	}
	r->cfg.restream.unseal_keys = r->keys;
	r->cfg.restream.unseal_key_count = 2;
	assert_int_equal(unseal_open(&r->unseal, &r->cfg, &err), ST_OK);
}

static void ring_close(struct ring *r)
{
	unseal_close(r->unseal);
	unlink(r->files[0]);
	unlink(r->files[1]);
	rmdir(r->dir);
}

static void seal(struct buf *out, const struct ring *r, uint16_t i)
{
	static const char text[] =
	    OURS "\"url\":\"rtmp://h/x\",\"key\":\"k\"}   ";
	uint8_t public[SEAL_KEY_MAX];
	struct err err;
	size_t n;

	buf_init(out, 4096);
	buf_add_byte(out, 1);
	buf_add_byte(out, (uint8_t)i);
	assert_int_equal(seal_public_key(public, &n,
					 i ? SEAL_X25519 : SEAL_SECP256K1,
					 r->secrets[i], &err),
			 ST_OK);
	assert_int_equal(
	    seal_box(out, public, n, (const uint8_t *)text, strlen(text), &err),
	    ST_OK);
}

static void test_envelope(void **state)
{
	struct target_scope s = scope(), other = scope();
	struct ring r;
	struct target t;

	(void)state;
	other.room = "43";
	ring_open(&r);
	for (uint16_t i = 0; i < 2; i++) {
		AUTO_BUF b = BUF_NULL;

		seal(&b, &r, i);
		assert_int_equal(unseal_target(&t, r.unseal, b.data, b.len, &s),
				 TARGET_GOOD);
		assert_string_equal(t.url, "rtmp://h/x");
		assert_int_equal(
		    unseal_target(&t, r.unseal, b.data, b.len, &other),
		    TARGET_FOREIGN);
		/* the other key's id, an unknown one, altered, cut */
		b.data[1] ^= 1;
		assert_int_equal(unseal_target(&t, r.unseal, b.data, b.len, &s),
				 TARGET_MALFORMED);
		b.data[1] = 9;
		assert_int_equal(unseal_target(&t, r.unseal, b.data, b.len, &s),
				 TARGET_NO_KEY);
		b.data[1] = (uint8_t)i;
		b.data[b.len - 1] ^= 1;
		for (size_t n = 0; n <= b.len; n++)
			assert_int_equal(
			    unseal_target(&t, r.unseal, b.data, n, &s),
			    TARGET_MALFORMED);
	}
	ring_close(&r);
}

static void test_no_keys(void **state)
{
	static const uint8_t sealed[] = { 0, 1, 1, 4 };
	struct target_scope s = scope();
	struct config cfg = { 0 };
	struct config_unseal_key missing = { .id = 1,
					     .file = (char[]){ "/nowhere" } };
	struct unseal *u;
	struct target t;
	struct err err;

	(void)state;
	assert_int_equal(unseal_open(&u, &cfg, &err), ST_OK);
	assert_int_equal(unseal_target(&t, u, sealed, sizeof(sealed), &s),
			 TARGET_NO_KEY);
	unseal_close(u);
	cfg.restream.unseal_keys = &missing;
	cfg.restream.unseal_key_count = 1;
	assert_int_equal(unseal_open(&u, &cfg, &err), ST_REJECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
