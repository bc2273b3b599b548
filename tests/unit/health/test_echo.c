/* A TCP probe of a port where nobody listens must not take a connection to itself for an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "health/check_types.h"
#include "health/dial.h"

static enum registry_status status;
static char output[128];

static void on_done(const struct health_result *result, void *ctx)
{
	status = result->status;
	snprintf(output, sizeof(output), "%s", result->output);
}

/* A network of our own in which connections are made from one port only: to that port they reach themselves.
 */
static bool enter_echo(int *ret_home)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (home < 0)
		return false;
	if (unshare(CLONE_NEWNET) < 0) {
		close(home);
		return false;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
	*ret_home = home;
	fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool narrow = write(fd, "40000 40000", 11) == 11;
	close(fd);
	return narrow;
}

static void ones_own_echo_is_nobody(void **state)
{
	const struct registry_check_definition definition = {
		.type = REGISTRY_CHECK_TCP, .target = "127.0.0.1:40000"};
	struct health_dialer dialer = {0};
	struct health_probe_env env = {.base = event_base_new(), .dialer = &dialer};
	const struct health_probe_request request = {.definition = &definition,
		.timeout_ns = 5 * CLOCK_NS_PER_S,
		.output_size = sizeof(output),
		.done = on_done};
	struct health_probe *probe;
	int home = -1;
	bool ready = enter_echo(&home);

	if (ready) {
		assert_int_equal(health_tcp_start(&env, &request, &probe), 0);
		event_base_dispatch(env.base);
	}
	health_dialer_finish(&dialer);
	event_base_free(env.base);
	if (home >= 0) {
		assert_int_equal(setns(home, CLONE_NEWNET), 0);
		close(home);
	}
	if (!ready)
		skip(); /* takes root */
	assert_int_equal(status, REGISTRY_CRITICAL);
	assert_string_equal(output, "dial tcp 127.0.0.1:40000: connect: connection refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ones_own_echo_is_nobody)};

	log_setup("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
