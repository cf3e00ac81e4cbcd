/*
 * The endpoints' states as numbers, for readiness and metrics. Reads only.
 */
#include "indexer/feed_int.h"
#include "indexer/report.h"

uint64_t feed_top(const struct feed *f)
{
	uint64_t top = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->eps[i].state != ENDPOINT_EXCLUDED &&
		    f->eps[i].head > top)
			top = f->eps[i].head;
	return top;
}

void feed_view(const struct feed *f, uint64_t max_age_s, struct feed_view *out)
{
	*out = (struct feed_view){ .endpoints = (uint32_t)f->count };
	for (size_t i = 0; i < f->count; i++) {
		const struct endpoint *ep = &f->eps[i];

		out->differ += feed_differs(ep);
		out->behind += feed_is_behind(ep, max_age_s);

		switch (ep->state) {
		case ENDPOINT_DOWN:
		case ENDPOINT_PROBING:
			out->down++;
			break;
		case ENDPOINT_GOOD:
			if (ep->up)
				out->usable++;
			else
				out->down++;
			break;
		case ENDPOINT_EXCLUDED:
			out->excluded++;
			break;
		}
	}
}
