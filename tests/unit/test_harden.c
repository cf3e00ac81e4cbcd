/* A program that dies of a signal of its own making says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the above */
#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/harden.h"

/* What a child wrote to standard error until it died as @status says. */
static void die(char *said, size_t size, int *status, void (*how)(void))
{
	int ends[2];
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		if (!harden_dumps())
			_exit(3);
		how();
		_exit(4);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, size - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, status, 0), pid);
}

static void call_abort(void)
{
	abort();
}

/* The sum after the call keeps it from being a loop. */
static int deeper(int n)
{
	volatile char page[4096];

	page[0] = (char)n;
	return n < 0 ? 0 : deeper(n + 1) + page[0];
}

static void overflow_stack(void)
{
	_exit(deeper(0));
}

static void test_says_where(void **state)
{
	static const struct {
		void (*how)(void);
		int signum;
		const char *words;
	} ways[] = {
		{ call_abort, SIGABRT, ": died of signal 06, at:\n" },
		{ overflow_stack, SIGSEGV, ": died of signal 11, at:\n" },
	};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* it has last words of its own */
#endif
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		char said[16384];
		int status;

		die(said, sizeof(said), &status, ways[i].how);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), ways[i].signum);
		assert_false(WCOREDUMP(status));
		assert_non_null(strstr(said, ways[i].words));
		assert_non_null(strstr(said, "test_harden"));
		assert_non_null(strstr(strstr(said, "at:\n"), "["));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
