/*
 * One value of the file into its field, checked against its row of the table.
 * Errors never quote a secret.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "abi/hex.h"
#include "config/internal.h"
#include "core/log.h"

enum status config_fail(const struct loader *l, size_t line, const char *key,
			const char *fmt, ...)
{
	char what[300], where[32] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	/* A quoted value may hold a line end or a terminal's escape. */
	for (char *p = what; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	if (line)
		snprintf(where, sizeof(where), "%zu: ", line);
	return err_set(l->err, ST_REJECTED, "%s:%s%s: %s", l->path,
		       line ? where : " ", key, what);
}

bool config_wants(const struct loader *l, const char *key)
{
	if (l->use != CONFIG_INDEXER)
		return true;
	return strncmp(key, "cloudflare.", 11) != 0 &&
	       strncmp(key, "signers", 7) != 0 &&
	       strncmp(key, "webhooks.", 9) != 0 &&
	       strncmp(key, "restream.", 9) != 0 &&
	       strncmp(key, "bridge.", 7) != 0;
}

bool config_may_lack(const struct loader *l, const char *key)
{
	return l->use == CONFIG_CLI && (strncmp(key, "cloudflare.", 11) == 0 ||
					strncmp(key, "signers", 7) == 0 ||
					strncmp(key, "webhooks.", 9) == 0 ||
					strncmp(key, "database.", 9) == 0);
}

static enum status set_number(struct loader *l, const struct config_key *k,
			      void *field, const char *text, size_t line)
{
	bool whole = k->kind != KEY_DOUBLE;
	char *end = NULL;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || errno ||
	    strspn(text, whole ? "0123456789" : "0123456789.") != strlen(text))
		return config_fail(l, line, k->path,
				   "must be a %snumber, not \"%.40s\"",
				   whole ? "whole " : "", text);
	if (v < k->min || v > k->max)
		return config_fail(l, line, k->path,
				   "must be %.15g to %.15g, not %.40s", k->min,
				   k->max, text);
	if (k->kind == KEY_U32)
		*(uint32_t *)field = (uint32_t)v;
	else if (k->kind == KEY_U64)
		*(uint64_t *)field = (uint64_t)v;
	else
		*(double *)field = v;
	return ST_OK;
}

/* Index of @text in the NULL-terminated @words, or an error listing them. */
static enum status pick(size_t *out, struct loader *l,
			const struct config_key *k, const char *const *words,
			const char *text, size_t line)
{
	char list[80] = "";
	size_t at = 0;

	for (size_t i = 0; words[i]; i++) {
		int n;

		if (strcmp(words[i], text) == 0) {
			*out = i;
			return ST_OK;
		}
		n = snprintf(list + at, sizeof(list) - at, "%s%s",
			     i ? ", " : "", words[i]);
		at += n > 0 ? (size_t)n : 0;
	}
	return config_fail(l, line, k->path, "must be one of %s, not \"%.40s\"",
			   list, text);
}

static enum status set_confirm(struct loader *l, const struct config_key *k,
			       const char *text, size_t line)
{
	struct config *c = l->c;
	struct config_key depth = *k;
	enum status st;

	if (strcmp(text, "safe") == 0) {
		c->chain.confirm = CONFIRM_SAFE;
		return ST_OK;
	}
	if (strcmp(text, "finalized") == 0) {
		c->chain.confirm = CONFIRM_FINALIZED;
		return ST_OK;
	}
	depth.kind = KEY_U32;
	st = set_number(l, &depth, &c->chain.confirmations, text, line);
	if (st != ST_OK)
		return config_fail(l, line, k->path,
				   "must be a number of blocks (0 to 100000), "
				   "safe or finalized, not \"%.40s\"",
				   text);
	c->chain.confirm = CONFIRM_DEPTH;
	return ST_OK;
}

static enum status set_string(struct loader *l, const struct config_key *k,
			      void *field, const char *text, size_t line)
{
	char *copy;

	if (strlen(text) > (size_t)k->max)
		return config_fail(l, line, k->path,
				   "is longer than %.0f bytes", k->max);
	if (*text == '\0' && k->need)
		return config_fail(l, line, k->path, "is empty");
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return config_fail(l, line, k->path,
					   "holds a control character");
	}
	copy = k->kind == KEY_FILE ? config_path(l, text) : mem_strdup(text);
	/* Only told by those who are to read it; a command that needs it
	 * opens it. */
	if (k->kind == KEY_FILE && config_wants(l, k->path) &&
	    !config_may_lack(l, k->path) && access(copy, F_OK) != 0) {
		free(copy);
		return config_fail(l, line, k->path, "no file %.200s", text);
	}
	memcpy(field, &copy, sizeof(copy));
	return ST_OK;
}

static enum status set_address(struct loader *l, const struct config_key *k,
			       uint8_t out[20], const char *text, size_t line)
{
	if (hex_decode_fixed(out, 20, text, k->path, NULL) != ST_OK)
		return config_fail(l, line, k->path,
				   "must be an address: 0x and 40 hex digits, "
				   "not \"%.50s\"",
				   text);
	return ST_OK;
}

/* One more item at the end of the list whose pointer stands at @field. */
static enum status append(struct loader *l, const struct config_key *k,
			  void *base, const char *text, size_t line)
{
	size_t size = k->kind == KEY_STRINGS ? sizeof(char *) : 20, n;
	char *list, *count = (char *)base + k->off_n;
	enum status st = ST_OK;

	memcpy(&list, (char *)base + k->off, sizeof(list));
	memcpy(&n, count, sizeof(n));
	list = mem_resize(list, n + 1, size);
	memcpy((char *)base + k->off, &list, sizeof(list));
	if (k->kind == KEY_STRINGS) {
		char *copy = mem_strdup(text);

		memcpy(list + n * size, &copy, sizeof(copy));
	} else {
		st = set_address(l, k, (uint8_t *)list + n * size, text, line);
	}
	if (st == ST_OK) {
		n++;
		memcpy(count, &n, sizeof(n));
	}
	return st;
}

static enum status set_word(struct loader *l, const struct config_key *k,
			    void *field, const char *text, size_t line)
{
	static const char *const bools[] = { "false", "true", NULL };
	static const char *const formats[] = { "kv", "json", NULL };
	static const char *const levels[] = { "debug", "info", "odd", "broken",
					      NULL };
	static const char *const verify[] = { "off", "background", "first",
					      NULL };
	const char *const *words = k->kind == KEY_BOOL     ? bools
				   : k->kind == KEY_FORMAT ? formats
				   : k->kind == KEY_VERIFY ? verify
							   : levels;
	size_t i = 0;
	enum status st = pick(&i, l, k, words, text, line);

	if (st != ST_OK)
		return st;
	if (k->kind == KEY_LEVEL || k->kind == KEY_VERIFY)
		*(uint32_t *)field = (uint32_t)i;
	else
		*(bool *)field = i == 1;
	return ST_OK;
}

enum status config_set(struct loader *l, const struct config_key *k, void *base,
		       const char *text, size_t line)
{
	void *field = (char *)base + k->off;

	switch (k->kind) {
	case KEY_U32:
	case KEY_U64:
	case KEY_DOUBLE:
		return set_number(l, k, field, text, line);
	case KEY_BOOL:
	case KEY_LEVEL:
	case KEY_FORMAT:
	case KEY_VERIFY:
		return set_word(l, k, field, text, line);
	case KEY_STR:
	case KEY_SECRET:
	case KEY_FILE:
		return set_string(l, k, field, text, line);
	case KEY_ADDRESS:
		return set_address(l, k, field, text, line);
	case KEY_CONFIRM:
		return set_confirm(l, k, text, line);
	case KEY_STRINGS:
	case KEY_ADDRESSES:
	case KEY_CONTRACT_1:
		return append(l, k, base, text, line);
	case KEY_ENDPOINTS:
	case KEY_CONTRACTS:
	case KEY_SIGNERS:
		break;
	}
	abort();
}
