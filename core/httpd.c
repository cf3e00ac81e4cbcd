/*
 * The server's connections: accept, read one request, answer, close. A
 * connection is closed only after the other side has had the answer, or took
 * too long. It decides nothing about the content.
 */
#include "core/httpd.h"

#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#define BACKLOG   16
#define DRAIN_MS  1000
#define DRAIN_MAX 65536 /* bytes of a body that nobody asked for */

enum conn_state { CONN_READING, CONN_ANSWERING, CONN_DRAINING, CONN_CLOSING };

struct conn {
	struct conn *prev, *next; /* older first */
	struct httpd *server;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_write_t write;
	uv_shutdown_t shutdown;
	enum conn_state state;
	unsigned open_handles;
	char in[HTTPD_REQUEST_MAX];
	size_t in_len, drained;
	bool ended; /* the other side has sent all that it ever will */
	struct buf out;
};

struct httpd {
	uv_loop_t *loop;
	uv_tcp_t tcp;
	httpd_fn fn;
	void *arg;
	uint16_t port;
	struct conn *first, *last;
	size_t count;
	size_t unfreed; /* connections and the listener */
	bool freed;
};

static void server_release(struct httpd *h)
{
	if (--h->unfreed == 0)
		free(h);
}

/* ---- one connection's end ---- */

static void on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	if (--c->open_handles)
		return;
	buf_deinit(&c->out);
	server_release(c->server);
	free(c);
}

static void conn_close(struct conn *c)
{
	struct httpd *h = c->server;

	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	if (c->prev)
		c->prev->next = c->next;
	else
		h->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		h->last = c->prev;
	h->count--;
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
	uv_close((uv_handle_t *)&c->timer, on_conn_closed);
}

static void on_timeout(uv_timer_t *timer)
{
	conn_close(timer->data);
}

static void allow(struct conn *c, uint64_t ms)
{
	uv_timer_start(&c->timer, on_timeout, ms, 0);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	struct conn *c = req->data;

	if (status < 0)
		conn_close(c);
}

/* The other side closes when it has the answer; closing first could cost it
 * the answer, when bytes of its own are still on their way. */
static void on_written(uv_write_t *req, int status)
{
	struct conn *c = req->data;

	if (c->state == CONN_CLOSING)
		return;
	c->shutdown.data = c;
	if (status < 0 || c->ended ||
	    uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shut) != 0) {
		conn_close(c);
		return;
	}
	c->state = CONN_DRAINING;
	allow(c, DRAIN_MS);
}

/* ---- the answer ---- */

static const char *reason(int code)
{
	switch (code) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 414:
		return "URI Too Long";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

static void add_head(struct buf *out, const struct httpd_answer *a)
{
	time_t now = time(NULL);
	char date[40];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(out,
		   "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
		   "Content-Length: %zu\r\nCache-Control: no-store\r\n"
		   "X-Content-Type-Options: nosniff\r\nConnection: close\r\n",
		   a->code, reason(a->code), date,
		   a->type ? a->type : "text/plain; charset=utf-8",
		   a->body.len);
	if (a->code == 405)
		buf_add_str(out, "Allow: GET, HEAD\r\n");
	buf_add_str(out, "\r\n");
}

static void fill(struct httpd *h, struct httpd_answer *a,
		 const struct httpd_request *req)
{
	if (req)
		h->fn(h->arg, req->path, a);
	if (!a->code)
		a->code = 404;
	if (a->body.overflow) {
		buf_reset(&a->body);
		a->body.overflow = false;
		a->type = NULL;
		a->code = 500;
	}
	if (!a->body.len && a->code != 200)
		buf_printf(&a->body, "%s\n", reason(a->code));
}

static void respond(struct conn *c, int code, const struct httpd_request *req)
{
	struct httpd_answer a = { .code = req ? 0 : code };
	uv_buf_t buf;

	buf_init(&a.body, HTTPD_BODY_MAX);
	fill(c->server, &a, req);
	buf_init(&c->out, HTTPD_BODY_MAX + 1024);
	add_head(&c->out, &a);
	if (!req || !req->head)
		buf_add(&c->out, a.body.data, a.body.len);
	buf_deinit(&a.body);
	c->state = CONN_ANSWERING;
	allow(c, HTTPD_PHASE_MS);
	buf = uv_buf_init((char *)c->out.data, (unsigned)c->out.len);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written))
		conn_close(c);
}

/* ---- the request ---- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct conn *c = handle->data;
	size_t at = c->state == CONN_READING ? c->in_len : 0;

	(void)size;
	*buf = uv_buf_init(c->in + at, (unsigned)(sizeof(c->in) - at));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;
	struct httpd_request req;
	int code;

	(void)buf;
	if (n == 0 || c->state == CONN_CLOSING)
		return;
	if (c->state != CONN_READING) {
		/* Somebody who has sent all may still wait for the answer. */
		if (n == UV_EOF && c->state == CONN_ANSWERING) {
			c->ended = true;
			uv_read_stop(stream);
			return;
		}
		if (n < 0 || (c->drained += (size_t)n) > DRAIN_MAX)
			conn_close(c);
		return;
	}
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->in_len += (size_t)n;
	code = httpd_parse(&req, c->in, c->in_len);
	if (code)
		respond(c, code, code == 200 ? &req : NULL);
}

static void conn_new(struct httpd *h)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->server = h;
	h->unfreed++;
	c->open_handles = 2;
	uv_tcp_init(h->loop, &c->tcp);
	uv_timer_init(h->loop, &c->timer);
	c->tcp.data = c->timer.data = c;
	c->prev = h->last;
	if (h->last)
		h->last->next = c;
	else
		h->first = c;
	h->last = c;
	h->count++;
	if (uv_accept((uv_stream_t *)&h->tcp, (uv_stream_t *)&c->tcp) != 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
		conn_close(c);
		return;
	}
	allow(c, HTTPD_PHASE_MS);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct httpd *h = stream->data;

	if (status < 0 || h->freed)
		return;
	if (h->count >= HTTPD_CONNECTIONS_MAX)
		conn_close(h->first);
	conn_new(h);
}

/* ---- life ---- */

static void on_listener_closed(uv_handle_t *handle)
{
	server_release(handle->data);
}

static uint16_t bound_port(const uv_tcp_t *tcp)
{
	struct sockaddr_storage ss = { 0 };
	int len = sizeof(ss);

	if (uv_tcp_getsockname(tcp, (struct sockaddr *)&ss, &len) != 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET6
			 ? ((const struct sockaddr_in6 *)&ss)->sin6_port
			 : ((const struct sockaddr_in *)&ss)->sin_port);
}

enum status httpd_new(struct httpd **out, uv_loop_t *loop, const char *listen,
		      httpd_fn fn, void *arg, struct err *err)
{
	struct sockaddr_storage ss;
	struct httpd *h;
	enum status st = httpd_address(&ss, listen, err);
	int rc;

	if (st != ST_OK)
		return st;
	h = mem_zalloc(sizeof(*h));
	h->loop = loop;
	h->fn = fn;
	h->arg = arg;
	h->unfreed = 1;
	uv_tcp_init(loop, &h->tcp);
	h->tcp.data = h;
	rc = uv_tcp_bind(&h->tcp, (const struct sockaddr *)&ss, 0);
	if (!rc)
		rc = uv_listen((uv_stream_t *)&h->tcp, BACKLOG, on_connection);
	if (rc) {
		httpd_free(h);
		return err_set(
		    err, rc == UV_EADDRINUSE ? ST_TRANSIENT : ST_REJECTED,
		    "cannot listen on %s: %s", listen, uv_strerror(rc));
	}
	h->port = bound_port(&h->tcp);
	*out = h;
	return ST_OK;
}

void httpd_free(struct httpd *h)
{
	if (!h || h->freed)
		return;
	h->freed = true;
	while (h->first)
		conn_close(h->first);
	uv_close((uv_handle_t *)&h->tcp, on_listener_closed);
}

uint16_t httpd_port(const struct httpd *h)
{
	return h->port;
}
