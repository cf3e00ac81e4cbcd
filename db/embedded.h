#ifndef CX_DB_EMBEDDED_H
#define CX_DB_EMBEDDED_H

#include <stddef.h>

/* The files of migrations/ by number; made by embed.cmake. */
struct migration_file {
	const char *name;          /* 0001_chain.sql */
	const unsigned char *text; /* a zero byte follows */
	size_t len;
};

extern const struct migration_file migration_files[];
extern const size_t migration_file_count;

#endif
