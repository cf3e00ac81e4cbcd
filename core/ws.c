/*
 * One WebSocket connection: the name is looked up on libuv's pool, then
 * libwebsockets connects to the numeric address with the name as Host and SNI
 * (left to itself it would look the name up on the loop's thread). Messages
 * are put together within a bound; silence is answered by a ping, then by
 * giving up. It never reconnects and never looks into a message.
 */
#include "core/ws.h"

#include <openssl/ssl.h>
#include <stdio.h>

#include "core/ws_int.h"

#define SEND_MAX ((size_t)64 * 1024 * 1024)
#define KEEP_MAX ((size_t)16 * 1024) /* memory kept between messages */

enum ws_phase { WS_RESOLVING, WS_CONNECTING, WS_OPEN, WS_CLOSED };

struct ws {
	struct ws_hub *hub;
	struct ws_opts opts;
	struct url url;
	enum ws_phase phase;
	bool freed;
	bool want_ping;
	bool last_look; /* sockets are read once more before the verdict */
	struct resolve_wait *wait;
	struct lws *wsi;
	uv_timer_t timer; /* connect deadline, then silence */
	uint64_t heard_ms;
	struct buf in, out;
	bool too_long; /* the message that comes is being dropped */
	bool told;     /* and on_too_long() was called */
	size_t front_len;
	char front[WS_FRONT];
	struct err err;
};

static void on_ws_closed(uv_handle_t *handle)
{
	struct ws *ws = handle->data;

	buf_deinit(&ws->in);
	buf_deinit(&ws->out);
	url_wipe(&ws->url);
	free(ws);
}

/* Lets go of the connection; lws closes it on its own from here. */
static void detach(struct ws *ws)
{
	struct lws *wsi = ws->wsi;

	uv_timer_stop(&ws->timer);
	if (ws->wait)
		resolver_cancel(ws->wait);
	ws->wait = NULL;
	ws->wsi = NULL;
	ws->phase = WS_CLOSED;
	if (!wsi)
		return;
	lws_set_opaque_user_data(wsi, NULL);
	lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT,
			LWS_TO_KILL_ASYNC);
	/* The deadline above is seen only when lws next runs: now. */
	lws_cancel_service(ws->hub->context);
}

/* @ws->err says why */
static void down(struct ws *ws)
{
	if (ws->phase == WS_CLOSED)
		return;
	/* The host may have moved: the next connection asks anew. */
	resolver_forget(ws->hub->resolver, ws->url.host);
	detach(ws);
	ws->opts.on_close(ws->opts.arg, &ws->err);
}

static void on_silence(uv_timer_t *timer)
{
	struct ws *ws = timer->data;
	uint64_t silent = uv_now(ws->hub->loop) - ws->heard_ms;

	if (silent >= 2 * (uint64_t)ws->opts.idle_ms && !ws->last_look) {
		/* Perhaps it was us: after a long turn of the loop timers run
		 * before sockets are read. */
		ws->last_look = true;
		uv_timer_start(timer, on_silence, 1, 0);
		return;
	}
	if (silent >= 2 * (uint64_t)ws->opts.idle_ms) {
		err_set(&ws->err, ST_TRANSIENT, "%s: silent for %llu ms",
			ws->url.label, (unsigned long long)silent);
		down(ws);
		return;
	}
	if (silent >= ws->opts.idle_ms) {
		ws->want_ping = true;
		lws_callback_on_writable(ws->wsi);
		silent -= ws->opts.idle_ms;
	}
	uv_timer_start(timer, on_silence, ws->opts.idle_ms - silent, 0);
}

static void on_connect_timeout(uv_timer_t *timer)
{
	struct ws *ws = timer->data;

	err_set(&ws->err, ST_TRANSIENT, "%s: %s within %u ms", ws->url.label,
		ws->phase == WS_RESOLVING ? "name not resolved"
					  : "no WebSocket connection",
		ws->opts.connect_ms);
	down(ws);
}

static void connect_to(struct ws *ws, const char *addr)
{
	struct lws_client_connect_info info = { 0 };
	char host[300];

	snprintf(host, sizeof(host), "%s%s%s", ws->url.ip6 ? "[" : "",
		 ws->url.host, ws->url.ip6 ? "]" : "");
	if (ws->url.port != (ws->url.tls ? 443 : 80))
		snprintf(host + strlen(host), sizeof(host) - strlen(host),
			 ":%u", ws->url.port);
	info.context = ws->hub->context;
	info.address = addr;
	info.port = ws->url.port;
	info.path = ws->url.target;
	info.host = host;
	info.ssl_connection = ws->url.tls ? LCCSCF_USE_SSL : 0;
	info.local_protocol_name = WS_PROTOCOL;
	info.ietf_version_or_minus_one = -1;
	info.opaque_user_data = ws;
	info.pwsi = &ws->wsi;
	ws->phase = WS_CONNECTING;
	/* May fail at once, by callback, by returning NULL, or both. */
	if (!lws_client_connect_via_info(&info)) {
		ws->wsi = NULL;
		err_set(&ws->err, ST_TRANSIENT, "%s: cannot connect",
			ws->url.label);
		down(ws);
	}
}

static void on_resolved(void *arg, enum status st, const struct resolved *res,
			const struct err *err)
{
	struct ws *ws = arg;

	ws->wait = NULL;
	if (st == ST_OK) {
		/* One address an attempt; the next attempt takes another. */
		static unsigned int turn;

		connect_to(ws, res->addr[turn++ % res->n]);
		return;
	}
	err_set(&ws->err, st, "%s: %s", ws->url.label, err->msg);
	down(ws);
}

static void on_first_turn(uv_timer_t *timer)
{
	struct ws *ws = timer->data;

	if (!ws->hub->context) {
		err_set(&ws->err, ST_FATAL,
			"libwebsockets cannot start; is its libuv plugin "
			"installed (Debian: libwebsockets-evlib-uv)?");
		down(ws);
		return;
	}
	uv_timer_start(timer, on_connect_timeout, ws->opts.connect_ms, 0);
	if (url_is_numeric(&ws->url))
		connect_to(ws, ws->url.host);
	else
		ws->wait = resolver_start(ws->hub->resolver, ws->url.host,
					  on_resolved, ws);
}

struct ws *ws_open(uv_loop_t *loop, const struct ws_opts *opts)
{
	struct ws *ws = mem_zalloc(sizeof(*ws));

	ws->hub = ws_hub_get(loop);
	ws->opts = *opts;
	ws->url = *opts->url;
	ws->opts.url = &ws->url;
	buf_init(&ws->in, opts->max_message);
	buf_init(&ws->out, SEND_MAX);
	uv_timer_init(loop, &ws->timer);
	ws->timer.data = ws;
	uv_timer_start(&ws->timer, on_first_turn, 0, 0);
	return ws;
}

void ws_free(struct ws *ws)
{
	if (!ws || ws->freed)
		return;
	ws->freed = true;
	detach(ws);
	ws_hub_put(ws->hub);
	uv_close((uv_handle_t *)&ws->timer, on_ws_closed);
}

void ws_want_write(struct ws *ws)
{
	if (ws->phase == WS_OPEN)
		lws_callback_on_writable(ws->wsi);
}

static void heard(struct ws *ws)
{
	ws->heard_ms = uv_now(ws->hub->loop);
	ws->last_look = false;
}

void ws_set_max_message(struct ws *ws, size_t max_message)
{
	ws->opts.max_message = max_message;
}

static void keep_front(struct ws *ws, const void *data, size_t len)
{
	if (len > WS_FRONT - ws->front_len)
		len = WS_FRONT - ws->front_len;
	memcpy(ws->front + ws->front_len, data, len);
	ws->front_len += len;
}

/* More of a message that passes the bound. What was kept of it goes at once;
 * its owner is asked when there is enough to tell whose answer it is. */
static int on_excess(struct ws *ws, const void *data, size_t len, bool last)
{
	bool keep = ws->told;

	if (!ws->too_long) {
		ws->too_long = true;
		ws->told = keep = false;
		ws->front_len = 0;
		keep_front(ws, buf_str(&ws->in), ws->in.len);
		buf_wipe(&ws->in);
	}
	if (!ws->told) {
		keep_front(ws, data, len);
		if (ws->front_len < WS_FRONT && !last)
			return 0;
		ws->told = true;
		keep = ws->opts.on_too_long &&
		       ws->opts.on_too_long(ws->opts.arg, ws->front,
					    ws->front_len, ws->in.max);
		if (ws->phase != WS_OPEN)
			return -1;
	}
	if (!keep) {
		err_set(&ws->err, ST_REJECTED,
			"%s: message longer than %zu bytes", ws->url.label,
			ws->in.max);
		down(ws);
		return -1;
	}
	ws->too_long = !last;
	return 0;
}

static int on_receive(struct ws *ws, const void *data, size_t len)
{
	struct lws *wsi = ws->wsi;
	size_t left = lws_remaining_packet_payload(wsi); /* of this frame */
	bool last = lws_is_final_fragment(wsi) && left == 0;

	heard(ws);
	if (ws->in.len == 0)
		ws->in.max = ws->opts.max_message;
	if (ws->too_long || len > ws->in.max - ws->in.len ||
	    left > ws->in.max - ws->in.len - len)
		return on_excess(ws, data, len, last);
	buf_expect(&ws->in, len + left);
	buf_add(&ws->in, data, len);
	if (!last)
		return 0;
	ws->opts.on_message(ws->opts.arg, buf_str(&ws->in), ws->in.len);
	buf_shrink(&ws->in, KEEP_MAX);
	return ws->phase == WS_OPEN ? 0 : -1;
}

static int on_writable(struct ws *ws)
{
	struct lws *wsi = ws->wsi;
	enum lws_write_protocol kind = LWS_WRITE_TEXT;

	buf_reset(&ws->out);
	buf_add_zeros(&ws->out, LWS_PRE); /* lws writes its header there */
	if (ws->want_ping) {
		ws->want_ping = false;
		kind = LWS_WRITE_PING;
		lws_callback_on_writable(wsi);
	} else if (!ws->opts.on_write(ws->opts.arg, &ws->out)) {
		return ws->phase == WS_OPEN ? 0 : -1;
	}
	if (ws->phase != WS_OPEN)
		return -1;
	/* What the socket does not take lws keeps, and sends first. */
	if (ws->out.overflow || lws_write(wsi, ws->out.data + LWS_PRE,
					  ws->out.len - LWS_PRE, kind) < 0) {
		err_set(&ws->err, ST_TRANSIENT, "%s: cannot send",
			ws->url.label);
		down(ws);
		return -1;
	}
	buf_shrink(&ws->out, KEEP_MAX);
	if (kind == LWS_WRITE_TEXT)
		lws_callback_on_writable(wsi);
	return 0;
}

static void on_established(struct ws *ws)
{
	ws->phase = WS_OPEN;
	heard(ws);
	if (ws->opts.idle_ms)
		uv_timer_start(&ws->timer, on_silence, ws->opts.idle_ms, 0);
	else
		uv_timer_stop(&ws->timer);
	ws->opts.on_open(ws->opts.arg);
}

/* lws has closed, or never got there; @why is its word, or NULL */
static void on_gone(struct ws *ws, const char *why, size_t len)
{
	char text[128];

	snprintf(text, sizeof(text), "%.*s", why ? (int)(len % 120) : 0,
		 why ? why : "");
	for (char *p = text; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	ws->wsi = NULL;
	err_set(&ws->err, ST_TRANSIENT, "%s: %s%s%s", ws->url.label,
		ws->phase == WS_OPEN ? "connection closed" : "cannot connect",
		*text ? ": " : "", text);
	down(ws);
}

static int add_auth(const struct ws *ws, struct lws *wsi, unsigned char **p,
		    unsigned char *end)
{
	char value[800] = "Basic ";
	int n = 6;

	if (!*ws->url.userinfo)
		return 0;
	n = lws_b64_encode_string(ws->url.userinfo,
				  (int)strlen(ws->url.userinfo), value + n,
				  (int)sizeof(value) - n);
	if (n >= 0)
		n = lws_add_http_header_by_token(
		    wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
		    (const unsigned char *)value, (int)strlen(value), p, end);
	explicit_bzero(value, sizeof(value));
	return n ? -1 : 0;
}

int ws_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user,
	      void *in, size_t len)
{
	struct ws *ws;

	if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) {
		SSL_CTX_set_default_verify_paths(user);
		return 0;
	}
	ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		if (!ws)
			return -1;
		return add_auth(ws, wsi, in, *(unsigned char **)in + len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (ws)
			on_gone(ws, in, in ? len : 0);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		if (!ws)
			return -1;
		ws->wsi = wsi;
		on_established(ws);
		return ws->phase == WS_OPEN ? 0 : -1;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return ws ? on_receive(ws, in, len) : -1;
	case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
		if (ws)
			heard(ws);
		return ws ? 0 : -1;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return ws ? on_writable(ws) : -1;
	default:
		return 0;
	}
}
