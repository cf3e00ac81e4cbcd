/*
 * The credentials of one live input: their hash for the contract and their
 * plaintext for the envelope. Never logs, stores or sends them.
 */
#include "bridge/credentials.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "core/json.h"

#define PLAINTEXT_BLOCK 64

void credentials_wipe(struct credentials *c)
{
	explicit_bzero(c, sizeof(*c));
}

static enum status need(const char *value, const char *name, struct err *err)
{
	if (*value == '\0')
		return err_set(err, ST_REJECTED,
			       "credentials: the provider gave no %s", name);
	return ST_OK;
}

static enum status only_rtmps(struct credentials *c, struct err *err)
{
	enum status st = need(c->rtmps_url, "rtmps.url", err);

	if (st == ST_OK)
		st = need(c->rtmps_key, "rtmps.streamKey", err);
	explicit_bzero(c->srt_url, sizeof(c->srt_url));
	explicit_bzero(c->srt_id, sizeof(c->srt_id));
	explicit_bzero(c->srt_pass, sizeof(c->srt_pass));
	explicit_bzero(c->whip, sizeof(c->whip));
	return st;
}

static enum status only_srt(struct credentials *c, struct err *err)
{
	enum status st = need(c->srt_url, "srt.url", err);

	if (st == ST_OK)
		st = need(c->srt_id, "srt.streamId", err);
	if (st == ST_OK)
		st = need(c->srt_pass, "srt.passphrase", err);
	explicit_bzero(c->rtmps_url, sizeof(c->rtmps_url));
	explicit_bzero(c->rtmps_key, sizeof(c->rtmps_key));
	explicit_bzero(c->whip, sizeof(c->whip));
	return st;
}

static enum status only_whip(struct credentials *c, struct err *err)
{
	enum status st = need(c->whip, "webRTC.url", err);

	explicit_bzero(c, offsetof(struct credentials, whip));
	return st;
}

enum status credentials_only(struct credentials *c, enum ingest ingest,
			     struct err *err)
{
	switch (ingest) {
	case INGEST_RTMPS:
		return only_rtmps(c, err);
	case INGEST_SRT:
		return only_srt(c, err);
	case INGEST_WEBRTC:
		return only_whip(c, err);
	}
	abort();
}

void credentials_hash(uint8_t out[static CREDENTIAL_HASH_SIZE],
		      const struct credentials *c)
{
	const char *const members[] = { c->rtmps_url, c->rtmps_key, c->srt_url,
					c->srt_id,    c->srt_pass,  c->whip };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t i;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		abort();
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!EVP_DigestUpdate(ctx, members[i], strlen(members[i]) + 1))
			abort();
	if (!EVP_DigestFinal_ex(ctx, digest, NULL))
		abort();
	EVP_MD_CTX_free(ctx);
	memcpy(out, digest, CREDENTIAL_HASH_SIZE);
	explicit_bzero(digest, sizeof(digest));
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	buf_add_str(out, name);
	json_add_str(out, value);
}

void credentials_plaintext(struct buf *out, const struct credentials *c,
			   const struct credential_scope *scope)
{
	char contract[HEX_ADDRESS_SIZE];

	hex_encode(contract, scope->contract20, 20);
	buf_printf(out,
		   "{\"v\":1,\"c\":\"%" PRIu64 "\",\"a\":\"%s\",\"r\":\"%s\","
		   "\"e\":%" PRIu64,
		   scope->chain_id, contract, scope->room, scope->epoch);
	if (*c->rtmps_url) {
		add_member(out, ",\"rtmps\":{\"url\":", c->rtmps_url);
		add_member(out, ",\"key\":", c->rtmps_key);
		buf_add_byte(out, '}');
	}
	if (*c->srt_url) {
		add_member(out, ",\"srt\":{\"url\":", c->srt_url);
		add_member(out, ",\"id\":", c->srt_id);
		add_member(out, ",\"pass\":", c->srt_pass);
		buf_add_byte(out, '}');
	}
	if (*c->whip)
		add_member(out, ",\"whip\":", c->whip);
	buf_add_byte(out, '}');
	while (!out->overflow && out->len % PLAINTEXT_BLOCK)
		buf_add_byte(out, ' ');
}
