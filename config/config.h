#ifndef CX_CONFIG_CONFIG_H
#define CX_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/mem.h"

/*
 * One YAML file for both daemons and the command, read into one checked
 * struct. config/examples/ explains every key. Strings are never NULL unless
 * said; secrets (marked S) are wiped by config_free() and never logged.
 */

#define CONFIG_SIGNERS_MAX 16

/* How blocks of the past are verified. */
enum config_verify {
	CONFIG_VERIFY_OFF = 0,
	CONFIG_VERIFY_BACKGROUND, /* after they were fetched quickly */
	CONFIG_VERIFY_FIRST,      /* as they are fetched */
};

enum config_confirm { CONFIRM_DEPTH = 0, CONFIRM_SAFE, CONFIRM_FINALIZED };

struct config_endpoint {
	char *url;         /* S: ws://, wss://, http:// or https:// */
	uint32_t priority; /* lower is preferred */
};

/* One contract whose events are indexed. */
struct config_contract {
	char *name; /* [a-z][a-z0-9_]*: prefix of its tables */
	uint8_t (*addresses)[20];
	size_t address_count;
	char *abi_file; /* NULL: the shipped RoomRegistry ABI */
	char **events;  /* NULL: all */
	size_t event_count;
	uint64_t start_block; /* deployment block */
};

/* One signing key of the bridge: a keystore or a raw key. */
struct config_signer {
	char *keystore_file; /* NULL: raw key file instead */
	char *password_file; /* for keystore_file */
	char *key_file;      /* raw hex key, mode 0600; NULL: keystore */
};

/* A key to which hosts seal restream targets: "ID:FILE" in the file. */
struct config_unseal_key {
	uint16_t id; /* as in setBridgeKey */
	char *file;  /* a raw key, mode 0600; never read by the loader */
};

/* A value that CONFIG_CLI could not read, and why. */
struct config_unread {
	const char *key;
	char *why; /* one line; quotes no secret */
};

struct config {
	char *path; /* of the file, for messages */
	struct config_unread *unread;
	size_t unread_count;

	struct {
		uint64_t chain_id;
		struct config_endpoint *endpoints; /* by priority */
		size_t endpoint_count;
		uint32_t request_timeout_ms;
		uint32_t block_time_ms;
		enum config_confirm confirm;
		uint32_t confirmations; /* for CONFIRM_DEPTH */
	} chain;

	struct {
		char *url; /* S */
		uint32_t statement_timeout_ms;
		uint32_t connect_timeout_s;
	} database;

	/* The room contract; also contracts[0], named "registry". */
	struct {
		uint8_t address[20];
		uint64_t start_block;
	} registry;

	struct config_contract *contracts;
	size_t contract_count;

	struct {
		uint32_t max_reorg_depth;
		uint32_t backfill_range;       /* blocks of the first getLogs */
		uint32_t backfill_concurrency; /* requests in flight */
		bool verify_tip;
		uint32_t verify_history; /* enum config_verify */
		uint32_t verify_rate;    /* blocks a second; 0: no limit */
	} indexer;

	struct {
		char *api_url; /* https://api.cloudflare.com/client/v4 */
		char *account_id;
		char *api_token; /* S */
		char *customer_code;
		uint32_t delete_recording_after_days; /* 0: never */
		uint32_t request_timeout_ms;
		uint32_t list_stale_s; /* a list may be older by this */
		uint32_t rate_burst;
		double rate_per_s;
		bool prefer_low_latency;
		char **allowed_origins;
		size_t allowed_origin_count;
	} cloudflare;

	struct config_signer *signers; /* each has a lane of its own */
	size_t signer_count;

	struct {
		uint32_t poll_ms;
		uint32_t batch_max;          /* rooms in one transaction */
		uint32_t batch_calldata_max; /* bytes */
		uint32_t batch_wait_ms;      /* window under load */
		uint64_t max_fee_gwei;       /* cap of maxFeePerGas */
		uint32_t bump_after_s;       /* unmined this long: raise fees */
		uint32_t balance_min_txs;    /* told when it pays for fewer */
		uint32_t sweep_every_s;
		uint32_t orphan_age_s; /* a younger orphan stays; never 0 */
		uint32_t breaker_max;  /* unexplained things a minute */
		uint32_t lease_s;   /* how often it is renewed; 0: no lease */
		uint32_t sweep_max; /* orphans deleted in one sweep */
		uint32_t audit_every_s; /* each open room is read; 0: never */
	} bridge;

	struct {
		uint32_t recordings_every_s; /* of an idle room */
		bool watch;                  /* whether rooms are on air */
		char *delivery_url;          /* "": the origin on chain */
		uint32_t watch_fast_ms, watch_idle_ms;
		uint32_t offline_after_ms; /* a drop that ends a broadcast */
		uint32_t views_every_s;    /* 0: viewers are not counted */
	} media;

	/* Which rooms the operator pays for; 0: no limit. */
	struct {
		uint8_t (*allow_hosts)[20]; /* none: everyone */
		size_t allow_host_count;
		uint8_t (*deny_hosts)[20];
		size_t deny_host_count;
		uint32_t host_open_max;
		uint32_t host_day_max;
		uint32_t open_max;
		uint64_t refusal_gas_per_day;
	} policy;

	/* Who is told of what happens; none by default. */
	struct {
		char **urls; /* S: may hold keys */
		size_t url_count;
		char **events; /* none: all */
		size_t event_count;
		char *secret;       /* S: of the signature */
		bool allow_private; /* addresses, and http:// */
		uint32_t timeout_ms;
	} webhooks;

	struct {
		char **unseal_key_texts; /* as written; see unseal_keys */
		size_t unseal_key_text_count;
		struct config_unseal_key *unseal_keys; /* ids differ */
		size_t unseal_key_count;
		uint32_t max_outputs; /* of one room; 0: none are made */
	} restream;

	/* Loopback addresses with a port, or "off" (core/httpd.h). */
	struct {
		char *indexer_listen;
		char *bridge_listen;
		uint32_t max_head_age_s; /* never 0 once loaded */
	} health;

	struct {
		uint32_t level; /* enum log_level */
		bool json;
	} log;
};

/* Which sections must be complete; the indexer needs no Cloudflare token. */
enum config_use { CONFIG_INDEXER = 1, CONFIG_BRIDGE = 2, CONFIG_CLI = 3 };

/**
 * config_load - read and check @path
 * @out: set only on ST_OK; release with config_free()
 * @use: CONFIG_INDEXER ignores cloudflare and signers; CONFIG_CLI reads what
 *	is there and leaves absent sections zero. A command needs no secret of
 *	the bridge: what it cannot read of cloudflare, signers and database is
 *	left absent and told by config_unread().
 *
 * Return: ST_OK, or ST_REJECTED: "FILE:LINE: KEY: what is wrong; did you mean
 * X?" for an unknown key, a wrong type or range, an unset ${ENV}, a secret
 * file that is missing or readable by others. File paths in the config are
 * relative to the config file's folder. Secrets never appear in @err.
 */
enum status config_load(struct config **out, const char *path,
			enum config_use use, struct err *err) MUST_CHECK;
void config_free(struct config *c);

/**
 * config_unread - why a value that stands in the file is absent
 * @prefix: a key, or how keys begin: "signers"
 *
 * Return: the first reason, owned by @c; NULL if all of it could be read.
 */
const char *config_unread(const struct config *c, const char *prefix);

/** config_confirm_name - chain.confirm as bridge.ready() takes it, and a node
 * as a block tag: "depth" (which is none), "safe" or "finalized" */
const char *config_confirm_name(const struct config *c);
DEFINE_AUTO(config, config_free)

#endif
