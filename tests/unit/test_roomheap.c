/* Rooms by when they are due: against the plain way of finding the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bridge/roomheap.h"

static uint32_t seed = 12345;

static uint32_t next(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static void check_first(const struct roomheap *h)
{
	const struct watched *first = roomheap_first(h);

	for (size_t i = 0; i < h->count; i++)
		if (h->table[i]->place)
			assert_true(first->due_ms <= h->table[i]->due_ms);
	for (size_t i = 1; i < h->count; i++)
		assert_true(strcmp(h->table[i - 1]->uid, h->table[i]->uid) < 0);
}

static void test_against_plain(void **state)
{
	struct roomheap h = { 0 };

	(void)state;
	assert_null(roomheap_first(&h));
	for (int i = 0; i < 20000; i++) {
		char uid[CF_UID_SIZE];
		struct watched *w;

		(void)snprintf(uid, sizeof(uid), "%032x", next() % 300);
		w = roomheap_find(&h, uid);
		if (!w)
			w = roomheap_add(&h, uid);
		assert_ptr_equal(roomheap_find(&h, uid), w);
		roomheap_take(&h, w);
		if (next() % 4 == 0)
			roomheap_remove(&h, w);
		else if (next() % 8)
			roomheap_due(&h, w, next() % 1000);
		if (i % 50 == 0)
			check_first(&h);
	}
	assert_true(h.count > 100);
	roomheap_deinit(&h);
}

static void test_order(void **state)
{
	struct roomheap h = { 0 };
	struct watched *w;
	int64_t last = -1;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char uid[CF_UID_SIZE];

		(void)snprintf(uid, sizeof(uid), "%032x", i);
		roomheap_due(&h, roomheap_add(&h, uid), next() % 5000);
	}
	while ((w = roomheap_first(&h))) {
		assert_true(w->due_ms >= last);
		last = w->due_ms;
		roomheap_remove(&h, w);
	}
	assert_int_equal(h.count, 0);
	roomheap_deinit(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_plain),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
