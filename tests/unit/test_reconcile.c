/* The decision for one room: the cases of its life, and all states at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/reconcile.h"

static struct wanted open_room(void)
{
	return (struct wanted){ .state = WANTED_OPEN, .epoch = 1 };
}

static struct actual live(void)
{
	return (struct actual){ .state = INPUT_LIVE,
				.anchored = true,
				.rotated_epoch = 1 };
}

#define EXPECT(w, a, k) assert_int_equal(reconcile_next(&(w), &(a)).kind, (k))

static void test_birth(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };

	(void)state;
	EXPECT(w, a, STEP_CREATE);
	a.listed = true;
	EXPECT(w, a, STEP_ADOPT);
	a = (struct actual){ .state = INPUT_CREATE_PENDING, .anchored = true };
	EXPECT(w, a, STEP_ADOPT_LIST);
	a.state = INPUT_ABSENT;
	EXPECT(w, a, STEP_CREATE);
	a = live();
	EXPECT(w, a, STEP_READ_AND_SEAL);
	a.sealed = true;
	EXPECT(w, a, STEP_NONE);
}

static void test_bad_key_never_creates(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };
	struct step s;

	(void)state;
	w.key_fault = FAIL_KEY_OFF_CURVE;
	s = reconcile_next(&w, &a);
	assert_int_equal(s.kind, STEP_FAIL);
	assert_int_equal(s.code, FAIL_KEY_OFF_CURVE);
	a.fail_queued = true;
	EXPECT(w, a, STEP_NONE);
}

/* A denied host: what exists goes, and the chain is told once. */
static void test_denied(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };

	(void)state;
	w.denied = w.refused = true;
	EXPECT(w, a, STEP_FAIL); /* a new one */
	w.provisioned_epoch = 1;
	EXPECT(w, a, STEP_ADOPT_CHAIN); /* the database was lost */
	a.listed = true;
	EXPECT(w, a, STEP_ADOPT);
	w.refused = false;
	a = (struct actual){ .state = INPUT_CREATE_PENDING };
	EXPECT(w, a, STEP_ADOPT_LIST);
	a.state = INPUT_ABSENT;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	a.chain_gone = true;
	EXPECT(w, a, STEP_END);
	a = live();
	a.sealed = true;
	EXPECT(w, a, STEP_DISABLE);
	a.fail_queued = true;
	EXPECT(w, a, STEP_DISABLE);
	a.state = INPUT_DISABLED;
	EXPECT(w, a, STEP_NONE); /* the chain is told that already */
	a.fail_queued = false;
	EXPECT(w, a, STEP_END);
	a.end_queued = true;
	EXPECT(w, a, STEP_NONE);
	w.stopping = true;
	EXPECT(w, a, STEP_NONE);
	w.state = WANTED_ENDED;
	EXPECT(w, a, STEP_COLLECT_RECORDINGS);
	a.state = INPUT_DELETED;
	EXPECT(w, a, STEP_NONE);
	/* Served again before the chain knew: on, but not while it is told. */
	w = open_room();
	a.state = INPUT_DISABLED;
	EXPECT(w, a, STEP_NONE);
	a.end_queued = false;
	EXPECT(w, a, STEP_ENABLE);
	/* A reorg opened it again. */
	w.denied = true;
	a.state = INPUT_DELETED;
	EXPECT(w, a, STEP_NONE);
	a.anchored = false;
	EXPECT(w, a, STEP_END);
}

/* The policy is about new rooms: what exists already is left alone. */
static void test_refused(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };
	struct step s;

	(void)state;
	w.refused = true;
	s = reconcile_next(&w, &a);
	assert_int_equal(s.kind, STEP_FAIL);
	assert_int_equal(s.code, FAIL_POLICY);
	a.fail_queued = true;
	EXPECT(w, a, STEP_NONE);
	a.fail_queued = false;
	a.listed = true;
	EXPECT(w, a, STEP_ADOPT);
	a.listed = false;
	w.provisioned_epoch = 1;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	a = live();
	EXPECT(w, a, STEP_ADOPT_CHAIN); /* of another uid */
	w.provisioned_epoch = 0;
	EXPECT(w, a, STEP_READ_AND_SEAL);
	a.state = INPUT_ABSENT;
	EXPECT(w, a, STEP_CREATE);
}

static void test_provisioned(void **state)
{
	struct wanted w = open_room();
	struct actual a = live();

	(void)state;
	w.provisioned_epoch = 1;
	w.provisioned_ours = true;
	memset(w.provisioned_hash, 7, sizeof(w.provisioned_hash));
	EXPECT(w, a, STEP_VERIFY_HASH);
	a.has_hash = true;
	EXPECT(w, a, STEP_VERIFY_HASH);
	memset(a.hash, 7, sizeof(a.hash));
	EXPECT(w, a, STEP_SETTLE);
	a.provisioned_epoch = 1;
	EXPECT(w, a, STEP_NONE);
	w.provisioned_ours = false;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	a.reissue_queued = true;
	EXPECT(w, a, STEP_NONE);
}

/* When nothing else is to be done, whatever the chain is about to hear. */
static void test_recording_days(void **state)
{
	struct wanted w = open_room();
	struct actual a = live();

	(void)state;
	w.recording_days = 45;
	EXPECT(w, a, STEP_READ_AND_SEAL);
	a.sealed = true;
	EXPECT(w, a, STEP_SET_DAYS);
	a.days_wait = true; /* the provider did not take them just now */
	EXPECT(w, a, STEP_NONE);
	w.epoch = 2;
	a.sealed = false;
	EXPECT(w, a, STEP_ROTATE);
	a.days_wait = false;
	EXPECT(w, a, STEP_ROTATE);
	a.reissue_queued = true;
	EXPECT(w, a, STEP_SET_DAYS);
	a.recording_days = 45;
	EXPECT(w, a, STEP_NONE);
	a.days_unknown = true; /* others were on their way */
	EXPECT(w, a, STEP_SET_DAYS);
	a.days_unknown = false;
	w.recording_days = 0; /* for ever again */
	EXPECT(w, a, STEP_SET_DAYS);
	w.stopping = true;
	EXPECT(w, a, STEP_DISABLE);
	a.state = INPUT_DISABLED;
	EXPECT(w, a, STEP_NONE);
	w.stopping = false;
	EXPECT(w, a, STEP_ENABLE);
	a.state = INPUT_ABSENT;
	a.reissue_queued = false;
	EXPECT(w, a, STEP_CREATE);
	a = (struct actual){ 0 };
	EXPECT(w, a, STEP_CREATE);
	w.denied = true;
	a = live();
	EXPECT(w, a, STEP_DISABLE);
}

static void test_new_epoch(void **state)
{
	struct wanted w = open_room();
	struct actual a = live();

	(void)state;
	w.epoch = 2;
	w.provisioned_epoch = 1;
	w.provisioned_ours = true;
	EXPECT(w, a, STEP_ROTATE);
	a.busy_tx = true;
	EXPECT(w, a, STEP_NONE);
	a.busy_tx = false;
	a.rotated_epoch = 2;
	EXPECT(w, a, STEP_READ_AND_SEAL);
	/* The chain is ahead of the horizon. */
	w.epoch = 1;
	w.provisioned_epoch = 2;
	EXPECT(w, a, STEP_NONE);
}

static void test_lost_database(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };

	(void)state;
	w.provisioned_epoch = 1;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	a.listed = true;
	EXPECT(w, a, STEP_ADOPT);
	/* Its input is gone: the host must hear of it first. */
	a = (struct actual){ .state = INPUT_ABSENT, .anchored = true };
	EXPECT(w, a, STEP_ADOPT_CHAIN); /* a row of a backup knows nothing */
	w.denied = true;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	w.denied = false;
	w.epoch = 2;
	EXPECT(w, a, STEP_ADOPT_CHAIN);
	w.epoch = 1;
	a.listed = true;
	EXPECT(w, a, STEP_ADOPT);
	a.listed = false;
	a.chain_gone = true;
	assert_int_equal(reconcile_next(&w, &a).code, REISSUE_REPLACED);
	EXPECT(w, a, STEP_REISSUE);
	a.reissue_queued = true;
	EXPECT(w, a, STEP_NONE);
	a.reissue_queued = false;
	w.epoch = 2;
	EXPECT(w, a, STEP_CREATE);
}

static void test_end(void **state)
{
	static const enum wanted_state over[] = { WANTED_ENDED, WANTED_FAILED,
						  WANTED_VANISHED };
	struct actual a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		struct wanted w = { .state = over[i], .stopping = true };

		a = (struct actual){ 0 };
		EXPECT(w, a, STEP_NONE);
		a.state = INPUT_ABSENT;
		EXPECT(w, a, STEP_CLOSE);
		w.provisioned_epoch = 1;
		EXPECT(w, a, STEP_ADOPT_CHAIN); /* a row of a backup */
		a.chain_gone = true;
		EXPECT(w, a, STEP_CLOSE);
		a.state = INPUT_CREATE_PENDING;
		EXPECT(w, a, STEP_ADOPT_LIST);
		a.state = INPUT_LIVE;
		EXPECT(w, a, STEP_DISABLE);
		a.state = INPUT_DISABLED;
		EXPECT(w, a, STEP_COLLECT_RECORDINGS);
		a.recordings_kept = true;
		EXPECT(w, a, STEP_DELETE);
		a.state = INPUT_DELETED;
		EXPECT(w, a, STEP_NONE);
	}
}

static void test_end_not_yet_confirmed(void **state)
{
	struct wanted w = open_room();
	struct actual a = { 0 };

	(void)state;
	w.stopping = true;
	EXPECT(w, a, STEP_NONE);
	a = live();
	EXPECT(w, a, STEP_DISABLE);
	a.state = INPUT_DISABLED;
	EXPECT(w, a, STEP_NONE);
	w.stopping = false; /* reorged away */
	EXPECT(w, a, STEP_ENABLE);
}

static void test_reorged_creation(void **state)
{
	struct wanted w = open_room();
	struct actual a = live();

	(void)state;
	a.anchored = false;
	EXPECT(w, a, STEP_REANCHOR);
	a.state = INPUT_DELETED;
	EXPECT(w, a, STEP_CREATE);
	a.anchored = true;
	EXPECT(w, a, STEP_NONE);
	w.state = WANTED_UNKNOWN;
	a = live();
	EXPECT(w, a, STEP_NONE);
}

static bool makes(enum step_kind k)
{
	return k == STEP_CREATE || k == STEP_ROTATE ||
	       k == STEP_READ_AND_SEAL || k == STEP_REISSUE || k == STEP_ENABLE;
}

static void from_bits(uint32_t bits, struct wanted *w, struct actual *a)
{
	*w = (struct wanted){
		.state = (enum wanted_state)(1 + bits % 5),
		.stopping = bits >> 5 & 1,
		.epoch = 1 + (bits >> 6 & 1),
		.key_fault = bits >> 7 & 1,
		.provisioned_epoch = (bits >> 8 & 3) % 3,
		.provisioned_ours = bits >> 10 & 1,
		.recording_days = 45 * (bits >> 3 & 1),
	};
	*a = (struct actual){
		.state = (enum input_state)((bits >> 11 & 7) % 6),
		.anchored = bits >> 14 & 1,
		.listed = bits >> 15 & 1,
		.give_up = bits >> 16 & 1,
		.rotated_epoch = 1 + (bits >> 17 & 1),
		.has_hash = bits >> 18 & 1,
		.provisioned_epoch = bits >> 19 & 1,
		.recordings_kept = bits >> 20 & 1,
		.sealed = bits >> 21 & 1,
		.busy_tx = bits >> 22 & 1,
		.reissue_queued = bits >> 23 & 1,
		.fail_queued = bits >> 24 & 1,
		.recording_days = 45 * (bits >> 2 & 1),
		.days_wait = bits >> 1 & 1,
		.days_unknown = bits >> 4 & 1,
	};
}

/* What no combination may lead to. */
static void test_everything(void **state)
{
	struct wanted w;
	struct actual a;
	uint32_t bits;
	enum step_kind k;

	(void)state;
	for (bits = 0; bits < 1u << 25; bits++) {
		from_bits(bits, &w, &a);
		k = reconcile_next(&w, &a).kind;
		(void)step_name(k);
		if (w.state != WANTED_OPEN || w.stopping)
			assert_false(makes(k));
		if (w.state == WANTED_UNKNOWN)
			assert_int_equal(k, STEP_NONE);
		if (k == STEP_DELETE || k == STEP_COLLECT_RECORDINGS)
			assert_true(w.state != WANTED_OPEN &&
				    a.state == INPUT_DISABLED);
		if (k == STEP_ADOPT)
			assert_true(a.listed && (a.state == INPUT_NONE ||
						 a.state == INPUT_ABSENT));
		if (k == STEP_DISABLE)
			assert_true(w.stopping || w.state != WANTED_OPEN);
		if (k == STEP_SET_DAYS)
			assert_true(w.state == WANTED_OPEN && !w.stopping &&
				    a.state == INPUT_LIVE && !a.days_wait &&
				    (a.days_unknown ||
				     a.recording_days != w.recording_days));
		if (k == STEP_CREATE)
			assert_true(!w.key_fault && !a.fail_queued &&
				    a.state != INPUT_LIVE &&
				    a.state != INPUT_DISABLED &&
				    a.state != INPUT_CREATE_PENDING &&
				    w.provisioned_epoch < w.epoch);
		if (k == STEP_READ_AND_SEAL)
			assert_true(!a.sealed && !a.busy_tx &&
				    a.rotated_epoch >= w.epoch &&
				    w.provisioned_epoch < w.epoch);
	}
}

/* A denied host: nothing is made nor enabled, and the end is told once. */
static void test_denied_everything(void **state)
{
	struct wanted w;
	struct actual a;
	enum step_kind k;
	unsigned bits;

	(void)state;
	for (bits = 0; bits < 1u << 25; bits += 3) {
		from_bits(bits, &w, &a);
		w.denied = true;
		a.end_queued = bits >> 4 & 1;
		k = reconcile_next(&w, &a).kind;
		assert_true(k != STEP_CREATE && k != STEP_ENABLE &&
			    k != STEP_ROTATE && k != STEP_READ_AND_SEAL);
		if (k == STEP_END)
			assert_true(w.state == WANTED_OPEN && !w.stopping &&
				    !a.end_queued && a.state != INPUT_LIVE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_birth),
		cmocka_unit_test(test_bad_key_never_creates),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_provisioned),
		cmocka_unit_test(test_recording_days),
		cmocka_unit_test(test_new_epoch),
		cmocka_unit_test(test_lost_database),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_not_yet_confirmed),
		cmocka_unit_test(test_reorged_creation),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_denied_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
