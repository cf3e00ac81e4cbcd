#ifndef CX_CONFIG_INTERNAL_H
#define CX_CONFIG_INTERNAL_H

#include <yaml.h>

#include "config/config.h"
#include "core/buf.h"

/* Shared by the files of config/ only. */

enum key_kind {
	KEY_U32 = 1,
	KEY_U64,
	KEY_DOUBLE,
	KEY_BOOL,
	KEY_STR,
	KEY_SECRET,  /* also read from a file by KEY_file */
	KEY_FILE,    /* a path, relative to the config's folder */
	KEY_ADDRESS, /* 20 bytes as 0x… */
	KEY_CONFIRM,
	KEY_LEVEL,
	KEY_VERIFY,
	KEY_FORMAT,
	KEY_STRINGS,    /* list of strings */
	KEY_ADDRESSES,  /* list of addresses */
	KEY_CONTRACT_1, /* one address of a contract */
	KEY_ENDPOINTS,  /* list of mappings */
	KEY_CONTRACTS,
	KEY_SIGNERS,
};

/* What a file may say: one row a key, in keys.c. */
struct config_key {
	const char *path; /* "chain.chain_id", "contracts[].name" */
	enum key_kind kind;
	size_t off;      /* into struct config, or into the list's item */
	size_t off_n;    /* of a list's length */
	double min, max; /* numbers; string length for strings */
	const char *def; /* NULL: none */
	unsigned need;   /* uses (CONFIG_*) that require it */
	bool nullable;   /* absent stays NULL; other strings become "" */
};

#define CONFIG_KEYS_MAX 128
extern const struct config_key config_keys[];
extern const size_t config_key_count;

/** config_key_find - row of @path, or NULL */
const struct config_key *config_key_find(const char *path);
/** config_key_is_section - whether keys lie below @path */
bool config_key_is_section(const char *path);
/** config_key_near - the known name beside @name below @prefix that it most
 * likely means, or NULL; valid until the next call */
const char *config_key_near(const char *prefix, const char *name);
/** config_key_parent - whether @k belongs to the item list or root @prefix
 * ("", "chain.endpoints[]" …) */
bool config_key_parent(const struct config_key *k, const char *prefix);

struct loader {
	const char *path;
	char *dir; /* the config's folder, with a slash at the end, or "" */
	enum config_use use;
	struct config *c;
	yaml_document_t doc;
	bool seen[CONFIG_KEYS_MAX];
	/* a secret's file as text; malloc'd */
	enum status (*secret)(char **out, const char *path, struct err *err);
	struct err *err;
};

/** config_parse - config_load() of text that is there already; @secret reads
 * the files that KEY_file keys name */
enum status config_parse(struct config **out, const char *path,
			 const struct buf *text, enum config_use use,
			 enum status (*secret)(char **out, const char *path,
					       struct err *err),
			 struct err *err) MUST_CHECK;

/** config_fail - "FILE:LINE: KEY: …" as ST_REJECTED; line 0: none */
enum status config_fail(const struct loader *l, size_t line, const char *key,
			const char *fmt, ...) PRINTF(4, 5);
/** config_set - parse @text for @k and store it below @base */
enum status config_set(struct loader *l, const struct config_key *k, void *base,
		       const char *text, size_t line);
/** config_wants - whether this use reads @key; the indexer must not touch
 * what belongs to the bridge alone */
bool config_wants(const struct loader *l, const char *key);
/** config_may_lack - whether this use goes on without @key when its variable
 * is unset or its file cannot be read */
bool config_may_lack(const struct loader *l, const char *key);
/** config_walk - the whole document into l->c */
enum status config_walk(struct loader *l);
/** config_finish - rules between keys, and contracts[0] */
enum status config_finish(struct loader *l);

/** config_expand - ${NAME} replaced from the environment; *out is malloc'd */
enum status config_expand(char **out, const struct loader *l, const char *key,
			  const char *text, size_t line);
/** config_secret_file - a secret's file as text, line end removed; malloc'd */
enum status config_secret_file(char **out, const char *path, struct err *err);
/** config_path - @text relative to the config's folder; malloc'd */
char *config_path(const struct loader *l, const char *text);
/** config_wipe - overwrite and free a string that held a secret */
void config_wipe(char *s);

#endif
