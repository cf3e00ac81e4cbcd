#ifndef CX_CORE_LOOP_H
#define CX_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/err.h"

/**
 * loop_finish - run @loop until nothing is left on it, then close it
 * @loop: everything on it has been freed; only closing handles and work that
 *	cannot be cancelled (a name being looked up) remain
 * @wait_ms: give up after this long
 *
 * Return: false when something was still open after @wait_ms; @loop must then
 * stay where it is until the process is gone.
 */
bool loop_finish(uv_loop_t *loop, uint32_t wait_ms) MUST_CHECK;

/** loop_pause - run @loop for @ms milliseconds, or until a callback calls
 * uv_stop(). Whether one did is for the callback to note: a stop that was
 * asked for before the call ends it at once and is then forgotten. */
void loop_pause(uv_loop_t *loop, uint32_t ms);

#endif
