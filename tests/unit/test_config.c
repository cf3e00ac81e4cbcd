/*
 * config/: the examples load, and each kind of mistake is told with file,
 * line, key and, where there is one, the key that was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/internal.h"
#include "config/keyfile.h"
#include "core/buf.h"

static char dir[] = "/tmp/cx-config.XXXXXX";

static const char base[] =
    "chain:\n  chain_id: 5\n  endpoints:\n    - url: ws://h:1\n"
    "database: { url: 'postgresql://h/d' }\n"
    "registry: { address: '0x00000000000000000000000000000000000000aA', "
    "start_block: 7 }\n";

static char *put(const char *name, const char *text, mode_t mode)
{
	static char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	remove(path); /* a file that its owner may not write */
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

static enum status load(struct config **c, const char *extra,
			enum config_use use, struct err *err)
{
	AUTO_BUF b = BUF_NULL;

	buf_init(&b, 100000);
	buf_add_str(&b, base);
	buf_add_str(&b, extra);
	return config_load(c, put("c.yaml", buf_str(&b), 0644), use, err);
}

static void refused(const char *extra, const char *want)
{
	struct config *c = NULL;
	struct err err = { 0 };

	if (load(&c, extra, CONFIG_CLI, &err) == ST_OK)
		fail_msg("accepted: %s", extra);
	assert_null(c);
	if (!strstr(err.msg, want))
		fail_msg("\"%s\" does not hold \"%s\"", err.msg, want);
	if (!strstr(err.msg, "c.yaml"))
		fail_msg("\"%s\" does not name the file", err.msg);
}

static void test_defaults(void **state)
{
	AUTO(config) struct config *c = NULL;
	struct err err;

	(void)state;
	if (load(&c, "", CONFIG_INDEXER, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(c->chain.chain_id, 5);
	assert_int_equal(c->chain.confirm, CONFIRM_DEPTH);
	assert_int_equal(c->chain.confirmations, 12);
	assert_string_equal(c->chain.endpoints[0].url, "ws://h:1");
	assert_int_equal(c->registry.address[19], 0xaa);
	assert_int_equal(c->contract_count, 1);
	assert_string_equal(c->contracts[0].name, "registry");
	assert_int_equal(c->contracts[0].start_block, 7);
	assert_null(c->contracts[0].abi_file);
	assert_int_equal(c->indexer.backfill_range, 64);
	assert_string_equal(c->cloudflare.api_token, "");
	assert_int_equal(c->signer_count, 0);
	assert_true(c->cloudflare.rate_per_s > 3.7);
	assert_string_equal(c->health.indexer_listen, "127.0.0.1:9464");
	assert_string_equal(c->health.bridge_listen, "127.0.0.1:9465");
	assert_int_equal(c->health.max_head_age_s, 120); /* ten blocks */
}

static void test_health(void **state)
{
	AUTO(config) struct config *c = NULL, *set = NULL;
	struct err err;

	(void)state;
	if (load(&c,
		 "health: { indexer_listen: 'off', bridge_listen: '[::1]:0',"
		 " max_head_age_s: 5 }",
		 CONFIG_INDEXER, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(c->health.indexer_listen, "off");
	assert_string_equal(c->health.bridge_listen, "[::1]:0");
	assert_int_equal(c->health.max_head_age_s, 5);
	if (load(&set, "health: { max_head_age_s: 0 }", CONFIG_INDEXER, &err) !=
	    ST_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(set->health.max_head_age_s, 120);
}

static void test_unseal_keys(void **state)
{
	AUTO(config) struct config *c = NULL;
	struct err err;
	char want[300];

	(void)state;
	if (load(&c,
		 "restream:\n  max_outputs: 3\n  unseal_keys:\n"
		 "    - 1:a.key\n    - 65535:/b/c:d\n",
		 CONFIG_CLI, &err) != ST_OK)
		fail_msg("%s", err.msg);
	snprintf(want, sizeof(want), "%s/a.key", dir);
	assert_int_equal(c->restream.max_outputs, 3);
	assert_int_equal(c->restream.unseal_key_count, 2);
	assert_int_equal(c->restream.unseal_keys[0].id, 1);
	assert_string_equal(c->restream.unseal_keys[0].file, want);
	assert_int_equal(c->restream.unseal_keys[1].id, 65535);
	assert_string_equal(c->restream.unseal_keys[1].file, "/b/c:d");
	refused("restream: { max_outputs: 51 }\n", "restream.max_outputs");
	refused("restream: { unseal_keys: ['0:a'] }\n", "from 1 to 65535");
	refused("restream: { unseal_keys: ['65536:a'] }\n", "ID:FILE");
	refused("restream: { unseal_keys: ['1:'] }\n", "ID:FILE");
	refused("restream: { unseal_keys: ['a.key'] }\n", "ID:FILE");
	refused("restream: { unseal_keys: ['1:a', '01:b'] }\n", "twice");
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *extra, *want;
	} cases[] = {
		{ "indexer: { backfil_range: 1 }",
		  "c.yaml:7: indexer.backfil_range: unknown key; did you mean "
		  "backfill_range?" },
		{ "indexr: {}", "indexr: unknown key; did you mean indexer?" },
		{ "zzz: 1", "c.yaml:7: zzz: unknown key" },
		{ "indexer:\n  backfill_range: many\n",
		  "c.yaml:8: indexer.backfill_range: must be a whole number" },
		{ "indexer: { backfill_range: 0 }", "must be 1 to 100000" },
		{ "indexer: { backfill_range: -1 }", "whole number" },
		{ "indexer: { backfill_range: 99999999999999999999999 }",
		  "must be 1 to 100000" },
		{ "indexer: { backfill_range: [1] }", "must be one value" },
		{ "indexer: 5", "c.yaml:7: indexer: must be a mapping" },
		{ "indexer: { backfill_range: 1, backfill_range: 2 }",
		  "backfill_range: duplicate key; first on line 7" },
		{ "log: { level: loud }", "must be one of debug, info" },
		{ "log: { format: xml }", "must be one of kv, json" },
		{ "log: { level: '${CX_UNSET}' }", "CX_UNSET is not set" },
		{ "log: { level: '${a-b}' }", "environment variable" },
		{ "cloudflare: { prefer_low_latency: yes }",
		  "prefer_low_latency: must be" },
		{ "cloudflare: { rate_per_s: fast }", "must be a number" },
		{ "cloudflare: { api_url: 'http://example.org' }", "https" },
		{ "cloudflare: { api_token: a, api_token_file: b }",
		  "give it or its _file, not both" },
		{ "cloudflare: { account_id_file: x }", "unknown key" },
		{ "cloudflare: { delete_recording_after_days: 7 }", "30" },
		{ "signers: [ { keystore_file: open.txt } ]",
		  "entry 1: is missing: keystore_file needs it" },
		{ "signers: [ { key_file: open.txt }, {} ]",
		  "entry 2: keystore_file (with password_file) or" },
		{ "signers: [ { key_file: a, keystore_file: b, "
		  "password_file: c } ]",
		  "entry 1: give keystore_file or key_file" },
		{ "signers: []", "must have 1 to 16 entries" },
		{ "signers: { key_file: a }", "must be a list" },
		{ "signer: { key_file: a }", "did you mean signers?" },
		{ "contracts: [ { name: a } ]", "contracts[].abi: is missing" },
		{ "contracts: [ { name: A, abi: open.txt, start_block: 1, "
		  "address: '0x00000000000000000000000000000000000000aa' } ]",
		  "lower-case" },
		{ "contracts: [ { name: registry, abi: open.txt, start_block: "
		  "1, address: '0x00000000000000000000000000000000000000aa' } "
		  "]",
		  "always indexed" },
		{ "contracts: [ { name: a, abi: open.txt, start_block: 1, "
		  "address: '0x00' } ]",
		  "40 hex digits" },
		{ "contracts: [ { name: a, abi: open.txt, start_block: 1 } ]",
		  "contracts[].address: is missing" },
		{ "log: { level: \"a\\nb\\e[1m\" }", "not \"a?b?[1m\"" },
		{ "contracts: 5", "must be a list" },
		{ "health: { indexer_listen: '0.0.0.0:9464' }",
		  "health.indexer_listen: must be a loopback address" },
		{ "health: { bridge_listen: 9464 }",
		  "health.bridge_listen: must be an address and a port" },
		{ "health: { listen: 'off' }", "unknown key" },
		{ "a: [", "not YAML" },
		{ "? [a]\n: b\n", "not a key" },
		{ "<<: {}\n", "not a key" },
	};

	(void)state;
	put("open.txt", "s3cret", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(cases[i].extra, cases[i].want);
}

/* The bridge's own; what the daemon must have, a command goes without. */
static void test_unreadable_secrets(void **state)
{
	static const struct {
		const char *extra, *key, *want;
	} cases[] = {
		{ "cloudflare: { account_id: a, customer_code: c, "
		  "api_token_file: nothere }",
		  "cloudflare.api_token", "nothere: No such file" },
		{ "cloudflare: { account_id: a, customer_code: c, "
		  "api_token_file: open.txt }",
		  "cloudflare.api_token", "chmod 600" },
		{ "cloudflare: { account_id: '${CX_UNSET}', customer_code: c, "
		  "api_token: t }",
		  "cloudflare.account_id", "CX_UNSET is not set" },
		{ "cloudflare: { request_timeout_ms: '${CX_UNSET}' }",
		  "cloudflare.request_timeout_ms", "CX_UNSET is not set" },
		{ "signers: [ { keystore_file: open.txt, password_file: "
		  "'${CX_UNSET}' } ]",
		  "signers", "c.yaml:7: signers[].password_file: the" },
	};

	(void)state;
	put("open.txt", "s3cret", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(config) struct config *c = NULL;
		struct config *none = NULL;
		struct err err;
		const char *why;

		assert_int_equal(
		    load(&none, cases[i].extra, CONFIG_BRIDGE, &err),
		    ST_REJECTED);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s", err.msg);
		if (load(&c, cases[i].extra, CONFIG_CLI, &err) != ST_OK)
			fail_msg("%s", err.msg);
		why = config_unread(c, cases[i].key);
		assert_non_null(why);
		if (!strstr(why, cases[i].want) || strstr(why, "s3cret"))
			fail_msg("%s", why);
		assert_string_equal(c->cloudflare.api_token, i == 2 ? "t" : "");
		assert_int_equal(c->cloudflare.request_timeout_ms, 30000);
		assert_int_equal(c->chain.chain_id, 5);
	}
}

static void test_command_without_the_bridges_files(void **state)
{
	AUTO(config) struct config *c = NULL;
	struct config *none = NULL;
	uint8_t key[32];
	struct err err;

	(void)state;
	if (load(&c, "signers: [ { key_file: nothere } ]", CONFIG_CLI, &err) !=
	    ST_OK)
		fail_msg("%s", err.msg);
	assert_null(config_unread(c, ""));
	assert_int_equal(keyfile_load(key, c, 0, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "nothere"));
	assert_int_equal(load(&none,
			      "signers: [ { key_file: nothere } ]\n"
			      "cloudflare: { account_id: a, api_token: t, "
			      "customer_code: c }",
			      CONFIG_BRIDGE, &err),
			 ST_REJECTED);
	assert_non_null(strstr(err.msg, "signers[].key_file: no file nothere"));
	/* What commands themselves need is still refused. */
	refused("log: { level: '${CX_UNSET}' }", "CX_UNSET is not set");
}

static void test_written_key_files(void **state)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	uint8_t got[32];
	struct stat s;
	struct err err;
	char path[300];
	AUTO_BUF password = BUF_NULL;

	(void)state;
	buf_init(&password, 100);
	snprintf(path, sizeof(path), "%s/tok", dir);
	unlink(path);
	assert_int_equal(keyfile_write_raw(path, key, &err), ST_OK);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(keyfile_read_raw(got, path, &err), ST_OK);
	assert_memory_equal(got, key, 32);
	assert_int_equal(keyfile_write(path, "x", 1, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "File exists"));
	assert_int_equal(
	    keyfile_read_password(&password, put("tok", "a b\r\n", 0600), &err),
	    ST_OK);
	assert_string_equal(buf_str(&password), "a b");
	assert_int_equal(
	    keyfile_read_password(&password, put("tok", "\n", 0600), &err),
	    ST_REJECTED);
}

static void test_missing_key(void **state)
{
	struct config *c = NULL;
	struct err err;
	const char *path = put("m.yaml", "chain: { chain_id: 1 }\n", 0644);

	(void)state;
	assert_int_equal(config_load(&c, path, CONFIG_BRIDGE, &err),
			 ST_REJECTED);
	assert_non_null(strstr(err.msg, "chain.endpoints: is missing"));
	assert_int_equal(load(&c, "", CONFIG_BRIDGE, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "cloudflare.account_id: is missing"));
	assert_int_equal(config_load(&c, "/nowhere.yaml", CONFIG_CLI, &err),
			 ST_REJECTED);
	assert_non_null(strstr(err.msg, "/nowhere.yaml"));
	assert_int_equal(
	    config_load(&c, put("e.yaml", "", 0644), CONFIG_CLI, &err),
	    ST_REJECTED);
}

static void test_secrets(void **state)
{
	static const char text[] =
	    "cloudflare: { account_id: a, api_token_file: tok, "
	    "customer_code: '${CX_CODE}' }\nsigners: [ { key_file: key } ]\n";
	AUTO(config) struct config *c = NULL;
	AUTO(config) struct config *i = NULL;
	uint8_t key[32];
	struct err err;

	(void)state;
	put("tok", "s3cret\n", 0600);
	put("key",
	    "0x0102030405060708091011121314151617181920212223242526272829"
	    "3031fF\n",
	    0400);
	setenv("CX_CODE", "abc", 1);
	if (load(&c, text, CONFIG_BRIDGE, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(c->cloudflare.api_token, "s3cret");
	assert_string_equal(c->cloudflare.customer_code, "abc");
	assert_int_equal(keyfile_load(key, c, 0, &err), ST_OK);
	assert_int_equal(key[0], 1);
	assert_int_equal(key[31], 0xff);
	put("key", "0x01", 0600);
	assert_int_equal(keyfile_load(key, c, 0, &err), ST_REJECTED);
	put("key", "", 0640);
	assert_int_equal(keyfile_load(key, c, 0, &err), ST_REJECTED);
	assert_non_null(strstr(err.msg, "chmod 600"));
	/* The indexer does not touch what belongs to the bridge. */
	unsetenv("CX_CODE");
	put("tok", "", 0644);
	if (load(&i, text, CONFIG_INDEXER, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(i->cloudflare.api_token, "");
}

static void test_endpoints_by_priority(void **state)
{
	AUTO(config) struct config *c = NULL;
	struct err err;
	const char *path = put("p.yaml",
			       "chain:\n  endpoints:\n"
			       "    - { url: 'ws://a', priority: 5 }\n"
			       "    - { url: 'ws://b' }\n"
			       "    - { url: 'ws://c', priority: 5 }\n",
			       0644);

	(void)state;
	if (config_load(&c, path, CONFIG_CLI, &err) != ST_OK)
		fail_msg("%s", err.msg);
	assert_string_equal(c->chain.endpoints[0].url, "ws://b");
	assert_string_equal(c->chain.endpoints[1].url, "ws://a");
	assert_string_equal(c->chain.endpoints[2].url, "ws://c");
}

static char *example(const char *name)
{
	AUTO_BUF b = BUF_NULL;
	char path[300], chunk[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/config/examples/%s", CX_SOURCE_DIR,
		 name);
	f = fopen(path, "r");
	assert_non_null(f);
	buf_init(&b, 100000);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	fclose(f);
	return mem_strdup(buf_str(&b));
}

static void test_examples_load(void **state)
{
	static const char *const names[] = { "local.yaml", "sepolia.yaml",
					     "production.yaml" };
	static const char *const env[] = {
		"ETH_WS_URL",
		"ws://h",
		"ETH_HTTP_URL",
		"http://h",
		"SEPOLIA_WS_URL",
		"ws://h",
		"SEPOLIA_HTTP_URL",
		"http://h",
		"CHAINCAST_DATABASE_URL",
		"postgresql://h/d",
		"CHAINCAST_REGISTRY",
		"0x00000000000000000000000000000000000000aa",
		"CHAINCAST_START_BLOCK",
		"12",
		"CLOUDFLARE_ACCOUNT_ID",
		"a1",
		"CLOUDFLARE_API_TOKEN",
		"t",
		"CLOUDFLARE_CUSTOMER_CODE",
		"c1"
	};
	char sub[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(env); i += 2)
		setenv(env[i], env[i + 1], 1);
	snprintf(sub, sizeof(sub), "%s/secrets", dir);
	mkdir(sub, 0700);
	put("secrets/cloudflare-token", "t", 0600);
	put("secrets/bridge-keystore.json", "{}", 0600);
	put("secrets/bridge-password", "t", 0600);
	put("secrets/bridge.key", "t", 0600);
	put("erc20.json", "[]", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(config) struct config *c = NULL;
		AUTO_FREE char *text = example(names[i]);
		struct err err;

		if (config_load(&c, put("ex.yaml", text, 0644), CONFIG_BRIDGE,
				&err) != ST_OK)
			fail_msg("%s: %s", names[i], err.msg);
	}
}

static void test_every_key_is_explained(void **state)
{
	AUTO_FREE char *text = example("production.yaml");

	(void)state;
	for (size_t i = 0; i < config_key_count; i++) {
		const char *p = config_keys[i].path;
		const char *dot = strrchr(p, '.');
		char want[80];

		snprintf(want, sizeof(want), "%s", dot ? dot + 1 : p);
		if (!strstr(text, want))
			fail_msg("production.yaml lacks %s", p);
	}
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "c.yaml",
					     "m.yaml",
					     "e.yaml",
					     "p.yaml",
					     "ex.yaml",
					     "open.txt",
					     "tok",
					     "key",
					     "erc20.json",
					     "secrets/cloudflare-token",
					     "secrets/bridge-keystore.json",
					     "secrets/bridge-password",
					     "secrets/bridge.key",
					     "secrets" };
	char path[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_unseal_keys),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_unreadable_secrets),
		cmocka_unit_test(test_command_without_the_bridges_files),
		cmocka_unit_test(test_written_key_files),
		cmocka_unit_test(test_missing_key),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_endpoints_by_priority),
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_every_key_is_explained),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
