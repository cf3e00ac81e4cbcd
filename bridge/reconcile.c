/*
 * What to do next for one room, as a function of what the chain wants and of
 * what there is. It decides only: every crash, repeat and lost answer shows up
 * here as just another pair of states.
 */
#include "bridge/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/target.h"

static struct step step(enum step_kind kind)
{
	return (struct step){ .kind = kind };
}

static struct step step_code(enum step_kind kind, uint8_t code)
{
	return (struct step){ .kind = kind, .code = code };
}

/* A list may be stale, a row that says "absent" from a backup: what the list
 * shows and what the chain names comes before anything is made or told. */
static struct step next_found(const struct wanted *w, const struct actual *a)
{
	if (a->listed)
		return step(STEP_ADOPT);
	if (w->provisioned_epoch > 0 && !a->reissue_queued && !a->chain_gone)
		return step(STEP_ADOPT_CHAIN);
	return step(STEP_NONE);
}

/* Ended, failed or vanished up to the horizon: nothing may stay. */
static struct step next_stop(const struct wanted *w, const struct actual *a)
{
	struct step s = next_found(w, a);

	switch (a->state) {
	case INPUT_NONE:
	case INPUT_DELETED:
		return step(STEP_NONE);
	case INPUT_ABSENT:
		return s.kind != STEP_NONE ? s : step(STEP_CLOSE);
	case INPUT_CREATE_PENDING:
		return step(STEP_ADOPT_LIST);
	case INPUT_LIVE:
		return step(STEP_DISABLE);
	case INPUT_DISABLED:
		return step(a->recordings_kept ? STEP_DELETE
					       : STEP_COLLECT_RECORDINGS);
	}
	abort();
}

/* Nothing exists (any more): the chain may name an input that is gone, and
 * takes no second provision for the same epoch. */
static struct step next_create(const struct wanted *w, const struct actual *a)
{
	if (a->reissue_queued)
		return step(STEP_NONE);
	if (w->provisioned_epoch > w->epoch)
		return step(STEP_NONE); /* the horizon is not there yet */
	if (w->provisioned_epoch == w->epoch)
		return step_code(STEP_REISSUE, REISSUE_REPLACED);
	return step(STEP_CREATE);
}

static struct step next_unknown(const struct wanted *w, const struct actual *a)
{
	struct step s = next_found(w, a);

	if (s.kind != STEP_NONE)
		return s;
	/* What was accepted once stays: only a new room is judged. */
	if (a->state == INPUT_NONE && (w->refused || w->denied))
		return step_code(STEP_FAIL, FAIL_POLICY);
	return next_create(w, a);
}

static struct step next_provisioned(const struct wanted *w,
				    const struct actual *a)
{
	if (!w->provisioned_ours)
		return step(STEP_ADOPT_CHAIN);
	if (!a->has_hash ||
	    memcmp(a->hash, w->provisioned_hash, sizeof(a->hash)) != 0)
		return step(STEP_VERIFY_HASH);
	if (a->provisioned_epoch < w->epoch)
		return step(STEP_SETTLE);
	return step(STEP_NONE);
}

static struct step next_credentials(const struct wanted *w,
				    const struct actual *a)
{
	if (a->reissue_queued || w->provisioned_epoch > w->epoch)
		return step(STEP_NONE);
	if (w->provisioned_epoch == w->epoch)
		return next_provisioned(w, a);
	if (a->sealed || a->busy_tx)
		return step(STEP_NONE);
	if (a->rotated_epoch < w->epoch)
		return step(STEP_ROTATE);
	return step(STEP_READ_AND_SEAL);
}

/* How long recordings stay is in no hurry: it comes when nothing else is to be
 * done, and waits neither for the chain nor lets anything wait. */
static struct step next_live(const struct wanted *w, const struct actual *a)
{
	struct step s = next_credentials(w, a);

	if (s.kind == STEP_NONE && !a->days_wait &&
	    (a->days_unknown || a->recording_days != w->recording_days))
		return step(STEP_SET_DAYS);
	return s;
}

static struct step next_end(const struct actual *a)
{
	return step(a->end_queued || a->fail_queued ? STEP_NONE : STEP_END);
}

/* Its host is served no longer: what exists is switched off at once, and goes
 * when the chain has the end. */
static struct step next_denied(const struct wanted *w, const struct actual *a)
{
	struct step s = next_found(w, a);

	switch (a->state) {
	case INPUT_NONE:
		break; /* what the provider or the chain has is adopted first */
	case INPUT_LIVE:
		return step(STEP_DISABLE);
	case INPUT_CREATE_PENDING:
		return step(STEP_ADOPT_LIST);
	case INPUT_ABSENT:
		return s.kind != STEP_NONE ? s : next_end(a);
	case INPUT_DISABLED:
	case INPUT_DELETED: /* of a room that a reorg opened again */
		return next_end(a);
	}
	abort();
}

static struct step next_open(const struct wanted *w, const struct actual *a)
{
	if (w->stopping)
		return step(a->state == INPUT_LIVE ? STEP_DISABLE : STEP_NONE);
	if (w->denied && a->state != INPUT_NONE &&
	    (a->state != INPUT_DELETED || !a->anchored))
		return next_denied(w, a);
	if (a->fail_queued)
		return step(STEP_NONE);
	if (w->key_fault)
		return step_code(STEP_FAIL, w->key_fault);
	if (a->state != INPUT_NONE && a->state != INPUT_DELETED && !a->anchored)
		return step(STEP_REANCHOR);
	switch (a->state) {
	case INPUT_NONE:
	case INPUT_ABSENT:
		return next_unknown(w, a);
	case INPUT_CREATE_PENDING:
		return step(STEP_ADOPT_LIST);
	case INPUT_LIVE:
		return next_live(w, a);
	case INPUT_DISABLED:
		return step(a->end_queued ? STEP_NONE : STEP_ENABLE);
	case INPUT_DELETED:
		/* Only a creation that was reorged opens a closed room. */
		return a->anchored ? step(STEP_NONE) : next_create(w, a);
	}
	abort();
}

/* Removed: what exists goes, what may exist is looked for first. */
static struct step next_output_gone(const struct actual_output *a)
{
	switch (a->state) {
	case OUTPUT_NEW:
	case OUTPUT_ABSENT:
	case OUTPUT_REFUSED:
		return step(a->recorded ? STEP_OUTPUT_CLOSE : STEP_NONE);
	case OUTPUT_CREATE_PENDING:
		return step(STEP_OUTPUT_MATCH);
	case OUTPUT_LIVE:
		return step(STEP_OUTPUT_DELETE);
	case OUTPUT_DELETED:
		return step(STEP_NONE);
	}
	abort();
}

/* Last of all: what the chain says of it. */
static struct step next_output_told(const struct actual_output *a, uint8_t code)
{
	if (a->told == code || a->telling)
		return step(STEP_NONE);
	return step_code(STEP_OUTPUT_TELL, code);
}

static struct step next_output_there(const struct wanted_output *w,
				     const struct actual_output *a)
{
	bool on = w->state == OUTPUT_WANTED_ON;

	if (!a->anchored &&
	    (a->state == OUTPUT_LIVE || a->state == OUTPUT_REFUSED))
		return step(STEP_OUTPUT_REANCHOR);
	switch (a->state) {
	case OUTPUT_NEW:
	case OUTPUT_DELETED: /* its removal was reorged away */
		/* One too many may be there since before that was so. */
		if (w->fault && w->fault != TARGET_POLICY)
			return step_code(STEP_OUTPUT_REFUSE, w->fault);
		return step(STEP_OUTPUT_MATCH);
	case OUTPUT_ABSENT:
		if (w->fault)
			return step_code(STEP_OUTPUT_REFUSE, w->fault);
		return step(STEP_OUTPUT_CREATE);
	case OUTPUT_CREATE_PENDING:
		return step(STEP_OUTPUT_MATCH);
	case OUTPUT_LIVE:
		if (a->enabled != on)
			return step(on ? STEP_OUTPUT_ENABLE
				       : STEP_OUTPUT_DISABLE);
		if (a->doubt)
			return step(STEP_OUTPUT_MATCH);
		return next_output_told(a, 0);
	case OUTPUT_REFUSED:
		return next_output_told(a, a->code);
	}
	abort();
}

/* Outputs need their live input, stop with it and go with it. */
static struct step next_output(const struct wanted *w, const struct actual *a)
{
	if (w->state != WANTED_OPEN || w->stopping || a->state != INPUT_LIVE)
		return step(STEP_NONE);
	switch (w->output.state) {
	case OUTPUT_WANTED_ON:
	case OUTPUT_WANTED_OFF:
		return next_output_there(&w->output, &a->output);
	case OUTPUT_WANTED_GONE:
		return next_output_gone(&a->output);
	case OUTPUT_WANTED_UNKNOWN:
		return step(STEP_NONE);
	}
	abort();
}

struct step reconcile_next(const struct wanted *w, const struct actual *a)
{
	if (w->output.id)
		return next_output(w, a);
	switch (w->state) {
	case WANTED_OPEN:
		return next_open(w, a);
	case WANTED_FAILED:
	case WANTED_ENDED:
	case WANTED_VANISHED:
		return next_stop(w, a);
	case WANTED_UNKNOWN:
		return step(STEP_NONE);
	}
	abort();
}

const char *step_name(enum step_kind kind)
{
	switch (kind) {
	case STEP_NONE:
		return "none";
	case STEP_FAIL:
		return "fail";
	case STEP_CREATE:
		return "create";
	case STEP_ADOPT:
		return "adopt";
	case STEP_ADOPT_LIST:
		return "adopt_list";
	case STEP_ADOPT_CHAIN:
		return "adopt_chain";
	case STEP_REANCHOR:
		return "reanchor";
	case STEP_ROTATE:
		return "rotate";
	case STEP_READ_AND_SEAL:
		return "read_and_seal";
	case STEP_VERIFY_HASH:
		return "verify_hash";
	case STEP_SETTLE:
		return "settle";
	case STEP_REISSUE:
		return "reissue";
	case STEP_ENABLE:
		return "enable";
	case STEP_DISABLE:
		return "disable";
	case STEP_SET_DAYS:
		return "set_days";
	case STEP_COLLECT_RECORDINGS:
		return "collect_recordings";
	case STEP_DELETE:
		return "delete";
	case STEP_CLOSE:
		return "close";
	case STEP_END:
		return "end";
	case STEP_OUTPUT_REANCHOR:
		return "output_reanchor";
	case STEP_OUTPUT_REFUSE:
		return "output_refuse";
	case STEP_OUTPUT_CREATE:
		return "output_create";
	case STEP_OUTPUT_MATCH:
		return "output_match";
	case STEP_OUTPUT_ENABLE:
		return "output_enable";
	case STEP_OUTPUT_DISABLE:
		return "output_disable";
	case STEP_OUTPUT_DELETE:
		return "output_delete";
	case STEP_OUTPUT_CLOSE:
		return "output_close";
	case STEP_OUTPUT_TELL:
		return "output_tell";
	}
	abort();
}

bool step_stops(enum step_kind kind)
{
	return kind == STEP_DISABLE || kind == STEP_COLLECT_RECORDINGS ||
	       kind == STEP_DELETE || kind == STEP_CLOSE;
}

bool step_opens(enum step_kind kind)
{
	return kind == STEP_CREATE || kind == STEP_ADOPT ||
	       kind == STEP_ADOPT_LIST || kind == STEP_ADOPT_CHAIN ||
	       kind == STEP_ENABLE;
}
