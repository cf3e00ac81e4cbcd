/* A URL: whatever is accepted has a host, a port and a label of its own, and
 * the label parses to the same host and port again. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_strndup((const char *)data, size);
	struct url url, again;
	struct err err;

	if (url_parse(&url, text, &err) != ST_OK)
		return 0;
	if (!*url.host || !url.port || url.target[0] != '/')
		abort();
	if (url_parse(&again, url.label, &err) != ST_OK ||
	    strcmp(again.host, url.host) != 0 || again.port != url.port ||
	    *again.userinfo)
		abort();
	return 0;
}
