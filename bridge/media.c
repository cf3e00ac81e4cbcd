/*
 * Holds the parts that watch what happens in rooms. It does nothing itself.
 */
#include "bridge/media.h"

#include <stdlib.h>

#include "bridge/lifecycle.h"
#include "bridge/recordings.h"
#include "bridge/webhooks.h"

struct media {
	struct recordings *recordings;
	struct lifecycle *lifecycle;
	struct webhooks *webhooks;
};

struct media *media_new(struct bridge *b)
{
	struct media *m = (struct media *)mem_zalloc(sizeof(*m));

	m->recordings = recordings_new(b);
	m->lifecycle = lifecycle_new(b);
	m->webhooks = webhooks_new(b);
	return m;
}

bool media_watch_view(const struct media *m, struct lifecycle_view *out)
{
	if (!m || !m->lifecycle)
		return false;
	lifecycle_view(m->lifecycle, out);
	return true;
}

void media_free(struct media *m)
{
	if (!m)
		return;
	recordings_free(m->recordings);
	lifecycle_free(m->lifecycle);
	webhooks_free(m->webhooks);
	free(m);
}
