/*
 * A slow name server, preloaded into a daemon: every name below .localhost
 * takes three seconds, then is 127.0.0.1, or nothing where it begins with
 * "nowhere". A line before and a line after stand among the daemon's own, so
 * that their order says what else went on. Other names are none of its
 * business.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOKUP_S 3

typedef int lookup_fn(const char *, const char *, const struct addrinfo *,
		      struct addrinfo **);

int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res);

static void say(const char *event, const char *name)
{
	char line[512];
	int n = snprintf(line, sizeof(line),
			 "level=debug daemon=names event=%s host=%.255s\n",
			 event, name);

	if (n < 0 || write(STDERR_FILENO, line, (size_t)n) != n)
		abort(); /* the test would wait for a line that never comes */
}

static int is_ours(const char *name)
{
	static const char suffix[] = ".localhost";
	size_t n = name ? strlen(name) : 0;

	return n >= sizeof(suffix) &&
	       strcmp(name + n - (sizeof(suffix) - 1), suffix) == 0;
}

static void wait_whole(time_t seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) != 0)
		;
}

int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	lookup_fn *system_lookup = NULL;
	int status;

	*(void **)&system_lookup = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!system_lookup)
		abort();
	if (!is_ours(node))
		return system_lookup(node, service, hints, res);
	say("lookup_begins", node);
	wait_whole(LOOKUP_S);
	status = strncmp(node, "nowhere", 7) == 0
		     ? EAI_AGAIN
		     : system_lookup("127.0.0.1", service, hints, res);
	say("lookup_ends", node);
	return status;
}
