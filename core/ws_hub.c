/*
 * What all WebSockets of one loop share: the libwebsockets context as a guest
 * on our loop, and the resolver. It goes when the last connection has gone,
 * from a timer, since libwebsockets must not be destroyed inside one of its
 * own callbacks.
 */
#include <openssl/ssl.h>

#include "core/ws_int.h"

#define DESTROY_TURNS  8
#define RECEIVE_BUFFER 65536

static struct ws_hub *hubs;

static const struct lws_protocols protocols[] = {
	{ .name = WS_PROTOCOL,
	  .callback = ws_on_lws,
	  .rx_buffer_size = RECEIVE_BUFFER },
	{ 0 },
};

/* @context becomes NULL if libwebsockets frees it by itself. */
static void make_context(uv_loop_t *loop, struct lws_context **context)
{
	struct lws_context_creation_info info = { 0 };
	void *loops[1] = { loop };

	lws_set_log_level(0, NULL); /* errors come to us by callbacks */
	info.port = CONTEXT_PORT_NO_LISTEN;
	info.protocols = protocols;
	info.foreign_loops = loops;
	info.pcontext = context;
	info.options =
	    LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	info.gid = -1;
	info.uid = -1;
	info.fd_limit_per_thread = 64;
	/* One for all connections; a read is never longer than this. */
	info.pt_serv_buf_size = RECEIVE_BUFFER;
	/* Not NULL, or it takes http_proxy from the environment, which it
	 * would then use for loopback too. */
	info.http_proxy_address = "";
	*context = lws_create_context(&info);
}

struct ws_hub *ws_hub_get(uv_loop_t *loop)
{
	struct ws_hub *hub = hubs;

	while (hub && hub->loop != loop)
		hub = hub->next;
	if (hub) {
		hub->refs++;
		return hub;
	}
	hub = mem_zalloc(sizeof(*hub));
	hub->loop = loop;
	hub->refs = 1;
	make_context(loop, &hub->context);
	hub->resolver = resolver_new(loop);
	uv_timer_init(loop, &hub->release);
	uv_unref((uv_handle_t *)&hub->release);
	hub->release.data = hub;
	hub->next = hubs;
	hubs = hub;
	return hub;
}

static void on_hub_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* libwebsockets 4.1 on a foreign loop is destroyed in two calls: the first
 * closes its handles, the second frees, once libuv has told it of every close.
 * It does not say when; a close takes one turn of the loop and they follow on
 * each other at most three deep, so eight turns are enough. */
static void on_turn(uv_timer_t *timer)
{
	struct ws_hub *hub = timer->data;

	if (--hub->turns)
		return;
	if (hub->context)
		lws_context_destroy(hub->context);
	uv_close((uv_handle_t *)timer, on_hub_closed);
}

static void on_release(uv_timer_t *timer)
{
	struct ws_hub *hub = timer->data;
	struct ws_hub **p = &hubs;

	if (hub->refs)
		return; /* somebody came back meanwhile */
	while (*p != hub)
		p = &(*p)->next;
	*p = hub->next;
	resolver_free(hub->resolver);
	if (hub->context)
		lws_context_destroy(hub->context);
	hub->turns = DESTROY_TURNS;
	uv_timer_start(timer, on_turn, 1, 1);
}

void ws_hub_put(struct ws_hub *hub)
{
	if (--hub->refs)
		return;
	uv_ref((uv_handle_t *)&hub->release);
	uv_timer_start(&hub->release, on_release, 0, 0);
}

struct ws_hub *ws_keep(uv_loop_t *loop)
{
	return ws_hub_get(loop);
}

void ws_unkeep(struct ws_hub *hub)
{
	ws_hub_put(hub);
}
