/* A request's head: what is accepted has a path within its bounds; what was
 * judged from a part stays judged so with more bytes after it. */
#include <stdlib.h>
#include <string.h>

#include "core/httpd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct httpd_request req;
	int whole = httpd_parse(&req, (const char *)data, size);

	if (whole == 200 &&
	    (req.path[0] != '/' ||
	     strnlen(req.path, sizeof(req.path)) > HTTPD_PATH_MAX ||
	     strchr(req.path, ' ') || strchr(req.path, '?')))
		abort();
	for (size_t n = 0; n < size; n++) {
		int part = httpd_parse(&req, (const char *)data, n);

		if (part && part != whole)
			abort();
	}
	return 0;
}
