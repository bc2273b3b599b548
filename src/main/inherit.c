/* inherit.c -- the child's side of the supervisor's contract. */
#include "main/inherit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/page.h"
#include "main/wiring.h"

#define BUSY_PATIENCE 600 /* seconds */

/* Takes a config over; the old one goes. 0 or negative errno. */
static int take_config(const char *data, size_t size, struct main_config *config)
{
	struct main_config fresh;
	int r = options_deserialize(data, size, &fresh);
	if (r < 0)
		return r;
	options_finish(config);
	*config = fresh;
	return 0;
}

/* Receives one message: its kind, INHERIT_END at the end of the supervisor, or negative errno. */
static int receive(struct inherit *inherit)
{
	char message[INHERIT_MESSAGE_MAX];
	ssize_t n;
	do
		n = recv(INHERIT_CONTROL, message, sizeof(message) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : INHERIT_END;
	message[n] = '\0';
	if (message[0] == INHERIT_CONFIG) {
		int r = take_config(message + 1, (size_t)n - 1, &inherit->config);
		return r < 0 ? r : INHERIT_CONFIG;
	}
	free(inherit->text);
	inherit->text = mem_strdup(message + 1);
	return message[0] == INHERIT_TAKEN || message[0] == INHERIT_REFUSED ? message[0] : -EPROTO;
}

int inherit_ask_reload(void)
{
	const char message = INHERIT_RELOAD;
	return send(INHERIT_CONTROL, &message, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int inherit_open(int parent, const char *process, struct inherit *ret)
{
	sigset_t all, term;
	struct page *peer = NULL;
	*ret = (struct inherit){.signals = -1};
	log_setup(process, LOG_INFO);
	prctl(PR_SET_NAME, "svcdnsd"); /* after exec of /proc/self/exe it is "exe" */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return -ECHILD;
	/* Every thread made later inherits the mask: SIGTERM comes by the signalfd, a terminal's SIGINT and
	 * SIGHUP are the supervisor's business, and a closed pipe is an error of write(). */
	sigemptyset(&all);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGPIPE);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	ret->signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ret->signals < 0)
		return -errno;
	int r = receive(ret);
	if (r != INHERIT_CONFIG)
		return r < 0 ? r : -ECHILD;
	wiring_log(&ret->config, process);
	r = page_map(INHERIT_OWN_PAGE, true, &ret->own);
	if (r == 0)
		r = page_map(INHERIT_PEER_PAGE, false, &peer);
	ret->peer = peer;
	if (r == 0)
		page_tick(&ret->own->threads[PAGE_MAIN]);
	return r;
}

int inherit_map_traces(struct inherit *inherit, bool own)
{
	return page_map_traces(own ? INHERIT_OWN_PAGE : INHERIT_PEER_PAGE, own, &inherit->traces);
}

/* One tick, and what the log dropped since the last one, which is told and counted. */
static void tick(struct page_thread *thread)
{
	static uint64_t told;
	uint64_t dropped = log_dropped();
	page_tick(thread);
	log_tell_suppressed();
	metrics_add(&thread->metrics, METRIC_LOG_DROPPED, (int64_t)(dropped - told));
	told = dropped;
}

enum inherit_message inherit_wait(struct inherit *inherit)
{
	struct pollfd fds[] = {
		{.fd = inherit->signals, .events = POLLIN}, {.fd = INHERIT_CONTROL, .events = POLLIN}};
	for (;;) {
		tick(&inherit->own->threads[PAGE_MAIN]);
		if (poll(fds, 2, 1000) <= 0)
			continue;
		if (fds[0].revents)
			return INHERIT_END;
		if (!fds[1].revents)
			continue;
		int r = receive(inherit);
		if (r >= 0)
			return (enum inherit_message)r;
		log_error("cannot read what the supervisor sends", "error", err_str(r));
	}
}

void inherit_set_busy(const struct inherit *inherit, bool busy)
{
	struct page_thread *thread = &inherit->own->threads[PAGE_MAIN];
	/* The tick comes first: children_watch() must not see the end of the patience without it. */
	page_tick(thread);
	atomic_store(&thread->patience, busy ? BUSY_PATIENCE : 0);
}

void inherit_close(struct inherit *inherit)
{
	options_finish(&inherit->config);
	free(inherit->text);
	page_unmap_traces(inherit->traces);
	page_unmap(inherit->own);
	page_unmap(inherit->peer);
	if (inherit->signals >= 0)
		close(inherit->signals);
	*inherit = (struct inherit){.signals = -1};
}
