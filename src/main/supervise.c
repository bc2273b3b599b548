/* supervise.c -- the supervisor's loop. */
#include "main/supervise.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/page.h"
#include "base/str.h"
#include "main/children.h"
#include "main/lock.h"
#include "main/notify.h"
#include "main/privileges.h"
#include "main/sockets.h"
#include "main/wiring.h"
#include "net/addr.h"

#define LOOK (500 * CLOCK_NS_PER_MS) /* how often the ticks are looked at */
#define LONGEST_STEP CLOCK_NS_PER_S  /* more than this between two rounds means that we were stopped */
#define CLAIM_PATIENCE CLOCK_NS_PER_S
#define RELOAD_PATIENCE (600 * CLOCK_NS_PER_S) /* as a child's that reads zone files */
#define ANSWER_MAX 1000                        /* bytes of what is said of a reload; HTTP cuts it there too */
#define END_PATIENCE (5 * CLOCK_NS_PER_S)

struct supervisor {
	struct main_config *config; /* what is in force, with the ports and the path that were chosen */
	struct main_config asked;   /* what the sources said at the start, to which a reload is compared */
	const struct config_sources *sources;
	const struct activation *activation;
	struct sockets sockets;
	struct child children[CHILD_COUNT];
	struct buf serialized;
	int lock, signals;
	bool ending, ready;
	int64_t end_by_ns, watchdog_ns, watchdog_at_ns, looked_ns;
};

static int64_t now_ns(void)
{
	return clock_now(clock_system());
}

static int watch_signals(void)
{
	static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		/* What our parent ignored (nohup: SIGHUP) would never reach the signalfd. */
		signal(watched[i], SIG_DFL);
		sigaddset(&set, watched[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void serialize(struct supervisor *s)
{
	buf_clear(&s->serialized);
	options_serialize(s->config, &s->serialized);
}

/* The default path is relative to where we were started, which process.user may not be able to reach. */
static void choose_registry(struct main_config *config, uid_t uid, gid_t gid)
{
	char message[256];
	if (str_eq(config->registry.path, OPTIONS_REGISTRY_PATH) &&
		!privileges_reach(OPTIONS_REGISTRY_PATH, uid, gid))
		options_set(config, "registry.path", OPTIONS_REGISTRY_FALLBACK, message);
}

/* Lock and addresses. After a kill -9 the old children may hold them for some milliseconds more, until the
 * kernel has ended their last thread, and nothing tells us when: so it is tried for a second. */
static int claim(struct supervisor *s, uid_t uid, gid_t gid, char message[512])
{
	int64_t give_up = now_ns() + CLAIM_PATIENCE;
	for (;;) {
		int r = s->lock >= 0 ? 0 : lock_registry(s->config->registry.path, uid, gid, message);
		if (r >= 0 && s->lock < 0)
			s->lock = r;
		if (r >= 0)
			r = sockets_open(s->config, s->activation, &s->sockets, message);
		if ((r != -EADDRINUSE && r != -EBUSY) || now_ns() > give_up)
			return r;
		poll(NULL, 0, 50);
	}
}

static int reach(const char *path, char message[512])
{
	if (access(path, R_OK) == 0)
		return 0;
	int error = errno;
	snprintf(message, 512, "process.user cannot read %.300s: %s", path, err_str(error));
	return -error;
}

/* The zone files and the token are read as the user that we are now, and so is the config file at a reload. A
 * file that only root can read is a mistake, and not one that has gone bad. */
static int reach_files(const char *config_file, const struct main_config *config, char message[512])
{
	int r = config_file ? reach(config_file, message) : 0;
	if (r == 0 && config->http.token_file[0])
		r = reach(config->http.token_file, message);
	for (size_t i = 0; i < config->zone.file.count && r == 0; i++)
		r = reach(config->zone.file.items[i], message);
	return r;
}

/* All that can fail, in the order that gives the clearest errors. */
static int set_up(struct supervisor *s, char message[512])
{
	uid_t uid;
	gid_t gid;
	struct rlimit files;
	message[0] = '\0';
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	options_copy(s->config, &s->asked);
	/* Settled here: the processors that we may use can be others when a child is started again, and the
	 * sockets are for so many workers. */
	s->config->dns.workers = wiring_workers(s->config);
	int r = privileges_find(s->config->process.user, &uid, &gid);
	if (r < 0)
		return r;
	choose_registry(s->config, uid, gid);
	r = claim(s, uid, gid, message);
	if (r < 0)
		return r;
	r = children_init(s->children);
	if (r < 0)
		return r;
	s->children[CHILD_DNS].sockets = s->sockets.dns;
	s->children[CHILD_DNS].socket_count = s->sockets.dns_count;
	s->children[CHILD_SIDECAR].sockets = s->sockets.http;
	s->children[CHILD_SIDECAR].socket_count = s->sockets.http_count;
	s->children[CHILD_DNS].links = s->sockets.dns_links;
	s->children[CHILD_RELAY].links = s->sockets.relay_links;
	s->children[CHILD_DNS].link_count = s->children[CHILD_RELAY].link_count = s->sockets.link_count;
	s->children[CHILD_RELAY].wanted = s->sockets.link_count > 0;
	serialize(s);
	r = privileges_drop(uid, gid);
	if (r == 0)
		r = reach_files(s->sources->file, s->config, message);
	if (r < 0)
		return r;
	s->signals = watch_signals();
	return s->signals < 0 ? s->signals : 0;
}

/* What a newcomer should type next, with the addresses that are in force. */
static void greet(const struct supervisor *s)
{
	const struct main_config *c = s->config;
	struct net_addr dns;
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	struct buf lines = {0};
	char text[NET_ADDR_TEXT], *path = realpath(c->registry.path, NULL);
	net_addr_parse(c->dns.listen.items[0], 0, &dns);
	net_addr_format(&dns, text);
	*strrchr(text, ':') = '\0';
	size_t size = strlen(text);
	const char *host = text;
	if (text[0] == '[') {
		text[size - 1] = '\0';
		host++;
	}
	buf_printf(&lines,
		"svcdnsd %s is ready: DNS on %s (udp, tcp), HTTP on %s, registry in %s\n\n"
		"Try, in another terminal:\n"
		"  curl -X PUT %s/v1/agent/service/register -d '{\"Name\": \"web\", \"Port\": 8080}'\n"
		"  dig @%s -p %u web.%s SRV\n"
		"  curl %s/v1/health/service/web?pretty\n\n",
		SVCDNS_VERSION, c->dns.listen.items[0], c->http.listen.items[0],
		path ? path : c->registry.path, c->http.listen.items[0], host, (unsigned)net_addr_port(&dns),
		c->zone.name.items[0], c->http.listen.items[0]);
	/* Nobody may read it; we do not wait for that (a pipe that is writable takes PIPE_BUF bytes). */
	if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT &&
		write(STDOUT_FILENO, lines.data, lines.size < PIPE_BUF ? lines.size : PIPE_BUF) < 0)
		log_warn("cannot print the greeting", "error", err_str(errno));
	buf_finish(&lines);
	free(path);
}

static void start_children(struct supervisor *s, int64_t now)
{
	for (int i = 0; i < CHILD_COUNT && !s->ending; i++) {
		struct child *child = &s->children[i];
		if (!child->wanted || child->pid != 0 || now < child->start_at_ns)
			continue;
		int r = children_start(s->children, (enum child_role)i, &s->serialized, now);
		if (r < 0) {
			log_error("cannot start a process", "child", child->name, "error", err_str(r));
			child->start_at_ns = now + CLOCK_NS_PER_S;
		}
	}
}

static void reap(struct supervisor *s, int64_t now)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < CHILD_COUNT; i++)
			if (s->children[i].pid == pid)
				children_ended(s->children, (enum child_role)i, status, now);
}

/* One log line for each error; the text stays whole. */
static void log_errors(const struct buf *errors)
{
	char *copy = mem_strdup(errors->data), *rest = copy, *line;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_error("config not taken over", "reason", line);
	free(copy);
}

/* Zone files may be large, and we tell nobody that we live while they are read. */
static int load(
	const struct supervisor *s, struct main_config *ret, struct buf *ret_restart, struct buf *ret_errors)
{
	if (s->watchdog_ns > 0)
		notify_limit(RELOAD_PATIENCE);
	int r = config_reload(s->sources, &s->asked, s->config, ret, ret_restart, ret_errors);
	if (s->watchdog_ns > 0)
		notify_limit(2 * s->watchdog_ns);
	return r;
}

/* Everything is read and checked first; an error leaves all as it was. Whoever asked gets to know: ret_said
 * is what is wrong, or which options need a restart. */
static bool reload(struct supervisor *s, struct buf *ret_said)
{
	struct main_config next;
	struct buf restart = {0};
	if (load(s, &next, &restart, ret_said) < 0) {
		log_errors(ret_said);
		buf_finish(&restart);
		return false;
	}
	options_finish(s->config);
	*s->config = next;
	wiring_log(s->config, "supervisor");
	serialize(s);
	for (int i = 0; i < CHILD_COUNT; i++)
		children_tell(&s->children[i], INHERIT_CONFIG, s->serialized.data, s->serialized.size);
	log_info("config read", "needs_restart", restart.size ? restart.data : NULL);
	buf_str(ret_said, "the config was read");
	if (restart.size)
		buf_printf(ret_said, "\nthese need a restart: %s", restart.data);
	buf_finish(&restart);
	return true;
}

/* What the sidecar wants by its control socket. */
static void handle_wish(struct supervisor *s, struct child *child)
{
	struct buf said = {0};
	if (!children_asked(child))
		return;
	bool good = reload(s, &said);
	size_t size = said.size < ANSWER_MAX ? said.size : ANSWER_MAX;
	children_tell(child, good ? INHERIT_TAKEN : INHERIT_REFUSED, said.data, size);
	buf_finish(&said);
}

static void end(struct supervisor *s, int64_t now)
{
	if (s->ending)
		return;
	s->ending = true;
	s->end_by_ns = now + END_PATIENCE;
	notify_send("STOPPING=1");
	for (int i = 0; i < CHILD_COUNT; i++) {
		s->children[i].term_sent = true;
		if (s->children[i].pid > 0)
			kill(s->children[i].pid, SIGTERM);
	}
}

static void handle_signals(struct supervisor *s, int64_t now)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct buf said = {0};
		if (info.ssi_signo == SIGHUP)
			reload(s, &said);
		else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			end(s, now);
		buf_finish(&said);
	}
}

static void look(struct supervisor *s, int64_t now)
{
	int64_t elapsed = now - s->looked_ns;
	/* At the end threads wait for one another; that has a limit of its own. */
	if (elapsed < LOOK || s->ending)
		return;
	s->looked_ns = now;
	log_tell_suppressed();
	children_show_dropped(s->children);
	if (elapsed > LONGEST_STEP)
		elapsed = LOOK; /* we were stopped, not they */
	for (int i = 0; i < CHILD_COUNT; i++)
		if (s->children[i].pid > 0)
			children_watch(&s->children[i], elapsed, s->config->process.stall_timeout);
}

static void tell_ready(struct supervisor *s, int64_t now)
{
	if (!s->ready && atomic_load(&s->children[CHILD_DNS].page->state) == PAGE_READY &&
		atomic_load(&s->children[CHILD_SIDECAR].page->state) == PAGE_READY) {
		s->ready = true;
		greet(s);
		notify_send("READY=1");
	}
	if (s->watchdog_ns > 0 && now >= s->watchdog_at_ns) {
		notify_send("WATCHDOG=1");
		s->watchdog_at_ns = now + s->watchdog_ns;
	}
}

/* How long the loop may sleep: until the next start, look or sign of life; in milliseconds, rounded up. */
static int next_wait(const struct supervisor *s, int64_t now)
{
	int64_t wait = s->ready ? LOOK : 20 * CLOCK_NS_PER_MS;
	if (s->watchdog_ns > 0 && s->watchdog_at_ns - now < wait)
		wait = s->watchdog_at_ns - now;
	for (int i = 0; i < CHILD_COUNT; i++)
		if (s->children[i].wanted && s->children[i].pid == 0 && !s->ending &&
			s->children[i].start_at_ns - now < wait)
			wait = s->children[i].start_at_ns - now;
	return wait > 0 ? (int)((wait + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS) : 0;
}

static bool all_ended(const struct supervisor *s)
{
	for (int i = 0; i < CHILD_COUNT; i++)
		if (s->children[i].pid != 0)
			return false;
	return true;
}

static void loop(struct supervisor *s)
{
	struct child *sidecar = &s->children[CHILD_SIDECAR];
	s->watchdog_ns = notify_watchdog();
	s->looked_ns = now_ns();
	while (!s->ending || !all_ended(s)) {
		int64_t now = now_ns();
		start_children(s, now);
		struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
			{.fd = sidecar->mute ? -1 : sidecar->control, .events = POLLIN}};
		poll(fds, 2, next_wait(s, now));
		now = now_ns();
		handle_signals(s, now);
		if (fds[1].revents && !s->ending)
			handle_wish(s, sidecar);
		reap(s, now);
		look(s, now);
		tell_ready(s, now);
		for (int i = 0; i < CHILD_COUNT && s->ending && now > s->end_by_ns; i++)
			if (s->children[i].pid > 0)
				kill(s->children[i].pid, SIGKILL);
	}
}

int supervise(
	struct main_config *config, const struct config_sources *sources, const struct activation *activation)
{
	log_own_stderr();
	struct supervisor s = {
		.config = config, .sources = sources, .activation = activation, .lock = -1, .signals = -1};
	char message[512];
	wiring_log(config, "supervisor");
	for (int i = 0; i < CHILD_COUNT; i++)
		s.children[i] = (struct child){.control = -1, .page_fd = -1, .page_read_fd = -1, .bell = -1};
	int r = set_up(&s, message);
	if (r < 0)
		fprintf(stderr, "svcdnsd: %s\n", message[0] ? message : err_str(r));
	else
		loop(&s);
	children_finish(s.children);
	sockets_close(&s.sockets);
	buf_finish(&s.serialized);
	if (s.signals >= 0)
		close(s.signals);
	if (s.lock >= 0)
		close(s.lock);
	options_finish(config);
	options_finish(&s.asked);
	if (r == 0)
		log_info("ended");
	return r < 0 ? 1 : 0;
}
