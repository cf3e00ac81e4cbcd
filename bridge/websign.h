#ifndef CX_BRIDGE_WEBSIGN_H
#define CX_BRIDGE_WEBSIGN_H

#include <stddef.h>
#include <stdint.h>

#define WEBSIGN_HEADER "Chaincast-Signature"
#define WEBSIGN_SIZE   96 /* "t=<20 digits>,v1=<64 hex digits>" fits */
#define WEBSIGN_ID     17

/** websign - the value of a webhook's signature header: "t=TIME,v1=HEX", HEX
 * being HMAC-SHA256 with @secret over TIME in decimal, ".", and the body */
void websign(char out[static WEBSIGN_SIZE], const char *secret, uint64_t time_s,
	     const char *body, size_t len);

/** websign_endpoint - a URL's name in tables and logs, which may not show it:
 * the first 16 hex digits of its SHA-256 */
void websign_endpoint(char out[static WEBSIGN_ID], const char *url);

#endif
