/* test_usage.c -- what a process has used. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/usage.h"

#define BLOCK (32 << 20)

static int64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * CLOCK_NS_PER_S + now.tv_nsec;
}

static void of_ourselves(void **state)
{
	struct usage before, after;
	volatile char *block;

	(void)state;
	/* A name that looks like the fields behind it. */
	prctl(PR_SET_NAME, "a) R 1 2 (b");
	assert_int_equal(usage_read(getpid(), &before), 0);
	assert_true(before.resident_bytes > 0);
	block = malloc(BLOCK);
	assert_true(block != NULL);
	for (size_t i = 0; i < BLOCK; i += 4096)
		block[i] = 1;
	for (int64_t end = cpu_now() + 60 * CLOCK_NS_PER_MS; cpu_now() < end;)
		;
	assert_int_equal(usage_read(getpid(), &after), 0);
	assert_true(after.resident_bytes - before.resident_bytes >= BLOCK / 2);
	assert_in_range(after.cpu_ns - before.cpu_ns, 10 * CLOCK_NS_PER_MS, 60 * CLOCK_NS_PER_S);
	free((void *)(uintptr_t)block);
}

static void of_nobody(void **state)
{
	struct usage usage;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(usage_read(pid, &usage), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_ourselves),
		cmocka_unit_test(of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
