#ifndef CX_CORE_HEALTH_H
#define CX_CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/metrics.h"

/*
 * What a daemon tells those who watch it, on a loopback address:
 *
 *	/healthz  200 as long as the loop turns
 *	/readyz   200, or 503 with the reasons, as JSON
 *	/metrics  Prometheus text
 *
 * Whether it is ready is the daemon's decision, a pure function of what it
 * observed; this only asks and writes.
 */
struct health;

#define HEALTH_REASONS_MAX 12

struct health_report {
	const char *role; /* "starting", "standby", "leader" */
	size_t count;     /* 0: ready */
	struct {
		const char *name; /* one of a fixed set */
		char detail[160]; /* for people; numbers, no secret */
	} reasons[HEALTH_REASONS_MAX];
};

/** health_reason - one reason more for not being ready; past the maximum it
 * is left out, which changes nothing: the daemon is not ready anyway */
void health_reason(struct health_report *r, const char *name, const char *fmt,
		   ...) PRINTF(3, 4);
/** health_has - whether @name is among the reasons */
bool health_has(const struct health_report *r, const char *name);
/** health_write - append {"ready":…,"role":…,"reasons":[…]} and a line end */
void health_write(const struct health_report *r, struct buf *out);

/* How long something has not caught up with a growing number. */
struct health_mark {
	bool set;
	uint64_t target, since_ms;
};

/**
 * health_mark_age_ms - note that @have of @target are done, and tell for how
 * long a target that is not reached has been waiting; pure
 * @target: now, may shrink
 *
 * Return: 0 when nothing is owed.
 */
uint64_t health_mark_age_ms(struct health_mark *m, uint64_t have,
			    uint64_t target, uint64_t now_ms);

struct health_opts {
	uv_loop_t *loop;
	const char *listen; /* see httpd_address(); "off": no server */
	/* is it ready now? @out is empty, its role "starting" */
	void (*ready)(void *arg, struct health_report *out);
	/* before metrics are written: set those that are kept elsewhere */
	void (*collect)(void *arg);
	/* it listens (@err is NULL), or could not for the first time (it goes
	 * on trying while the port is in use: a standby on the same machine
	 * takes the port over with the lead) */
	void (*on_listen)(void *arg, uint16_t port, const struct err *err);
	void *arg;
};

/** health_new - callbacks come from the loop, but for on_listen */
struct health *health_new(const struct health_opts *opts);
/** health_free - run the loop before uv_loop_close(); accepts NULL */
void health_free(struct health *h);
DEFINE_AUTO(health, health_free)

/** health_metrics - the registry; it has this process's metrics already */
struct metrics *health_metrics(struct health *h);

#endif
