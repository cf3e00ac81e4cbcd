/*
 * The table of every config key, and how to find one. What a value may be is
 * in value.c.
 */
#include <stdio.h>

#include "config/internal.h"

#define BOTH     (CONFIG_INDEXER | CONFIG_BRIDGE)
#define SAFE_INT 9007199254740991.0
#define AT(m)    .off = offsetof(struct config, m)
#define EAT(m)   .off = offsetof(struct config_endpoint, m)
#define CAT(m)   .off = offsetof(struct config_contract, m)
#define SAT(m)   .off = offsetof(struct config_signer, m)
#define LIST(m, n)                                                             \
	.off = offsetof(struct config, m), .off_n = offsetof(struct config, n)
#define CLIST(m, n)                                                            \
	.off = offsetof(struct config_contract, m),                            \
	.off_n = offsetof(struct config_contract, n)

/* clang-format off */
const struct config_key config_keys[] = {
	{ "chain.chain_id", KEY_U64, AT(chain.chain_id), .min = 1, .max = SAFE_INT, .need = BOTH },
	{ "chain.endpoints", KEY_ENDPOINTS, LIST(chain.endpoints, chain.endpoint_count), .min = 1, .max = 32, .need = BOTH },
	{ "chain.endpoints[].url", KEY_SECRET, EAT(url), .max = 2048, .need = CONFIG_CLI },
	{ "chain.endpoints[].priority", KEY_U32, EAT(priority), .max = 1000, .def = "0" },
	{ "chain.request_timeout_ms", KEY_U32, AT(chain.request_timeout_ms), .min = 100, .max = 600000, .def = "20000" },
	{ "chain.block_time_ms", KEY_U32, AT(chain.block_time_ms), .min = 10, .max = 600000, .def = "12000" },
	{ "chain.confirmations", KEY_CONFIRM, .max = 100000, .def = "12" },

	{ "database.url", KEY_SECRET, AT(database.url), .max = 2048, .need = BOTH },
	{ "database.statement_timeout_ms", KEY_U32, AT(database.statement_timeout_ms), .min = 100, .max = 3600000, .def = "60000" },
	{ "database.connect_timeout_s", KEY_U32, AT(database.connect_timeout_s), .min = 1, .max = 600, .def = "10" },

	{ "registry.address", KEY_ADDRESS, AT(registry.address), .need = BOTH },
	{ "registry.start_block", KEY_U64, AT(registry.start_block), .max = SAFE_INT, .need = BOTH },

	{ "contracts", KEY_CONTRACTS, LIST(contracts, contract_count), .max = 256 },
	{ "contracts[].name", KEY_STR, CAT(name), .max = 40, .need = CONFIG_CLI },
	{ "contracts[].address", KEY_CONTRACT_1, CLIST(addresses, address_count) },
	{ "contracts[].addresses", KEY_ADDRESSES, CLIST(addresses, address_count), .min = 1, .max = 1000 },
	{ "contracts[].abi", KEY_FILE, CAT(abi_file), .max = 4096, .need = CONFIG_CLI, .nullable = true },
	{ "contracts[].events", KEY_STRINGS, CLIST(events, event_count), .min = 1, .max = 256 },
	{ "contracts[].start_block", KEY_U64, CAT(start_block), .max = SAFE_INT, .need = CONFIG_CLI },

	{ "indexer.max_reorg_depth", KEY_U32, AT(indexer.max_reorg_depth), .min = 1, .max = 100000, .def = "128" },
	{ "indexer.backfill_range", KEY_U32, AT(indexer.backfill_range), .min = 1, .max = 100000, .def = "64" },
	{ "indexer.backfill_concurrency", KEY_U32, AT(indexer.backfill_concurrency), .min = 1, .max = 64, .def = "4" },

	{ "indexer.verify_tip", KEY_BOOL, AT(indexer.verify_tip), .def = "true" },
	{ "indexer.verify_history", KEY_VERIFY, AT(indexer.verify_history), .def = "background" },
	{ "indexer.verify_rate", KEY_U32, AT(indexer.verify_rate), .max = 1000000, .def = "50" },

	{ "cloudflare.api_url", KEY_STR, AT(cloudflare.api_url), .max = 2048, .def = "https://api.cloudflare.com/client/v4" },
	{ "cloudflare.account_id", KEY_STR, AT(cloudflare.account_id), .max = 64, .need = CONFIG_BRIDGE },
	{ "cloudflare.api_token", KEY_SECRET, AT(cloudflare.api_token), .max = 1024, .need = CONFIG_BRIDGE },
	{ "cloudflare.customer_code", KEY_STR, AT(cloudflare.customer_code), .max = 64, .need = CONFIG_BRIDGE },
	{ "cloudflare.delete_recording_after_days", KEY_U32, AT(cloudflare.delete_recording_after_days), .max = 1096, .def = "0" },
	{ "cloudflare.request_timeout_ms", KEY_U32, AT(cloudflare.request_timeout_ms), .min = 100, .max = 600000, .def = "30000" },
	{ "cloudflare.list_stale_s", KEY_U32, AT(cloudflare.list_stale_s), .max = 3600, .def = "75" },
	{ "cloudflare.rate_burst", KEY_U32, AT(cloudflare.rate_burst), .min = 1, .max = 100000, .def = "60" },
	{ "cloudflare.rate_per_s", KEY_DOUBLE, AT(cloudflare.rate_per_s), .min = 0.01, .max = 100000, .def = "3.8" },
	{ "cloudflare.prefer_low_latency", KEY_BOOL, AT(cloudflare.prefer_low_latency), .def = "false" },
	{ "cloudflare.allowed_origins", KEY_STRINGS, LIST(cloudflare.allowed_origins, cloudflare.allowed_origin_count), .max = 100 },

	{ "signers", KEY_SIGNERS, LIST(signers, signer_count), .min = 1, .max = CONFIG_SIGNERS_MAX, .need = CONFIG_BRIDGE },
	{ "signers[].keystore_file", KEY_FILE, SAT(keystore_file), .max = 4096, .nullable = true },
	{ "signers[].password_file", KEY_FILE, SAT(password_file), .max = 4096, .nullable = true },
	{ "signers[].key_file", KEY_FILE, SAT(key_file), .max = 4096, .nullable = true },

	{ "bridge.poll_ms", KEY_U32, AT(bridge.poll_ms), .min = 10, .max = 600000, .def = "1000" },
	{ "bridge.batch_max", KEY_U32, AT(bridge.batch_max), .min = 1, .max = 200, .def = "20" },
	{ "bridge.batch_calldata_max", KEY_U32, AT(bridge.batch_calldata_max), .min = 1024, .max = 120000, .def = "60000" },
	{ "bridge.batch_wait_ms", KEY_U32, AT(bridge.batch_wait_ms), .max = 60000, .def = "250" },
	{ "bridge.max_fee_gwei", KEY_U64, AT(bridge.max_fee_gwei), .min = 1, .max = 1000000, .def = "200" },
	{ "bridge.bump_after_s", KEY_U32, AT(bridge.bump_after_s), .min = 1, .max = 86400, .def = "60" },
	{ "bridge.balance_min_txs", KEY_U32, AT(bridge.balance_min_txs), .max = 1000000, .def = "50" },
	{ "bridge.sweep_every_s", KEY_U32, AT(bridge.sweep_every_s), .min = 1, .max = 86400, .def = "600" },
	{ "bridge.orphan_age_s", KEY_U32, AT(bridge.orphan_age_s), .max = 864000, .def = "0" },
	{ "bridge.breaker_max", KEY_U32, AT(bridge.breaker_max), .max = 1000, .def = "20" },
	{ "bridge.lease_s", KEY_U32, AT(bridge.lease_s), .max = 3600, .def = "20" },
	{ "bridge.sweep_max", KEY_U32, AT(bridge.sweep_max), .min = 1, .max = 1000, .def = "20" },
	{ "bridge.audit_every_s", KEY_U32, AT(bridge.audit_every_s), .max = 2592000, .def = "86400" },

	{ "media.recordings_every_s", KEY_U32, AT(media.recordings_every_s), .min = 1, .max = 86400, .def = "3600" },
	{ "media.watch", KEY_BOOL, AT(media.watch), .def = "true" },
	{ "media.delivery_url", KEY_STR, AT(media.delivery_url), .max = 2048 },
	{ "media.watch_fast_ms", KEY_U32, AT(media.watch_fast_ms), .min = 100, .max = 600000, .def = "5000" },
	{ "media.watch_idle_ms", KEY_U32, AT(media.watch_idle_ms), .min = 100, .max = 3600000, .def = "120000" },
	{ "media.offline_after_ms", KEY_U32, AT(media.offline_after_ms), .max = 600000, .def = "15000" },
	{ "media.views_every_s", KEY_U32, AT(media.views_every_s), .max = 86400, .def = "60" },
	{ "policy.allow_hosts", KEY_ADDRESSES, LIST(policy.allow_hosts, policy.allow_host_count), .max = 100000 },
	{ "policy.deny_hosts", KEY_ADDRESSES, LIST(policy.deny_hosts, policy.deny_host_count), .max = 100000 },
	{ "policy.host_open_max", KEY_U32, AT(policy.host_open_max), .max = 1000000, .def = "0" },
	{ "policy.host_day_max", KEY_U32, AT(policy.host_day_max), .max = 1000000, .def = "0" },
	{ "policy.open_max", KEY_U32, AT(policy.open_max), .max = 1000000, .def = "0" },
	{ "policy.refusal_gas_per_day", KEY_U64, AT(policy.refusal_gas_per_day), .max = SAFE_INT, .def = "5000000" },

	{ "webhooks.urls", KEY_STRINGS, LIST(webhooks.urls, webhooks.url_count), .max = 16 },
	{ "webhooks.events", KEY_STRINGS, LIST(webhooks.events, webhooks.event_count), .max = 16 },
	{ "webhooks.secret", KEY_SECRET, AT(webhooks.secret), .max = 1024 },
	{ "webhooks.allow_private", KEY_BOOL, AT(webhooks.allow_private), .def = "false" },
	{ "webhooks.timeout_ms", KEY_U32, AT(webhooks.timeout_ms), .min = 100, .max = 60000, .def = "10000" },

	{ "restream.unseal_keys", KEY_STRINGS, LIST(restream.unseal_key_texts, restream.unseal_key_text_count), .max = 64 },
	{ "restream.max_outputs", KEY_U32, AT(restream.max_outputs), .max = 50, .def = "50" },

	{ "health.indexer_listen", KEY_STR, AT(health.indexer_listen), .max = 64, .def = "127.0.0.1:9464" },
	{ "health.bridge_listen", KEY_STR, AT(health.bridge_listen), .max = 64, .def = "127.0.0.1:9465" },
	{ "health.max_head_age_s", KEY_U32, AT(health.max_head_age_s), .max = 8640000, .def = "0" },

	{ "log.level", KEY_LEVEL, AT(log.level), .def = "info" },
	{ "log.format", KEY_FORMAT, AT(log.json), .def = "kv" },
};
/* clang-format on */
const size_t config_key_count = ARRAY_SIZE(config_keys);
_Static_assert(ARRAY_SIZE(config_keys) <= CONFIG_KEYS_MAX, "loader.seen");

const struct config_key *config_key_find(const char *path)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].path, path) == 0)
			return &config_keys[i];
	return NULL;
}

bool config_key_is_section(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < config_key_count; i++)
		if (strncmp(config_keys[i].path, path, n) == 0 &&
		    config_keys[i].path[n] == '.')
			return true;
	return false;
}

bool config_key_parent(const struct config_key *k, const char *prefix)
{
	const char *list = strstr(k->path, "[].");
	size_t n = strlen(prefix);

	if (!list)
		return n == 0;
	return n == (size_t)(list - k->path) + 2 &&
	       strncmp(k->path, prefix, n) == 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein distance of two short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[72], n = strlen(b);

	if (n >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

const char *config_key_near(const char *prefix, const char *name)
{
	static char best[80];
	size_t n = strlen(prefix), least = strlen(name) / 2 + 1;

	best[0] = '\0';
	for (size_t i = 0; i < config_key_count; i++) {
		const char *p = config_keys[i].path;
		char one[72];
		size_t d;

		if (n && (strncmp(p, prefix, n) != 0 || p[n] != '.'))
			continue;
		p += n ? n + 1 : 0;
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(p, ".["), p);
		d = distance(name, one);
		if (d < least) {
			least = d;
			snprintf(best, sizeof(best), "%s", one);
		}
	}
	return best[0] ? best : NULL;
}
