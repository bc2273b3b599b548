/* A process that gets no more threads cannot look names up, which says nothing about who has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/log.h"
#include "probe_rig.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

/* From here on the kernel refuses each new thread, as it does at a limit (RLIMIT_NPROC does not bind root).
 * False if it does not let us ask for that. */
static bool forbid_threads(void)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		FAIL(ENOSYS), /* its flags are out of sight; libc takes clone() instead */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
		LOAD(args[0]), /* the low half, where the flags are */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
		FAIL(EAGAIN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static bool forbidden;

static void a_name_that_no_thread_looks_up_is_no_verdict(void **state)
{
	static const struct registry_check_definition definitions[] = {
		{.type = REGISTRY_CHECK_TCP, .target = "name.example:80"},
		{.type = REGISTRY_CHECK_HTTP, .target = "http://name.example/"},
		{.type = REGISTRY_CHECK_GRPC, .target = "name.example:80"},
	};
	struct fixture *f = *state;

	if (!forbidden)
		skip();
	for (size_t i = 0; i < sizeof(definitions) / sizeof(definitions[0]); i++) {
		assert_int_equal(probe_start(f, &definitions[i], 20000), 0);
		probe_wait(f);
		assert_int_equal(f->results, 1);
		assert_non_null(strstr(f->output, "thread"));
		assert_false(f->result.judged);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_name_that_no_thread_looks_up_is_no_verdict, probe_setup, probe_teardown),
	};

	log_setup("test", LOG_ERROR);
	forbidden = forbid_threads();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
