/*
 * Opens the restream targets that hosts seal to the bridge, and refuses those
 * that were sealed for something else. It sends and stores nothing; the error
 * of an envelope is a number, so that none can quote it.
 */
#include "bridge/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/hex.h"
#include "abi/seal.h"
#include "config/keyfile.h"
#include "core/buf.h"
#include "core/json.h"

#define KEY_ID_SIZE 2

void target_wipe(struct target *t)
{
	explicit_bzero(t, sizeof(*t));
}

void target_free(struct target *t)
{
	if (t)
		target_wipe(t);
	free(t);
}

const char *target_fault_text(enum target_fault fault)
{
	switch (fault) {
	case TARGET_GOOD:
		return "good";
	case TARGET_MALFORMED:
		return "the sealed target is malformed";
	case TARGET_NO_KEY:
		return "sealed to a key that the bridge has not";
	case TARGET_POLICY:
		return "refused by policy";
	case TARGET_PROVIDER:
		return "the provider rejected the output";
	case TARGET_FOREIGN:
		return "sealed for another room, host or chain";
	case TARGET_SCHEME:
		return "not an rtmp, rtmps or srt address";
	}
	abort();
}

/* Printable ASCII without blanks: what a URL or a key is made of. */
static bool plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

static bool same_address(const cJSON *json, const char *key,
			 const uint8_t *want20)
{
	struct address a;
	struct err ignored;

	return hex_decode_address(&a, json_str_or(json, key, ""), key,
				  &ignored) == ST_OK &&
	       memcmp(a.b, want20, 20) == 0;
}

static bool same_scope(const cJSON *json, const struct target_scope *scope)
{
	char chain[24];

	(void)snprintf(chain, sizeof(chain), "%" PRIu64, scope->chain_id);
	return strcmp(json_str_or(json, "c", ""), chain) == 0 &&
	       strcmp(json_str_or(json, "r", ""), scope->room) == 0 &&
	       same_address(json, "a", scope->contract20) &&
	       same_address(json, "h", scope->host20);
}

/* What follows "://"; NULL for a scheme that is none of the three. */
static const char *after_scheme(const char *url)
{
	static const char *const schemes[] = { "rtmp://", "rtmps://",
					       "srt://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

/* The host alone: user, path and query may be secrets, too. */
static bool read_host(char out[static TARGET_HOST_MAX + 1], const char *at)
{
	size_t end = strcspn(at, "/?#"), n;
	const char *user = (const char *)memrchr(at, '@', end);

	if (user) {
		end -= (size_t)(user + 1 - at);
		at = user + 1;
	}
	if (*at == '[') {
		n = strspn(at + 1, "0123456789abcdefABCDEF:.") + 2;
		if (n > end || n == 2 || at[n - 1] != ']')
			return false;
	} else {
		n = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
			       "VWXYZ0123456789.-_");
	}
	if (n == 0 || n > end || n > TARGET_HOST_MAX)
		return false;
	if (n < end &&
	    (at[n] != ':' || strspn(at + n + 1, "0123456789") != end - n - 1))
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	return true;
}

static bool copy(char *out, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size || !plain(s))
		return false;
	memcpy(out, s, n + 1);
	return true;
}

static enum target_fault read_target(struct target *out, const cJSON *json)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, "v");
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(json, "key");
	const char *url = json_str_or(json, "url", "");
	const char *rest = after_scheme(url);

	if (!cJSON_IsNumber(v) || v->valuedouble != 1 || !*url ||
	    !cJSON_IsString(key))
		return TARGET_MALFORMED;
	if (!rest)
		return TARGET_SCHEME;
	/* SRT may carry everything in its URL. */
	if (!*key->valuestring && strncasecmp(url, "srt:", 4) != 0)
		return TARGET_MALFORMED;
	if (!copy(out->url, sizeof(out->url), url) ||
	    !copy(out->key, sizeof(out->key), key->valuestring) ||
	    !read_host(out->host, rest))
		return TARGET_MALFORMED;
	return TARGET_GOOD;
}

enum target_fault target_parse(struct target *out, const char *text, size_t len,
			       const struct target_scope *scope)
{
	AUTO_SECRET_JSON cJSON *json = NULL;
	struct target t = { 0 };
	enum target_fault fault;
	struct err ignored;

	if (json_parse(&json, text, len, "target", &ignored) != ST_OK ||
	    !cJSON_IsObject(json))
		return TARGET_MALFORMED;
	if (!same_scope(json, scope))
		return TARGET_FOREIGN;
	fault = read_target(&t, json);
	if (fault == TARGET_GOOD)
		*out = t;
	target_wipe(&t);
	return fault;
}

struct unseal {
	size_t count;
	uint16_t *ids;
	uint8_t (*keys)[32]; /* pages of their own */
	size_t size;
};

static enum status take_keys(struct unseal *u, const struct config *cfg,
			     struct err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t n = cfg->restream.unseal_key_count;
	enum status st = ST_OK;
	void *p;

	u->size = (n * 32 + page - 1) / page * page;
	p = mmap(NULL, u->size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return err_set(err, ST_FATAL, "no memory for unsealing keys");
	/* Best effort: containers often allow neither. */
	(void)!mlock(p, u->size);
	(void)!madvise(p, u->size, MADV_DONTDUMP);
	u->keys = (uint8_t(*)[32])p;
	u->ids = (uint16_t *)mem_array(n, sizeof(*u->ids));
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		u->ids[i] = cfg->restream.unseal_keys[i].id;
		st = keyfile_read_raw(u->keys[i],
				      cfg->restream.unseal_keys[i].file, err);
		u->count += st == ST_OK;
	}
	return st;
}

enum status unseal_open(struct unseal **out, const struct config *cfg,
			struct err *err)
{
	AUTO(unseal) struct unseal *u = mem_zalloc(sizeof(*u));
	enum status st = ST_OK;

	if (cfg->restream.unseal_key_count)
		st = take_keys(u, cfg, err);
	if (st != ST_OK)
		return st;
	*out = STEAL(u);
	return ST_OK;
}

void unseal_close(struct unseal *u)
{
	if (!u)
		return;
	if (u->keys) {
		explicit_bzero(u->keys, u->size);
		munmap(u->keys, u->size);
	}
	free(u->ids);
	free(u);
}

static size_t find_key(const struct unseal *u, uint16_t id)
{
	size_t i = 0;

	while (i < u->count && u->ids[i] != id)
		i++;
	return i;
}

enum unseal_match unseal_match(const struct unseal *u, uint16_t id,
			       const uint8_t *key, size_t len)
{
	size_t i = find_key(u, id);

	if (id == 0)
		return UNSEAL_UNSET;
	if (i == u->count)
		return UNSEAL_UNKNOWN;
	return seal_key_matches(key, len, u->keys[i]) ? UNSEAL_HAVE
						      : UNSEAL_DIFFERS;
}

enum target_fault unseal_target(struct target *out, const struct unseal *u,
				const uint8_t *sealed, size_t len,
				const struct target_scope *scope)
{
	AUTO_SECRET_BUF text = BUF_NULL;
	struct err ignored;
	size_t i;
	uint16_t id;

	if (len <= KEY_ID_SIZE)
		return TARGET_MALFORMED;
	id = (uint16_t)(sealed[0] << 8 | sealed[1]);
	i = find_key(u, id);
	if (i == u->count)
		return TARGET_NO_KEY;
	buf_init(&text, SEAL_PLAIN_MAX);
	if (seal_open(&text, u->keys[i], sealed + KEY_ID_SIZE,
		      len - KEY_ID_SIZE, &ignored) != ST_OK)
		return TARGET_MALFORMED;
	return target_parse(out, (const char *)text.data, text.len, scope);
}
