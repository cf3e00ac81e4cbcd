/*
 * What the process denies others: its memory. Since no core file tells why it
 * died, it says where, as addresses alone. It changes no file and needs no
 * right.
 */
#include "core/harden.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/mem.h"

#define FRAMES_MAX 64

/* A sanitizer says more, where there is one. */
#ifdef __SANITIZE_ADDRESS__
#define OWN_LAST_WORDS 0
#else
#define OWN_LAST_WORDS 1
#endif

static const int deadly[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is nobody to tell */
}

/* Only what may be called from a handler. The signal's own action was put
 * back before it came here, and ends the process when it is raised again. */
static void last_words(int signum)
{
	char number[] = "00";
	void *frames[FRAMES_MAX];

	number[0] = (char)('0' + signum / 10 % 10);
	number[1] = (char)('0' + signum % 10);
	say(program_invocation_short_name);
	say(": died of signal ");
	say(number);
	say(", at:\n");
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX),
			     STDERR_FILENO);
	raise(signum);
}

static bool keep_last_words(void)
{
	static char stack[64 * 1024]; /* the own one may be what overflowed */
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction act = { 0 };
	void *frame;
	bool ok = sigaltstack(&other, NULL) == 0;

	(void)backtrace(&frame, 1); /* the first call allocates */
	act.sa_handler = last_words;
	act.sa_flags = (int)(SA_RESETHAND | SA_ONSTACK | SA_NODEFER);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++)
		ok &= sigaction(deadly[i], &act, NULL) == 0;
	return ok;
}

bool harden_dumps(void)
{
	struct rlimit none = { 0, 0 };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
	       setrlimit(RLIMIT_CORE, &none) == 0 &&
	       (!OWN_LAST_WORDS || keep_last_words());
}
