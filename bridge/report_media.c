/*
 * Numbers of restream, broadcasts, recordings and webhooks. Counts what has
 * not ended yet; what is over it leaves to analytics.
 */
#include "bridge/report_media.h"

#include <stdlib.h>

#include "bridge/media.h"

struct report_media {
	struct metric *outputs, *key_known;
	struct metric *watched, *live, *watch_late, *viewers_late;
	struct metric *untold, *looks_late;
	struct metric *queued, *oldest;
};

static struct metric *gauge(struct metrics *m, const char *name,
			    const char *help, const char *label)
{
	return metrics_add(m, &(struct metric_opts){ .kind = METRIC_GAUGE,
						     .name = name,
						     .help = help,
						     .labels = { label },
						     .series_max = 16 });
}

#define GAUGE(name, help) gauge(m, "chaincast_bridge_" name, help, NULL)

struct report_media *report_media_new(struct metrics *m)
{
	struct report_media *r = (struct report_media *)mem_zalloc(sizeof(*r));

	r->outputs = gauge(m, "chaincast_bridge_outputs",
			   "Outputs of rooms that are open.", "state");
	r->key_known = GAUGE("restream_key_known",
			     "0 while hosts seal to a key that the bridge has "
			     "not.");
	r->watched = GAUGE("rooms_watched", "Rooms asked whether on air.");
	r->live = GAUGE("rooms_live", "Rooms on air.");
	r->watch_late =
	    GAUGE("watch_late_seconds",
		  "How long the room that waits longest is due to be asked.");
	r->viewers_late =
	    GAUGE("viewers_late_seconds",
		  "How long viewers of a room on air are due to be counted.");
	r->untold = GAUGE("recordings_untold",
			  "Ready recordings that the chain is not told of.");
	r->looks_late = GAUGE("recordings_late_seconds",
			      "How long a list of recordings is due.");
	r->queued = GAUGE("webhooks_queued", "Deliveries that wait.");
	r->oldest = GAUGE("webhooks_oldest_seconds", "Age of the oldest.");
	return r;
}

void report_media_free(struct report_media *r)
{
	free(r);
}

void report_media_query(struct db_batch *batch)
{
	DB_ADD(batch, "select state, count(*) as n from bridge.output"
		      " where state <> 'deleted' group by state"
		      " order by state");
	DB_ADD(batch,
	       "select (select count(*) from bridge.recording"
	       "  where not announced and deleted_at is null"
	       "  and provider_state = 'ready') as untold,"
	       " (select coalesce(greatest(extract(epoch from now()"
	       "  - min(due_at)), 0), 0)::bigint from bridge.recording_look)"
	       "  as looks_late,"
	       " count(*) as queued, coalesce(extract(epoch from now()"
	       "  - min(queued_at)), 0)::bigint as oldest"
	       " from bridge.webhook_delivery where state = 'queued'");
}

void report_media_read(struct report_media *r,
		       const struct db_result *const *results)
{
	const struct db_result *states = results[0], *row = results[1];

	metric_clear(r->outputs);
	for (size_t i = 0; i < db_rows(states); i++)
		METRIC_SET(r->outputs, db_i64(states, i, "n"),
			   db_text(states, i, "state"));
	METRIC_SET(r->untold, db_i64(row, 0, "untold"));
	METRIC_SET(r->looks_late, db_i64(row, 0, "looks_late"));
	METRIC_SET(r->queued, db_i64(row, 0, "queued"));
	METRIC_SET(r->oldest, db_i64(row, 0, "oldest"));
}

void report_media_collect(struct report_media *r, const struct bridge *b)
{
	struct lifecycle_view v = { 0 };

	METRIC_SET(r->key_known, b->bridge_key == UNSEAL_HAVE ||
				     (b->bridge_key == UNSEAL_UNSET &&
				      !b->cfg->restream.unseal_key_count));
	if (!media_watch_view(b->media, &v))
		return;
	METRIC_SET(r->watched, v.rooms);
	METRIC_SET(r->live, v.live);
	METRIC_SET(r->watch_late, (double)v.late_ms / 1000);
	METRIC_SET(r->viewers_late, (double)v.viewers_late_ms / 1000);
}
