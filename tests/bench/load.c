/*
 * The bound of a provider: sends the requests of standard input, one "METHOD
 * PATH BODY" a line (the body may be missing), over several kept HTTP
 * connections with one request under way on each, and throws the answers away.
 * The token comes from BENCH_TOKEN. Prints seconds and requests as JSON.
 *
 *	bench-load PORT CONNECTIONS < requests
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"

#define CHUNK           ((size_t)1 << 16)
#define CONNECTIONS_MAX 64

struct line {
	int fd;
	bool waits; /* for an answer */
	char *p;
	size_t n; /* bytes there */
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void dial(struct line *l, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	l->p = mem_zalloc(CHUNK);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&at, sizeof(at)))
		die("bench-load: connect");
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* False: no line left. */
static bool send_next(struct line *l, const char *token)
{
	static char *text, out[CHUNK];
	static size_t cap;
	ssize_t n = getline(&text, &cap, stdin);
	char *method, *path, *body;
	int len;

	if (n <= 0)
		return false;
	text[n - 1] = '\0';
	method = text;
	path = strchr(text, ' ');
	if (!path)
		die("bench-load: a line is METHOD PATH BODY");
	*path++ = '\0';
	body = strchr(path, ' ');
	if (body)
		*body++ = '\0';
	len = snprintf(out, sizeof(out),
		       "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
		       "Bearer %s\r\nContent-Type: application/json\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		       method, path, token, body ? strlen(body) : 0,
		       body ? body : "");
	if (len < 0 || (size_t)len >= sizeof(out))
		die("bench-load: a request is too long");
	if (send(l->fd, out, (size_t)len, 0) != len)
		die("bench-load: send");
	l->waits = true;
	return true;
}

static void fill(struct line *l)
{
	ssize_t n = read(l->fd, l->p + l->n, CHUNK - 1 - l->n);

	if (n <= 0)
		die("bench-load: read");
	l->n += (size_t)n;
	l->p[l->n] = '\0';
}

static void skip_answer(struct line *l)
{
	const char *end, *length;
	size_t all;

	l->n = 0;
	l->p[0] = '\0';
	while (!(end = strstr(l->p, "\r\n\r\n")))
		fill(l);
	length = strcasestr(l->p, "content-length:");
	if (strncmp(l->p, "HTTP/1.1 200", 12) != 0 || !length || length > end)
		die("bench-load: not a usable answer");
	all = (size_t)(end - l->p) + 4 + strtoull(length + 15, NULL, 10);
	if (all >= CHUNK)
		die("bench-load: an answer is too long");
	while (l->n < all)
		fill(l);
	l->waits = false;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct line lines[CONNECTIONS_MAX] = { 0 };
	const char *token = getenv("BENCH_TOKEN");
	size_t count, done = 0, waiting = 0;
	double start;

	count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (!token || count == 0 || count > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: BENCH_TOKEN=… bench-load PORT "
				"CONNECTIONS < requests\n");
		return 2;
	}
	start = seconds();
	for (size_t i = 0; i < count; i++) {
		dial(&lines[i], (uint16_t)strtoul(argv[1], NULL, 10));
		waiting += send_next(&lines[i], token);
	}
	for (size_t i = 0; waiting; i = (i + 1) % count) {
		if (!lines[i].waits)
			continue;
		skip_answer(&lines[i]);
		done++;
		waiting--;
		waiting += send_next(&lines[i], token);
	}
	printf("{\"seconds\":%.6f,\"requests\":%zu}\n", seconds() - start,
	       done);
	for (size_t i = 0; i < count; i++) {
		close(lines[i].fd);
		free(lines[i].p);
	}
	return 0;
}
