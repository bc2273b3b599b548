#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log_text.h"
#include "base/str.h"

#define VALUES 8
#define VALUE_SIZE 256

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {[LOG_LOGFMT] = "logfmt", [LOG_JSON] = "json"};

static const char *_Atomic process_name = "svcdns";
static _Atomic int lowest_level = LOG_INFO;
static _Atomic int line_format = LOG_LOGFMT;

static _Atomic unsigned long long lines_dropped; /* since the start */
static _Atomic unsigned long long lines_lost;    /* could not be written, and not told yet */
static struct log_site *_Atomic dropping_sites;  /* that ever dropped a line; each once */

/* One writer at a time, so that between poll() and write() no other thread fills the pipe. */
static pthread_mutex_t stderr_lock = PTHREAD_MUTEX_INITIALIZER;

void log_setup(const char *process, enum log_level level)
{
	atomic_store(&process_name, process);
	atomic_store(&lowest_level, (int)level);
	signal(SIGPIPE, SIG_IGN);
}

void log_set_format(enum log_format format)
{
	atomic_store(&line_format, (int)format);
}

/* The index of `text` among the names, or -EINVAL. */
static int find_name(const char *const *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, names[i]))
			return (int)i;
	return -EINVAL;
}

int log_parse_level(const char *text, enum log_level *ret)
{
	int i = find_name(level_names, sizeof(level_names) / sizeof(level_names[0]), text);

	if (i < 0)
		return i;
	*ret = (enum log_level)i;
	return 0;
}

int log_parse_format(const char *text, enum log_format *ret)
{
	int i = find_name(format_names, sizeof(format_names) / sizeof(format_names[0]), text);

	if (i < 0)
		return i;
	*ret = (enum log_format)i;
	return 0;
}

unsigned long long log_dropped(void)
{
	return atomic_load(&lines_dropped);
}

static void put_count(struct log_text *line, const char *key, unsigned long long count)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", count);
	if (count > 0)
		log_text_pair(line, key, text);
}

static void put_head(struct log_text *line, enum log_level level, const char *message)
{
	struct timespec now;
	struct tm tm;
	char text[64];
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + size, sizeof(text) - size, ".%03ldZ", now.tv_nsec / 1000000);
	log_text_pair(line, "time", text);
	log_text_pair(line, "level", level_names[level]);
	log_text_pair(line, "process", atomic_load(&process_name));
	log_text_pair(line, "msg", message);
}

static long this_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec;
}

/* Counts a line that is not written, and sees to it that this is told. */
static void drop(struct log_site *site, enum log_level level, const char *message)
{
	atomic_store_explicit(&site->message, message, memory_order_relaxed);
	atomic_store_explicit(&site->level, (int)level, memory_order_relaxed);
	atomic_fetch_add(&lines_dropped, 1);
	atomic_fetch_add_explicit(&site->dropped, 1, memory_order_release);
	if (atomic_exchange(&site->listed, true))
		return;
	site->next = atomic_load(&dropping_sites);
	while (!atomic_compare_exchange_weak(&dropping_sites, &site->next, site))
		;
}

/* True if the call site may write now; then *ret_dropped is what it could not write before. */
static bool admit(struct log_site *site, enum log_level level, const char *message, unsigned *ret_dropped)
{
	*ret_dropped = 0;
	if (!site)
		return true;
	long second = this_second();
	/* Two threads may both start the new second; the limit is then a few lines off, and that is fine. */
	if (atomic_exchange_explicit(&site->second, second, memory_order_relaxed) != second)
		atomic_store_explicit(&site->count, 0, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&site->count, 1, memory_order_relaxed) >= LOG_BURST) {
		drop(site, level, message);
		return false;
	}
	*ret_dropped = atomic_exchange_explicit(&site->dropped, 0, memory_order_relaxed);
	return true;
}

void log_own_stderr(void)
{
	struct stat st;
	int fd;

	if (fstat(STDERR_FILENO, &st) < 0 || (!S_ISFIFO(st.st_mode) && !isatty(STDERR_FILENO)))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* One write(2), or none if stderr would block. */
static bool send_line(const char *text, size_t size)
{
	struct pollfd stderr_poll = {.fd = STDERR_FILENO, .events = POLLOUT};
	bool written = false;
	ssize_t sent = send(STDERR_FILENO, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0 || errno != ENOTSOCK)
		return sent >= 0;
	pthread_mutex_lock(&stderr_lock);
	if (poll(&stderr_poll, 1, 0) == 1 && stderr_poll.revents == POLLOUT)
		written = write(STDERR_FILENO, text, size) >= 0;
	pthread_mutex_unlock(&stderr_lock);
	return written;
}

/* Writes a line. If it cannot, what it was to tell is kept for another. */
static void write_line(
	struct log_site *site, unsigned suppressed, enum log_level level, const char *message, va_list pairs)
{
	unsigned long long lost = atomic_exchange(&lines_lost, 0);
	struct log_text line;
	const char *key, *value;

	log_text_begin(&line, (enum log_format)atomic_load_explicit(&line_format, memory_order_relaxed));
	put_head(&line, level, message);
	/* The counts come before the pairs, so that a line that is cut does not lose them. */
	put_count(&line, "suppressed", suppressed);
	put_count(&line, "lost", lost);
	while ((key = va_arg(pairs, const char *)) != NULL) {
		value = va_arg(pairs, const char *);
		if (value)
			log_text_pair(&line, key, value);
	}
	log_text_end(&line);
	if (send_line(line.text, line.size))
		return;
	atomic_fetch_add(&lines_lost, lost + 1);
	atomic_fetch_add(&lines_dropped, 1);
	if (site)
		atomic_fetch_add_explicit(&site->dropped, suppressed, memory_order_relaxed);
}

static bool is_wanted(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

void log_line(struct log_site *site, enum log_level level, const char *message, ...)
{
	unsigned suppressed;
	int saved = errno;
	va_list pairs;

	if (is_wanted(level) && admit(site, level, message, &suppressed)) {
		va_start(pairs, message);
		write_line(site, suppressed, level, message, pairs);
		va_end(pairs);
	}
	errno = saved;
}

__attribute__((sentinel)) static void tell(
	struct log_site *site, unsigned suppressed, enum log_level level, const char *message, ...)
{
	va_list pairs;

	va_start(pairs, message);
	write_line(site, suppressed, level, message, pairs);
	va_end(pairs);
}

void log_tell_suppressed(void)
{
	long second = this_second();
	int saved = errno;

	for (struct log_site *site = atomic_load(&dropping_sites); site; site = site->next) {
		enum log_level level = (enum log_level)atomic_load(&site->level);
		if (atomic_load(&site->second) == second || !is_wanted(level))
			continue;
		unsigned suppressed = atomic_exchange(&site->dropped, 0);
		if (suppressed > 0)
			tell(site, suppressed, level, "lines suppressed", "of", atomic_load(&site->message),
				NULL);
	}
	errno = saved;
}

static char *next_value(void)
{
	static _Thread_local char values[VALUES][VALUE_SIZE];
	static _Thread_local unsigned next;

	return values[next++ % VALUES];
}

const char *log_u64(unsigned long long number)
{
	char *value = next_value();

	snprintf(value, VALUE_SIZE, "%llu", number);
	return value;
}

const char *log_fmt(const char *format, ...)
{
	char *value = next_value();
	va_list args;

	va_start(args, format);
	vsnprintf(value, VALUE_SIZE, format, args);
	va_end(args);
	return value;
}
