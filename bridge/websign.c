/*
 * The signature of webhooks, by which a receiver knows that a request is ours
 * and fresh. Pure.
 */
#include "bridge/websign.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hex.h"
#include "core/buf.h"

void websign(char out[static WEBSIGN_SIZE], const char *secret, uint64_t time_s,
	     const char *body, size_t len)
{
	AUTO_BUF text = BUF_NULL;
	uint8_t mac[32];
	char hex[65];
	unsigned n = sizeof(mac);

	buf_init(&text, len + 32);
	buf_printf(&text, "%" PRIu64 ".", time_s);
	buf_add(&text, body, len);
	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), text.data,
		  text.len, mac, &n))
		abort();
	hex_encode_bare(hex, mac, sizeof(mac));
	(void)snprintf(out, WEBSIGN_SIZE, "t=%" PRIu64 ",v1=%s", time_s, hex);
}

void websign_endpoint(char out[static WEBSIGN_ID], const char *url)
{
	uint8_t sum[32];
	unsigned n = sizeof(sum);

	if (!EVP_Digest(url, strlen(url), sum, &n, EVP_sha256(), NULL))
		abort();
	hex_encode_bare(out, sum, (WEBSIGN_ID - 1) / 2);
}
