/*
 * What the process denies others: its memory. It changes no file and needs no
 * right.
 */
#include "core/harden.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

bool harden_dumps(void)
{
	struct rlimit none = { 0, 0 };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &none) == 0;
}
