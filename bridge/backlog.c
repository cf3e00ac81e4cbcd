/*
 * Keeps the rooms that there was no slot for when the database named them, so
 * that a slot that becomes free needs no new question. Asks nothing, and
 * decides nothing about a room: job_try() does, at the moment it begins.
 */
#include "bridge/backlog.h"

#include "bridge/job.h"

static bool slots_left(const struct bridge *b)
{
	return b->job_count < BRIDGE_JOBS_MAX ||
	       b->stop_job_count < BRIDGE_STOP_JOBS_MAX;
}

bool backlog_good(const struct bridge *b)
{
	return b->waiting && uv_now(b->loop) - b->waiting_ms < BACKLOG_MS;
}

void backlog_drop(struct bridge *b)
{
	struct job *j;

	while ((j = b->waiting) != NULL) {
		b->waiting = j->next;
		job_free(j);
	}
}

/* A step that begins may end at once, and with it come back to here. */
void backlog_run(struct bridge *b)
{
	struct job **p = &b->waiting;

	if (b->beginning || b->querying || b->stopping || b->paused)
		return;
	if (!backlog_good(b)) {
		backlog_drop(b);
		return;
	}
	b->beginning = true;
	while (*p && slots_left(b) && !b->stopping) {
		struct job *j = *p;

		*p = j->next;
		if (job_try(j) != JOB_WAITS)
			continue;
		j->next = *p;
		*p = j;
		p = &j->next;
	}
	b->beginning = false;
}

void backlog_take(struct bridge *b, const struct db_result *todo)
{
	struct job **end = &b->waiting;
	size_t i;

	backlog_drop(b);
	for (i = 0; i < db_rows(todo); i++) {
		if (db_is_null(todo, i, "room_id") ||
		    job_exists(b, db_text(todo, i, "room_id")))
			continue;
		*end = job_read(b, todo, i);
		end = &(*end)->next;
	}
	b->waiting_ms = uv_now(b->loop);
	backlog_run(b);
}
