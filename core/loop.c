/*
 * Waiting on a loop, and its orderly end. Handles close one or more turns after
 * they were given up, and libwebsockets wants some turns more, so a loop is run
 * until it is empty. It never ends anything that is still in use.
 */
#include "core/loop.h"

#include <stdlib.h>

#include "core/mem.h"

static void on_late(uv_timer_t *timer)
{
	uv_stop(timer->loop);
	*(bool *)timer->data = true;
}

bool loop_finish(uv_loop_t *loop, uint32_t wait_ms)
{
	bool late = false;
	uv_timer_t timer;

	if (uv_timer_init(loop, &timer) != 0)
		abort();
	timer.data = &late;
	uv_update_time(loop);
	uv_timer_start(&timer, on_late, wait_ms, 0);
	uv_unref((uv_handle_t *)&timer);
	/* A stop asked for before ends the first run early. */
	while (!late && uv_run(loop, UV_RUN_DEFAULT) != 0)
		;
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(loop, UV_RUN_NOWAIT); /* the timer closes in one turn */
	return uv_loop_close(loop) == 0;
}

static void on_pause_over(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void on_pause_closed(uv_handle_t *handle)
{
	free(handle);
}

void loop_pause(uv_loop_t *loop, uint32_t ms)
{
	uv_timer_t *timer = mem_zalloc(sizeof(*timer));

	if (uv_timer_init(loop, timer) != 0)
		abort();
	uv_update_time(loop);
	uv_timer_start(timer, on_pause_over, ms, 0);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)timer, on_pause_closed);
}
