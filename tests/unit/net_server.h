#ifndef CX_TESTS_NET_SERVER_H
#define CX_TESTS_NET_SERVER_H

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <uv.h>

#include "core/buf.h"
#include "core/mem.h"

/*
 * A TCP server on the test's own loop, on a free loopback port. The test's
 * handler sees all bytes that a connection has sent so far and answers with
 * whatever bytes it likes. Included by one .c per test program.
 */
struct server;

struct conn {
	uv_tcp_t tcp;
	struct server *server;
	struct conn *next;
	struct buf in;
	int number;    /* 0: the first connection accepted */
	int requests;  /* for the handler's use */
	bool upgraded; /* for WebSocket handlers */
	bool closed;
};

struct server {
	uv_loop_t *loop;
	uv_tcp_t tcp;
	int port;
	int accepted;
	struct conn *conns;
	void (*on_data)(struct conn *c);
	void *arg;
};

struct conn_write {
	uv_write_t req;
	char *data;
};

static void conn_gone(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct conn **p = &c->server->conns;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	buf_deinit(&c->in);
	free(c);
}

static void conn_close(struct conn *c)
{
	if (!c->closed)
		uv_close((uv_handle_t *)&c->tcp, conn_gone);
	c->closed = true;
}

static void conn_written(uv_write_t *req, int status)
{
	struct conn_write *w = req->data;

	(void)status;
	free(w->data);
	free(w);
}

static void conn_send(struct conn *c, const void *data, size_t len)
{
	struct conn_write *w = mem_zalloc(sizeof(*w));
	uv_buf_t b;

	w->data = mem_dup(data, len);
	w->req.data = w;
	b = uv_buf_init(w->data, (unsigned int)len);
	if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &b, 1, conn_written))
		abort();
}

static void server_alloc(uv_handle_t *h, size_t n, uv_buf_t *out)
{
	static char space[65536];

	(void)h;
	(void)n;
	*out = uv_buf_init(space, sizeof(space));
}

static void server_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;

	if (n < 0) {
		conn_close(c);
		return;
	}
	buf_add(&c->in, b->base, (size_t)n);
	c->server->on_data(c);
}

static void server_accept(uv_stream_t *s, int status)
{
	struct server *srv = s->data;
	struct conn *c = mem_zalloc(sizeof(*c));

	if (status)
		abort();
	c->server = srv;
	c->number = srv->accepted++;
	c->next = srv->conns;
	srv->conns = c;
	c->tcp.data = c;
	buf_init(&c->in, 64u << 20);
	uv_tcp_init(srv->loop, &c->tcp);
	if (uv_accept(s, (uv_stream_t *)&c->tcp))
		abort();
	uv_read_start((uv_stream_t *)&c->tcp, server_alloc, server_read);
}

static void server_start(struct server *s, uv_loop_t *loop,
			 void (*on_data)(struct conn *), void *arg)
{
	struct sockaddr_in addr;
	int len = sizeof(addr);

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	s->on_data = on_data;
	s->arg = arg;
	uv_tcp_init(loop, &s->tcp);
	s->tcp.data = s;
	uv_ip4_addr("127.0.0.1", 0, &addr);
	if (uv_tcp_bind(&s->tcp, (struct sockaddr *)&addr, 0) ||
	    uv_listen((uv_stream_t *)&s->tcp, 16, server_accept))
		abort();
	uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&addr, &len);
	s->port = ntohs(addr.sin_port);
}

static void server_stop(struct server *s)
{
	for (struct conn *c = s->conns; c; c = c->next)
		conn_close(c);
	if (!uv_is_closing((uv_handle_t *)&s->tcp))
		uv_close((uv_handle_t *)&s->tcp, NULL);
}

/* Body of the first whole HTTP request in c->in, or NULL; takes it out when
 * @drop. Only Content-Length bodies. */
static inline char *conn_request(struct conn *c, char **head_out)
{
	const char *text = buf_str(&c->in);
	const char *end = strstr(text, "\r\n\r\n");
	const char *cl;
	size_t body_len = 0, head_len;
	char *body, *head;

	if (!end)
		return NULL;
	head_len = (size_t)(end - text) + 4;
	cl = strcasestr(text, "content-length:");
	if (cl && cl < end)
		body_len = strtoul(cl + 15, NULL, 10);
	if (c->in.len < head_len + body_len)
		return NULL;
	head = mem_strndup(text, head_len);
	body = mem_strndup(text + head_len, body_len);
	memmove(c->in.data, c->in.data + head_len + body_len,
		c->in.len - head_len - body_len + 1);
	c->in.len -= head_len + body_len;
	c->requests++;
	if (head_out)
		*head_out = head;
	else
		free(head);
	return body;
}

static inline void conn_respond(struct conn *c, const char *status,
				const char *extra, const char *body)
{
	struct buf out;

	buf_init(&out, 64u << 20);
	buf_printf(&out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
		   strlen(body), extra);
	buf_add_str(&out, body);
	conn_send(c, out.data, out.len);
	buf_deinit(&out);
}

/* Answers the upgrade request in c->in. */
static inline void ws_accept(struct conn *c)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const char *key = strcasestr(buf_str(&c->in), "sec-websocket-key:");
	unsigned char sha[SHA_DIGEST_LENGTH], b64[64];
	char text[128];
	struct buf out;

	if (!key || !strstr(buf_str(&c->in), "\r\n\r\n"))
		return;
	key += strspn(key + 18, " ") + 18;
	snprintf(text, sizeof(text), "%.24s%s", key, guid);
	SHA1((const unsigned char *)text, strlen(text), sha);
	EVP_EncodeBlock(b64, sha, sizeof(sha));
	buf_init(&out, 1024);
	buf_printf(&out,
		   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		   (const char *)b64);
	conn_send(c, out.data, out.len);
	buf_deinit(&out);
	buf_reset(&c->in);
	c->upgraded = true;
}

/* One frame, unmasked; @op: 1 text, 0 continuation, 9 ping, 10 pong. */
static inline void ws_frame(struct conn *c, int op, bool fin, const char *data,
			    size_t len)
{
	struct buf out;

	buf_init(&out, 64u << 20);
	buf_add_byte(&out, (uint8_t)((fin ? 0x80 : 0) | op));
	if (len < 126) {
		buf_add_byte(&out, (uint8_t)len);
	} else {
		buf_add_byte(&out, 127);
		for (int i = 7; i >= 0; i--)
			buf_add_byte(&out, (uint8_t)((uint64_t)len >> (8 * i)));
	}
	buf_add(&out, data, len);
	conn_send(c, out.data, out.len);
	buf_deinit(&out);
}

static inline void ws_text(struct conn *c, const char *text)
{
	ws_frame(c, 1, true, text, strlen(text));
}

/* Takes one whole masked frame out of c->in: its payload, or NULL. */
static inline char *ws_take(struct conn *c, int *op)
{
	const uint8_t *p = c->in.data;
	size_t at = 2, len;
	char *out;

	if (c->in.len < 6)
		return NULL;
	*op = p[0] & 15;
	len = p[1] & 127;
	if (len == 126) {
		len = (size_t)p[2] << 8 | p[3];
		at = 4;
	} else if (len == 127) {
		len = 0;
		for (at = 2; at < 10; at++)
			len = len << 8 | p[at];
	}
	if (c->in.len < at + 4 + len)
		return NULL;
	out = mem_zalloc(len + 1);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(p[at + 4 + i] ^ p[at + (i & 3)]);
	at += 4 + len;
	memmove(c->in.data, c->in.data + at, c->in.len - at + 1);
	c->in.len -= at;
	return out;
}

#endif
