/*
 * The bound of the source: sends the requests of standard input, one body a
 * line, over one kept HTTP connection with a few under way, and throws the
 * answers away. Prints seconds, bytes and its CPU seconds as JSON. Never
 * parses an answer.
 *
 *	bench-fetch PORT < requests
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

#define AHEAD 4 /* requests under way; small enough for the socket's buffer */
#define CHUNK ((size_t)1 << 20)

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int dial(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		die("bench-fetch: connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* False: no line left. */
static bool send_next(int fd)
{
	static char *line;
	static size_t cap;
	ssize_t n = getline(&line, &cap, stdin), done = 0;
	char head[160];

	if (n <= 0)
		return false;
	snprintf(head, sizeof(head),
		 "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
		 "application/json\r\nContent-Length: %zd\r\n\r\n",
		 n);
	if (send(fd, head, strlen(head), MSG_MORE) != (ssize_t)strlen(head))
		die("bench-fetch: send");
	while (done < n) {
		ssize_t k = write(fd, line + done, (size_t)(n - done));

		if (k <= 0)
			die("bench-fetch: write");
		done += k;
	}
	return true;
}

struct input {
	char *p;
	size_t n; /* bytes there */
};

static size_t fill(int fd, struct input *in)
{
	ssize_t n = read(fd, in->p + in->n, CHUNK - 1 - in->n);

	if (n <= 0)
		die("bench-fetch: read");
	in->n += (size_t)n;
	in->p[in->n] = '\0';
	return (size_t)n;
}

/* Reads past one answer; its size. */
static size_t skip_answer(int fd, struct input *in)
{
	const char *end, *length;
	size_t head, all, have;

	in->p[in->n] = '\0';
	while (!(end = strstr(in->p, "\r\n\r\n")))
		fill(fd, in);
	length = strcasestr(in->p, "content-length:");
	if (strncmp(in->p, "HTTP/1.1 200", 12) != 0 || !length || length > end)
		die("bench-fetch: not a usable answer");
	head = (size_t)(end - in->p) + 4;
	all = head + strtoull(length + 15, NULL, 10);
	for (have = in->n; have < all;) {
		in->n = 0;
		have += fill(fd, in);
	}
	/* What came after it begins the next one. */
	memmove(in->p, in->p + in->n - (have - all), have - all);
	in->n = have - all;
	return all;
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct input in = { .p = mem_zalloc(CHUNK) };
	size_t sent = 0, done = 0, bytes = 0;
	double start;
	bool more = true;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: bench-fetch PORT < requests\n");
		return 2;
	}
	start = seconds(CLOCK_MONOTONIC);
	fd = dial((uint16_t)strtoul(argv[1], NULL, 10));
	for (;;) {
		while (more && sent - done < AHEAD) {
			more = send_next(fd);
			sent += more;
		}
		if (done == sent)
			break;
		bytes += skip_answer(fd, &in);
		done++;
	}
	printf("{\"seconds\":%.6f,\"requests\":%zu,\"bytes\":%zu,"
	       "\"cpu_s\":%.6f}\n",
	       seconds(CLOCK_MONOTONIC) - start, done, bytes,
	       seconds(CLOCK_PROCESS_CPUTIME_ID));
	close(fd);
	free(in.p);
	return 0;
}
