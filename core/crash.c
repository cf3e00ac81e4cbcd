/*
 * Where a test lets the process die. It is in no release build: see crash.h.
 * Unlike the rest of this folder it logs, since the points that there are can
 * only be learnt from a run.
 */
#include "core/crash.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

#define POINT_MAX   96 /* bytes of a name */
#define SEGMENT_MAX 20 /* a longer one is an identifier */

static struct {
	bool read;
	uint64_t number;        /* crash at this point; 0: by name */
	char name[POINT_MAX];   /* and at this time that it comes; "": never */
	uint64_t times, passed; /* all points so far */
} at;

/* CHAINCAST_CRASH_AT: a number, or a name with its count after '#'. */
static void read_environment(void)
{
	const char *text = getenv("CHAINCAST_CRASH_AT");
	const char *hash;

	at.read = true;
	if (!text || !*text)
		return;
	if (text[strspn(text, "0123456789")] == '\0') {
		at.number = strtoull(text, NULL, 10);
		return;
	}
	hash = strrchr(text, '#');
	at.times = hash ? strtoull(hash + 1, NULL, 10) : 1;
	snprintf(at.name, sizeof(at.name), "%.*s",
		 (int)(hash ? (size_t)(hash - text) : strlen(text)), text);
}

void crash_point(enum crash_when when, const char *kind, const char *name)
{
	char point[POINT_MAX + 16];

	if (!at.read)
		read_environment();
	snprintf(point, sizeof(point), "%s.%s %s", kind,
		 when == CRASH_BEFORE ? "before" : "after", name);
	at.passed++;
	log_debug("crash_point", F_U64("n", at.passed), F_STR("point", point));
	if (at.number ? at.passed == at.number
		      : at.name[0] && strcmp(at.name, point) == 0 &&
			    --at.times == 0) {
		log_info("crash", F_U64("n", at.passed), F_STR("point", point));
		_exit(CRASH_EXIT_CODE);
	}
}

/* The last two segments of a path, long ones as ":id". */
static void path_name(char *out, size_t size, const char *url)
{
	size_t end = strcspn(url, "?#"), used = 0;
	const char *p = url + end;

	for (int slashes = 0; p > url && slashes < 2; p--)
		slashes += p[-1] == '/';
	out[0] = '\0';
	while (p < url + end && used + 4 < size) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/?#");
		used += (size_t)snprintf(
		    out + used, size - used, "%s%.*s", used ? "/" : "",
		    n > SEGMENT_MAX ? 3 : (int)n, n > SEGMENT_MAX ? ":id" : p);
		p += n;
	}
}

void crash_http(enum crash_when when, const char *method, const char *url)
{
	char path[2 * SEGMENT_MAX + 8], name[POINT_MAX];

	path_name(path, sizeof(path), url);
	snprintf(name, sizeof(name), "%.8s %s", method, path);
	crash_point(when, "http", name);
}

void crash_rpc(enum crash_when when, const char *method)
{
	if (strcmp(method, "eth_sendRawTransaction") == 0)
		crash_point(when, "rpc", method);
}
