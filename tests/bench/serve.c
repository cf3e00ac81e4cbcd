/*
 * The carrying side of the replay server: epoll, HTTP/1.1, RFC 6455. Answers
 * leave with writev straight from the history's memory, so that a byte served
 * costs one copy by the kernel. Never blocks, never looks into a message.
 */
#include "serve.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/mem.h"

#define TEXT_MAX    ((size_t)64 << 20)
#define REQUEST_MAX ((size_t)64 << 20)
#define READ_STEP   65536
#define SEND_BUFFER (1 << 20)
#define IOV_STEP    128
#define EVENTS      64

/* p NULL: at offset `at` of the reply's own text, which may still move. */
struct piece {
	const char *p;
	size_t at, n;
};

struct reply {
	struct reply *next;
	struct piece *pieces;
	size_t count, cap, sent, total;
	struct buf text;
};

struct conn {
	struct client client; /* first: a client is its connection */
	struct conn *next;
	int fd;
	bool closing, want_out, dead;
	struct buf in, message; /* message: fragments of one */
	struct reply *first, *last;
};

static const struct serve_ops *ops;
static struct conn *conns;
static int poller;
static uint64_t accepted;

/* ---- replies ---- */

static struct reply *reply_new(void)
{
	struct reply *r = mem_zalloc(sizeof(*r));

	buf_init(&r->text, TEXT_MAX);
	return r;
}

static void reply_free(struct reply *r)
{
	buf_deinit(&r->text);
	free(r->pieces);
	free(r);
}

static void add_piece(struct reply *r, struct piece p)
{
	struct piece *last = r->count ? &r->pieces[r->count - 1] : NULL;

	r->total += p.n;
	if (last && (p.p ? last->p && last->p + last->n == p.p
			 : !last->p && last->at + last->n == p.at)) {
		last->n += p.n;
		return;
	}
	if (r->count == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->pieces = mem_resize(r->pieces, r->cap, sizeof(*r->pieces));
	}
	r->pieces[r->count++] = p;
}

void reply_ref(struct reply *r, const char *p, size_t n)
{
	if (n)
		add_piece(r, (struct piece){ .p = p, .n = n });
}

static void reply_bytes(struct reply *r, const void *p, size_t n)
{
	struct piece own = { .at = r->text.len, .n = n };

	buf_add(&r->text, p, n);
	assert(!r->text.overflow);
	if (n)
		add_piece(r, own);
}

void reply_str(struct reply *r, const char *text)
{
	reply_bytes(r, text, strlen(text));
}

void reply_printf(struct reply *r, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert(n >= 0 && (size_t)n < sizeof(text));
	reply_bytes(r, text, (size_t)n);
}

struct reply_mark reply_mark(const struct reply *r)
{
	return (struct reply_mark){ r->count, r->text.len, r->total };
}

/* A mark lies between pieces: one that grew past it is cut back too. */
void reply_cut(struct reply *r, struct reply_mark mark)
{
	size_t before = 0;

	r->count = mark.pieces;
	for (size_t i = 0; i + 1 < r->count; i++)
		before += r->pieces[i].n;
	if (r->count)
		r->pieces[r->count - 1].n = mark.total - before;
	r->text.len = mark.text;
	r->total = mark.total;
}

size_t reply_size(const struct reply *r)
{
	return r->total;
}

/* ---- sending ---- */

static void interest(struct conn *c)
{
	bool want = c->first != NULL;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (want == c->want_out)
		return;
	if (want)
		ev.events |= EPOLLOUT;
	epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &ev);
	c->want_out = want;
}

static void drop_sent(struct reply *r, size_t n)
{
	while (n) {
		struct piece *p = &r->pieces[r->sent];
		size_t part = n < p->n ? n : p->n;

		if (p->p)
			p->p += part;
		p->at += part;
		p->n -= part;
		n -= part;
		r->sent += !p->n;
	}
}

/* False: the socket takes no more, or is gone. */
static bool send_some(struct conn *c, struct reply *r)
{
	struct iovec iov[IOV_STEP];
	int k = 0;
	ssize_t n;

	for (size_t i = r->sent; i < r->count && k < IOV_STEP; i++, k++) {
		const struct piece *p = &r->pieces[i];
		const char *from =
		    p->p ? p->p : (const char *)r->text.data + p->at;

		iov[k].iov_base = mem_check((void *)(uintptr_t)from);
		iov[k].iov_len = p->n;
	}
	n = writev(c->fd, iov, k);
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno != EAGAIN)
		c->dead = true;
	if (n < 0)
		return false;
	drop_sent(r, (size_t)n);
	return true;
}

static void flush(struct conn *c)
{
	struct reply *r;

	while ((r = c->first) && !c->dead) {
		if (r->sent < r->count) {
			if (!send_some(c, r))
				break;
			continue;
		}
		c->first = r->next;
		reply_free(r);
	}
	if (!c->first && c->closing)
		c->dead = true;
	if (!c->dead)
		interest(c);
}

static void enqueue(struct conn *c, struct reply *r)
{
	if (c->first)
		c->last->next = r;
	else
		c->first = r;
	c->last = r;
}

static void send_text(struct conn *c, const void *text, size_t n)
{
	struct reply *r = reply_new();

	reply_bytes(r, text, n);
	enqueue(c, r);
}

static void send_str(struct conn *c, const char *text)
{
	send_text(c, text, strlen(text));
}

/* ---- WebSocket ---- */

static void send_frame_head(struct conn *c, uint8_t op, uint64_t n)
{
	uint8_t h[10] = { (uint8_t)(0x80 | op) };
	size_t k = 2;

	if (n < 126) {
		h[1] = (uint8_t)n;
	} else {
		unsigned bytes = n < 65536 ? 2 : 8;

		h[1] = bytes == 2 ? 126 : 127;
		for (unsigned i = 0; i < bytes; i++)
			h[k++] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	}
	send_text(c, h, k);
}

static void send_message(struct conn *c, struct reply *r)
{
	if (!r->total) {
		reply_free(r);
		return;
	}
	send_frame_head(c, 1, r->total);
	enqueue(c, r);
}

static void got_message(struct conn *c)
{
	struct reply *out = reply_new();

	ops->on_message(&c->client, (const char *)c->message.data,
			c->message.len, out);
	buf_reset(&c->message);
	send_message(c, out);
}

static void got_frame(struct conn *c, uint8_t op, bool fin, const uint8_t *p,
		      size_t n)
{
	switch (op) {
	case 0:
	case 1:
	case 2:
		buf_add(&c->message, p, n);
		if (c->message.overflow)
			c->dead = true;
		else if (fin)
			got_message(c);
		return;
	case 8:
		send_frame_head(c, 8, 0);
		c->closing = true;
		return;
	case 9:
		send_frame_head(c, 10, n);
		send_text(c, p, n);
		return;
	default:
		return;
	}
}

/* One frame of a client, which masks; 0: not all there yet. */
static size_t take_frame(struct conn *c)
{
	uint8_t *p = c->in.data;
	size_t have = c->in.len, at = 2, bytes;
	uint64_t n;

	if (have < 2)
		return 0;
	n = p[1] & 127;
	bytes = n == 126 ? 2 : n == 127 ? 8 : 0;
	if (have < at + bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		n = (i ? n << 8 : 0) | p[at++];
	if (n > REQUEST_MAX || !(p[1] & 0x80)) {
		c->dead = true;
		return 0;
	}
	if (have < at + 4 + n)
		return 0;
	for (size_t i = 0; i < n; i++)
		p[at + 4 + i] ^= p[at + i % 4];
	got_frame(c, p[0] & 15, p[0] & 0x80, p + at + 4, (size_t)n);
	return at + 4 + (size_t)n;
}

/* ---- HTTP ---- */

/* Value of a header in @head, which is NUL-terminated; NULL: none. */
static const char *header(const char *head, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strchr(head, '\n'); p; p = strchr(p, '\n')) {
		p++;
		if (strncasecmp(p, name, n) == 0 && p[n] == ':')
			return p + n + 1 + strspn(p + n + 1, " ");
	}
	return NULL;
}

static void upgrade(struct conn *c, const char *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[128], accept[32], head[256];
	unsigned char sha[SHA_DIGEST_LENGTH];
	int n = snprintf(text, sizeof(text), "%.*s%s",
			 (int)strcspn(key, "\r\n"), key, guid);

	if (n < 0 || (size_t)n >= sizeof(text)) {
		c->dead = true;
		return;
	}
	SHA1((const unsigned char *)text, (size_t)n, sha);
	EVP_EncodeBlock((unsigned char *)accept, sha, sizeof(sha));
	snprintf(head, sizeof(head),
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		 accept);
	send_str(c, head);
	c->client.websocket = true;
}

static void got_request(struct conn *c, const char *body, size_t n)
{
	struct reply *out = reply_new();
	char head[128];

	ops->on_message(&c->client, body, n, out);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n\r\n",
		 out->total);
	send_str(c, head);
	enqueue(c, out);
}

/* One request; 0: not all there yet. */
static size_t take_request(struct conn *c)
{
	char *p = (char *)c->in.data;
	char *end = c->in.len ? memmem(p, c->in.len, "\r\n\r\n", 4) : NULL;
	const char *value;
	size_t head, body = 0;

	if (!end)
		return 0;
	head = (size_t)(end - p) + 4;
	end[2] = '\0'; /* bounds the look for headers */
	value = header(p, "Content-Length");
	if (value)
		body = strtoull(value, NULL, 10);
	if (body > REQUEST_MAX || header(p, "Transfer-Encoding")) {
		c->dead = true;
		return 0;
	}
	value = header(p, "Sec-WebSocket-Key");
	if (value)
		upgrade(c, value);
	else if (c->in.len - head >= body)
		got_request(c, p + head, body);
	end[2] = '\r';
	return value ? head : c->in.len - head >= body ? head + body : 0;
}

/* ---- connections ---- */

static void receive(struct conn *c)
{
	static uint8_t chunk[READ_STEP];
	size_t used = 1, at = 0;
	ssize_t n;

	while ((n = read(c->fd, chunk, sizeof(chunk))) > 0) {
		buf_add(&c->in, chunk, (size_t)n);
		if ((size_t)n < sizeof(chunk))
			break;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
	    c->in.overflow)
		c->dead = true;
	while (!c->dead && !c->closing && used) {
		used = c->client.websocket ? take_frame(c) : take_request(c);
		at = c->in.len - used;
		memmove(c->in.data, c->in.data + used, at);
		c->in.len = at;
		if (!at)
			break;
	}
	flush(c);
}

static void close_conn(struct conn *c)
{
	struct conn **p = &conns;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	if (ops->on_gone)
		ops->on_gone(&c->client);
	for (struct reply *r = c->first, *next; r; r = next) {
		next = r->next;
		reply_free(r);
	}
	buf_deinit(&c->in);
	buf_deinit(&c->message);
	close(c->fd);
	free(c);
}

static void accept_all(int listener)
{
	int fd, one = 1, size = SEND_BUFFER;

	while ((fd = accept4(listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = mem_zalloc(sizeof(*c));
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		buf_init(&c->in, REQUEST_MAX);
		buf_init(&c->message, REQUEST_MAX);
		c->fd = fd;
		c->next = conns;
		conns = c;
		accepted++;
		epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev);
	}
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		perror("bench-replay: listen");
		exit(1);
	}
	printf("ready %u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

_Noreturn void serve_run(uint16_t port, const struct serve_ops *serve_ops)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[EVENTS];
	int listener;

	signal(SIGPIPE, SIG_IGN);
	ops = serve_ops;
	poller = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_on(port);
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &ev);
	for (;;) {
		int n = epoll_wait(poller, got, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = got[i].data.ptr;

			if (!c)
				accept_all(listener);
			else if (got[i].events & ~(uint32_t)EPOLLOUT)
				receive(c);
			else
				flush(c);
		}
		for (struct conn *c = conns, *next; c; c = next) {
			next = c->next;
			if (c->dead)
				close_conn(c);
		}
	}
}

void serve_push(bool (*make)(struct client *c, struct reply *out, void *arg),
		void *arg)
{
	for (struct conn *c = conns; c; c = c->next) {
		struct reply *r;

		if (!c->client.websocket || c->dead)
			continue;
		r = reply_new();
		if (make(&c->client, r, arg))
			send_message(c, r);
		else
			reply_free(r);
		flush(c);
	}
}

uint64_t serve_connections(void)
{
	return accepted;
}
