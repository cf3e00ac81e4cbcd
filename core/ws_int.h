#ifndef CX_CORE_WS_INT_H
#define CX_CORE_WS_INT_H

#include <libwebsockets.h>

#include "core/resolve.h"
#include "core/ws.h"

/* Shared by ws.c (one connection) and ws_hub.c (what a loop's share). */

struct ws_hub {
	uv_loop_t *loop;
	struct lws_context *context; /* NULL: could not be made */
	struct resolver *resolver;
	uv_timer_t release; /* destroys outside of lws's own callbacks */
	size_t refs;
	unsigned int turns; /* left until the context can be freed */
	struct ws_hub *next;
};

/** ws_hub_get - the loop's hub, made when it has none; ws_hub_put() it */
struct ws_hub *ws_hub_get(uv_loop_t *loop);
void ws_hub_put(struct ws_hub *hub);
/** ws_on_lws - the one protocol's callback, in ws.c */
int ws_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user,
	      void *in, size_t len);

#define WS_PROTOCOL "chaincast"

#endif
