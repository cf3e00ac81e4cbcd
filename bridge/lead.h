#ifndef CX_BRIDGE_LEAD_H
#define CX_BRIDGE_LEAD_H

#include "bridge/bridge.h"

/*
 * How a bridge comes to lead. Both fill @b, whose close frees what was opened,
 * also after an error.
 */

/** lead_open - the signing keys, the keys of restream targets and the chain's
 * endpoints; a keystore's scrypt takes its time. ST_REJECTED: a key cannot be
 * opened or stands there twice, or an endpoint's URL is none. */
enum status lead_open(struct bridge *b, struct err *err) MUST_CHECK;

/** lead_begin - wait for the database, a node and, while another bridge leads,
 * for its end; ST_OK: this one leads. Anything else can never hold, unless
 * @b->stopping is set. */
enum status lead_begin(struct bridge *b, struct err *err) MUST_CHECK;

#endif
