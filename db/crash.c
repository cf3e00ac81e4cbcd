/*
 * Which batches are points for a crash (core/crash.h), and what they are
 * called. Not part of a release build.
 */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "db/internal.h"

#define POINT_NAME_MAX 48

/* A select changes nothing, unless all it does is call a function of ours:
 * "select bridge.tx_claim(…". */
static bool writes(const char *sql)
{
	const char *p = sql + strspn(sql, " \n\t");

	if (strncasecmp(p, "discard ", 8) == 0)
		return false;
	if (strncasecmp(p, "select ", 7) != 0)
		return true;
	p += 7;
	p += strspn(p, "abcdefghijklmnopqrstuvwxyz_");
	if (*p != '.')
		return false;
	p++;
	return p[strspn(p, "abcdefghijklmnopqrstuvwxyz_")] == '(';
}

/* Its first words: "insert into bridge.outbox". */
static void name_of(char *out, size_t size, const char *sql)
{
	size_t n = 0, words = 1;

	for (sql += strspn(sql, " \n\t"); *sql && n + 1 < size; sql++) {
		bool space = isspace((unsigned char)*sql);

		if (strchr("($;'\"", *sql) || (space && words == 3))
			break;
		words += space;
		out[n++] = space ? ' ' : *sql;
	}
	out[n] = '\0';
}

void db_crash_point(enum crash_when when, const struct db_batch *b)
{
	char name[POINT_NAME_MAX];

	for (size_t i = 0; i < b->count; i++) {
		if (!writes(b->items[i].sql))
			continue;
		name_of(name, sizeof(name), b->items[i].sql);
		crash_point(when, "db", name);
		return;
	}
}
