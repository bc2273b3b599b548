/* children.c -- fork, exec, ticks, back-off. */
#include "main/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "net/wake.h"

#define BACKOFF_FIRST (100 * CLOCK_NS_PER_MS)
#define BACKOFF_MOST (5 * CLOCK_NS_PER_S)
#define QUICK_DEATH (10 * CLOCK_NS_PER_S)

/* What is said of a child, for /metrics. */
static struct page_process *told(const struct child children[CHILD_COUNT], enum child_role role)
{
	static const enum page_process_id ids[CHILD_COUNT] = {
		[CHILD_DNS] = PROCESS_DNS, [CHILD_SIDECAR] = PROCESS_SIDECAR, [CHILD_RELAY] = PROCESS_RELAY};
	return &children[CHILD_SIDECAR].page->processes[ids[role]];
}

int children_init(struct child children[CHILD_COUNT])
{
	static const char *const names[CHILD_COUNT] = {"dns", "sidecar", "relay"};
	for (int i = 0; i < CHILD_COUNT; i++) {
		struct child *child = &children[i];
		*child = (struct child){.name = names[i],
			.wanted = i != CHILD_RELAY,
			.control = -1,
			.page_fd = -1,
			.page_read_fd = -1,
			.bell = -1};
		int r = page_create(&child->page_fd, &child->page_read_fd);
		if (r == 0)
			r = page_map(child->page_fd, true, &child->page);
		if (r < 0)
			return r;
		child->bell = net_wake_create();
		if (child->bell < 0)
			return child->bell;
	}
	atomic_store(&children[CHILD_SIDECAR].page->processes[PROCESS_SUPERVISOR].pid, getpid());
	atomic_store(&children[CHILD_SIDECAR].page->processes[PROCESS_SUPERVISOR].started_ns,
		clock_wall(clock_system()));
	return 0;
}

void children_finish(struct child children[CHILD_COUNT])
{
	for (int i = 0; i < CHILD_COUNT; i++) {
		const int fds[] = {
			children[i].control, children[i].page_fd, children[i].page_read_fd, children[i].bell};
		for (size_t k = 0; k < sizeof(fds) / sizeof(fds[0]); k++)
			if (fds[k] >= 0)
				close(fds[k]);
		page_unmap(children[i].page);
	}
}

#define INHERITED_MAX                                                                                        \
	(INHERIT_SOCKETS - INHERIT_CONTROL +                                                                 \
		2 * 64 * (16 + 1)) /* 64 workers; 16 addresses and a link, twice */

/* Puts the descriptors where inherit.h says. They are copied up first, because a source may stand on another
 * one's target. */
static int arrange(const int *from, size_t count)
{
	int high[INHERITED_MAX];
	for (size_t i = 0; i < count; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, INHERIT_CONTROL + (int)count);
		if (high[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(high[i], INHERIT_CONTROL + (int)i) < 0)
			return -errno;
	return 0;
}

/* In the new process, up to exec: only calls that are safe after fork. */
static _Noreturn void become(const struct child *child, const struct child *other, int control, pid_t parent)
{
	int from[INHERITED_MAX];
	size_t count = 0;
	from[count++] = control;
	from[count++] = child->page_fd;
	from[count++] = other->page_read_fd;
	from[count++] = child->bell;
	from[count++] = other->bell;
	for (size_t i = 0; i < child->socket_count && count < INHERITED_MAX; i++)
		from[count++] = child->sockets[i];
	for (size_t i = 0; i < child->link_count && count < INHERITED_MAX; i++)
		from[count++] = child->links[i];
	char program[] = "svcdnsd", role[32], pid[32];
	snprintf(role, sizeof(role), "--role=%s", child->name);
	snprintf(pid, sizeof(pid), "--parent=%d", (int)parent);
	char *const argv[] = {program, role, pid, NULL};
	if (arrange(from, count) == 0)
		execv("/proc/self/exe", argv);
	_exit(127);
}

/* Whose page and bell a child gets besides its own. */
static struct child *peer_of(struct child children[CHILD_COUNT], enum child_role role)
{
	return &children[role == CHILD_DNS ? CHILD_SIDECAR : CHILD_DNS];
}

int children_start(
	struct child children[CHILD_COUNT], enum child_role role, const struct buf *config, int64_t now)
{
	struct child *child = &children[role];
	const struct child *other = peer_of(children, role);
	int pair[2], size = 2 * INHERIT_MESSAGE_MAX;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	page_reset(child->page);
	atomic_store(&told(children, role)->started_ns, clock_wall(clock_system()));
	memset(child->ticks, 0, sizeof(child->ticks));
	child->control = pair[0];
	children_tell(child, INHERIT_CONFIG, config->data, config->size);
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(child, other, pair[1], parent);
	int error = errno;
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		atomic_store(&told(children, role)->started_ns, 0);
		child->control = -1;
		return -error;
	}
	child->pid = pid;
	atomic_fetch_add(&told(children, role)->starts, 1);
	atomic_store(&told(children, role)->pid, pid);
	child->started_ns = now;
	child->term_sent = false;
	child->mute = false;
	log_info("process started", "child", child->name, "pid", log_u64((unsigned)pid));
	return 0;
}

static const char *how(int status)
{
	return WIFSIGNALED(status) ? log_fmt("signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)))
				   : log_fmt("exit status %d", WEXITSTATUS(status));
}

void children_ended(struct child children[CHILD_COUNT], enum child_role role, int status, int64_t now)
{
	struct child *child = &children[role], *other = peer_of(children, role);
	int64_t lived = now - child->started_ns;
	if (child->term_sent)
		log_info("process ended", "child", child->name, "how", how(status));
	else
		log_error("process died", "child", child->name, "how", how(status), "lived",
			log_fmt("%.3fs", (double)lived / 1e9));
	close(child->control);
	child->control = -1;
	child->pid = 0;
	if (lived >= QUICK_DEATH)
		child->backoff_ns = 0;
	child->start_at_ns = now + child->backoff_ns;
	child->backoff_ns = child->backoff_ns ? child->backoff_ns * 2 : BACKOFF_FIRST;
	if (child->backoff_ns > BACKOFF_MOST)
		child->backoff_ns = BACKOFF_MOST;
	/* Whoever waits for this process must look again: it is down, and its index is 0. */
	page_reset(child->page);
	atomic_store(&told(children, role)->pid, 0);
	atomic_store(&told(children, role)->started_ns, 0);
	net_wake_ring(other->bell);
}

void children_watch(struct child *child, int64_t elapsed_ns, int64_t stall_ns)
{
	for (int i = 0; i < PAGE_THREADS; i++) {
		struct page_thread *thread = &child->page->threads[i];
		struct child_tick *seen = &child->ticks[i];
		/* In this order: a thread that ends its patience has ticked before. */
		uint32_t patience = atomic_load(&thread->patience);
		uint64_t tick = atomic_load_explicit(&thread->tick, memory_order_relaxed);
		if (tick != seen->tick || (tick == 0 && i != PAGE_MAIN)) {
			*seen = (struct child_tick){.tick = tick};
			continue;
		}
		seen->still_ns += elapsed_ns;
		if (seen->still_ns < (patience ? patience * CLOCK_NS_PER_S : stall_ns))
			continue;
		log_error("process stands still and is replaced", "child", child->name, "pid",
			log_u64((unsigned)child->pid), "thread", log_u64((unsigned)i));
		kill(child->pid, SIGKILL);
		/* Once is enough, for its other threads too and until it is reaped. */
		memset(child->ticks, 0, sizeof(child->ticks));
		return;
	}
}

void children_show_dropped(struct child children[CHILD_COUNT])
{
	const struct metrics *relay = &children[CHILD_RELAY].page->threads[PAGE_MAIN].metrics;
	struct page_process *processes = children[CHILD_SIDECAR].page->processes;
	atomic_store(&processes[PROCESS_RELAY].log_dropped, atomic_load(&relay->values[METRIC_LOG_DROPPED]));
	atomic_store(&processes[PROCESS_SUPERVISOR].log_dropped, log_dropped());
}

void children_tell(struct child *child, enum inherit_message kind, const char *data, size_t size)
{
	char first = (char)kind;
	struct iovec parts[] = {
		{.iov_base = &first, .iov_len = 1}, {.iov_base = (void *)(uintptr_t)data, .iov_len = size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	if (child->control >= 0 && sendmsg(child->control, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_error("cannot hand on the config", "child", child->name, "error", err_str(errno));
}

bool children_asked(struct child *child)
{
	char message;
	ssize_t n = recv(child->control, &message, 1, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* Its end of the socket is shut: SIGCHLD will tell, and poll() must not, over and over. */
	child->mute = n <= 0;
	return n == 1 && message == INHERIT_RELOAD;
}
