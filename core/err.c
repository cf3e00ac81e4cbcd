/*
 * Status and error values shared by every folder. Never prints: only a
 * daemon's program code logs.
 */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum status err_set_at(struct err *err, enum status status, const char *file,
		       int line, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return status;
	err->status = status;
	err->file = file;
	err->line = line;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return status;
}

const char *status_name(enum status status)
{
	switch (status) {
	case ST_OK:
		return "ok";
	case ST_AGAIN:
		return "again";
	case ST_TRANSIENT:
		return "transient";
	case ST_REORG:
		return "reorg";
	case ST_REJECTED:
		return "rejected";
	case ST_FATAL:
		return "fatal";
	}
	abort();
}
