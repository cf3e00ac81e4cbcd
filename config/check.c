/*
 * What no single key can know: rules between keys, and what an absent one is by
 * the others. It reads no file.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/internal.h"
#include "core/httpd.h"
#include "core/url.h"

#define HEAD_AGE_BLOCKS 10
#define HEAD_AGE_MIN_S  60

static enum status check_endpoints(struct loader *l)
{
	struct config *c = l->c;
	struct err why = { 0 };
	struct url u;

	for (size_t i = 0; i < c->chain.endpoint_count; i++) {
		struct config_endpoint e = c->chain.endpoints[i];
		size_t j = i;

		if (url_parse(&u, e.url, &why) != ST_OK)
			return config_fail(l, 0, "chain.endpoints[].url",
					   "entry %zu: %s", i + 1, why.msg);
		url_wipe(&u);
		for (; j && c->chain.endpoints[j - 1].priority > e.priority;
		     j--)
			c->chain.endpoints[j] = c->chain.endpoints[j - 1];
		c->chain.endpoints[j] = e;
	}
	return ST_OK;
}

static bool word(const char *s, const char *extra)
{
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr(extra, *s))
			return false;
	}
	return true;
}

static enum status check_cloudflare(struct loader *l)
{
	struct config *c = l->c;
	struct err why = { 0 };
	struct url u;
	bool plain;

	if (url_parse(&u, c->cloudflare.api_url, &why) != ST_OK)
		return config_fail(l, 0, "cloudflare.api_url", "%s", why.msg);
	plain = u.ws || (!u.tls && !url_is_loopback(&u));
	url_wipe(&u);
	if (plain)
		return config_fail(l, 0, "cloudflare.api_url",
				   "must be https:// (the token would cross "
				   "the network in the clear)");
	if (!word(c->cloudflare.account_id, "-_"))
		return config_fail(l, 0, "cloudflare.account_id",
				   "must be letters and digits");
	if (!word(c->cloudflare.customer_code, "-"))
		return config_fail(l, 0, "cloudflare.customer_code",
				   "must be the CODE of "
				   "customer-CODE.cloudflarestream.com");
	if (c->cloudflare.delete_recording_after_days &&
	    c->cloudflare.delete_recording_after_days < 30)
		return config_fail(l, 0,
				   "cloudflare.delete_recording_after_days",
				   "must be 0 (never) or 30 to 1096");
	return ST_OK;
}

static enum status check_webhook_events(struct loader *l)
{
	static const char *const known[] = {
		"live",       "offline",     "room.ready",
		"room.ended", "room.failed", "recording.ready",
	};
	const struct config *c = l->c;

	for (size_t i = 0; i < c->webhooks.event_count; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(known) &&
		       strcmp(known[k], c->webhooks.events[i]) != 0)
			k++;
		if (k == ARRAY_SIZE(known))
			return config_fail(l, 0, "webhooks.events",
					   "entry %zu is none of live, "
					   "offline, room.ready, room.ended, "
					   "room.failed, recording.ready",
					   i + 1);
	}
	return ST_OK;
}

static enum status check_webhooks(struct loader *l)
{
	const struct config *c = l->c;
	struct err why = { 0 };
	struct url u;

	for (size_t i = 0; i < c->webhooks.url_count; i++) {
		bool ws, tls;

		if (url_parse(&u, c->webhooks.urls[i], &why) != ST_OK)
			return config_fail(l, 0, "webhooks.urls",
					   "entry %zu: %s", i + 1, why.msg);
		ws = u.ws;
		tls = u.tls;
		url_wipe(&u);
		if (ws || (!tls && !c->webhooks.allow_private))
			return config_fail(l, 0, "webhooks.urls",
					   "entry %zu must be https://", i + 1);
	}
	if (c->webhooks.url_count && strlen(c->webhooks.secret) < 16)
		return config_fail(l, 0, "webhooks.secret",
				   "must have 16 characters at least");
	return check_webhook_events(l);
}

static enum status check_signer(struct loader *l, size_t i)
{
	const struct config *c = l->c;
	const struct config_signer *s = &c->signers[i];
	bool keystore = s->keystore_file, raw = s->key_file;

	if (keystore && raw)
		return config_fail(l, 0, "signers",
				   "entry %zu: give keystore_file or "
				   "key_file, not both",
				   i + 1);
	if (keystore && !s->password_file &&
	    !config_unread(c, "signers[].password_file"))
		return config_fail(l, 0, "signers[].password_file",
				   "entry %zu: is missing: keystore_file "
				   "needs it",
				   i + 1);
	if (!keystore && !raw && !config_unread(c, "signers"))
		return config_fail(l, 0, "signers",
				   "entry %zu: keystore_file (with "
				   "password_file) or key_file is missing",
				   i + 1);
	return ST_OK;
}

static enum status check_signers(struct loader *l)
{
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < l->c->signer_count; i++)
		st = check_signer(l, i);
	return st;
}

/* "ID:FILE" */
static enum status read_unseal_key(struct loader *l, const char *text)
{
	struct config *c = l->c;
	size_t n = c->restream.unseal_key_count;
	size_t digits = strspn(text, "0123456789");
	unsigned long id = strtoul(text, NULL, 10);

	if (digits == 0 || digits > 5 || id == 0 || id > UINT16_MAX ||
	    text[digits] != ':' || text[digits + 1] == '\0')
		return config_fail(l, 0, "restream.unseal_keys",
				   "must be ID:FILE, the id from 1 to 65535 "
				   "as in setBridgeKey");
	for (size_t i = 0; i < n; i++)
		if (c->restream.unseal_keys[i].id == id)
			return config_fail(l, 0, "restream.unseal_keys",
					   "id %lu stands twice", id);
	c->restream.unseal_keys[n] = (struct config_unseal_key){
		.id = (uint16_t)id,
		.file = config_path(l, text + digits + 1),
	};
	c->restream.unseal_key_count++;
	return ST_OK;
}

static enum status check_restream(struct loader *l)
{
	struct config *c = l->c;
	enum status st = ST_OK;

	c->restream.unseal_keys = (struct config_unseal_key *)mem_array(
	    c->restream.unseal_key_text_count,
	    sizeof(*c->restream.unseal_keys));
	for (size_t i = 0; st == ST_OK && i < c->restream.unseal_key_text_count;
	     i++)
		st = read_unseal_key(l, c->restream.unseal_key_texts[i]);
	return st;
}

static enum status check_listen(struct loader *l, const char *key,
				const char *listen)
{
	struct sockaddr_storage ss;
	struct err why = { 0 };

	if (strcmp(listen, "off") == 0 ||
	    httpd_address(&ss, listen, &why) == ST_OK)
		return ST_OK;
	return config_fail(l, 0, key, "%s; or \"off\"", why.msg);
}

/* Long enough that blocks which are merely late do not count. */
static uint32_t usual_head_age_s(const struct config *c)
{
	uint32_t s = c->chain.block_time_ms / 1000 * HEAD_AGE_BLOCKS;

	return s < HEAD_AGE_MIN_S ? HEAD_AGE_MIN_S : s;
}

/* A finalized block of Ethereum is two epochs old, and some. */
static uint32_t usual_orphan_age_s(const struct config *c)
{
	uint64_t s = c->chain.confirm == CONFIRM_DEPTH
			 ? (uint64_t)c->chain.confirmations *
			       c->chain.block_time_ms / 1000
			 : 20 * 60;

	return (uint32_t)(s < 864000 ? s : 864000) + 3600;
}

static enum status check_health(struct loader *l)
{
	struct config *c = l->c;
	enum status st =
	    check_listen(l, "health.indexer_listen", c->health.indexer_listen);

	if (st == ST_OK)
		st = check_listen(l, "health.bridge_listen",
				  c->health.bridge_listen);
	if (!c->health.max_head_age_s)
		c->health.max_head_age_s = usual_head_age_s(c);
	return st;
}

static enum status check_contract(struct loader *l, size_t i)
{
	struct config_contract *c = &l->c->contracts[i];
	const char *n = c->name;

	if (!islower((unsigned char)*n) ||
	    strspn(n, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(n))
		return config_fail(l, 0, "contracts[].name",
				   "\"%s\" must be lower-case letters, digits "
				   "and _, a letter first",
				   n);
	for (size_t j = 0; j < i; j++) {
		if (strcmp(l->c->contracts[j].name, n) == 0)
			return config_fail(l, 0, "contracts[].name",
					   "\"%s\" %s", n,
					   j ? "stands twice"
					     : "is the room contract's, "
					       "which is always indexed");
	}
	if (!c->address_count)
		return config_fail(l, 0, "contracts[].address",
				   "is missing for \"%s\"", n);
	return ST_OK;
}

static enum status check_contracts(struct loader *l)
{
	struct config *c = l->c;
	struct config_contract *list =
	    mem_array(c->contract_count + 1, sizeof(*list));

	list[0] = (struct config_contract){
		.name = mem_strdup("registry"),
		.addresses = mem_dup(c->registry.address, 20),
		.address_count = 1,
		.start_block = c->registry.start_block,
	};
	if (c->contract_count)
		memcpy(list + 1, c->contracts,
		       c->contract_count * sizeof(*list));
	free(c->contracts);
	c->contracts = list;
	c->contract_count++;
	for (size_t i = 1; i < c->contract_count; i++) {
		enum status st = check_contract(l, i);

		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Only absent keys of a use that does not need them are still NULL. */
static void fill_strings(struct config *c)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *k = &config_keys[i];
		char *s;

		if ((k->kind != KEY_STR && k->kind != KEY_SECRET) ||
		    !config_key_parent(k, ""))
			continue;
		memcpy(&s, (char *)c + k->off, sizeof(s));
		if (s)
			continue;
		s = mem_strdup("");
		memcpy((char *)c + k->off, &s, sizeof(s));
	}
}

enum status config_finish(struct loader *l)
{
	enum status st;

	fill_strings(l->c);
	if (!l->c->bridge.orphan_age_s)
		l->c->bridge.orphan_age_s = usual_orphan_age_s(l->c);
	st = check_contracts(l);
	if (st == ST_OK)
		st = check_endpoints(l);
	if (st == ST_OK)
		st = check_health(l);
	if (st == ST_OK && l->use != CONFIG_INDEXER)
		st = check_cloudflare(l);
	if (st == ST_OK && l->use != CONFIG_INDEXER)
		st = check_signers(l);
	if (st == ST_OK && l->use == CONFIG_BRIDGE)
		st = check_webhooks(l);
	if (st == ST_OK && l->use != CONFIG_INDEXER)
		st = check_restream(l);
	return st;
}
