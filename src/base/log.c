#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define VALUES 8
#define VALUE_SIZE 256

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const char *_Atomic process_name = "svcdns";
static _Atomic int lowest_level = LOG_INFO;

static _Atomic unsigned long long lines_dropped; /* since the start */
static _Atomic unsigned long long lines_lost;    /* could not be written, and not told yet */

/* One writer at a time, so that between poll() and write() no other thread fills the pipe. */
static pthread_mutex_t stderr_lock = PTHREAD_MUTEX_INITIALIZER;

struct line {
	char text[LOG_LINE];
	size_t size; /* at most LOG_LINE - 1: the last byte is for the newline */
};

void log_setup(const char *process, enum log_level level)
{
	atomic_store(&process_name, process);
	atomic_store(&lowest_level, (int)level);
	signal(SIGPIPE, SIG_IGN);
}

int log_parse_level(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (str_eq(text, level_names[i])) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

unsigned long long log_dropped(void)
{
	return atomic_load(&lines_dropped);
}

static void put(struct line *line, const char *bytes, size_t size)
{
	size_t room = sizeof(line->text) - 1 - line->size;

	if (size > room)
		size = room;
	memcpy(line->text + line->size, bytes, size);
	line->size += size;
}

static void put_str(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* True if `p` starts a C1 control character (U+0080 to U+009F), which a terminal may obey. */
static bool is_c1(const unsigned char *p)
{
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
}

static bool needs_quotes(const char *value)
{
	const unsigned char *p = (const unsigned char *)value;

	if (!*p || !str_utf8(value, strlen(value)))
		return true;
	for (; *p; p++)
		if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7f || is_c1(p))
			return true;
	return false;
}

static void put_quoted(struct line *line, const char *value)
{
	bool utf8 = str_utf8(value, strlen(value));
	const unsigned char *p = (const unsigned char *)value;
	char escape[8];

	put(line, "\"", 1);
	for (; *p; p++) {
		if (line->size > sizeof(line->text) - 16) {
			put_str(line, "...");
			break;
		}
		if (*p == '"' || *p == '\\')
			snprintf(escape, sizeof(escape), "\\%c", *p);
		else if (*p == '\n')
			snprintf(escape, sizeof(escape), "\\n");
		else if (*p == '\t')
			snprintf(escape, sizeof(escape), "\\t");
		else if (*p == '\r')
			snprintf(escape, sizeof(escape), "\\r");
		else if (utf8 && is_c1(p))
			snprintf(escape, sizeof(escape), "\\u%04x", *++p);
		else if (*p < ' ' || *p == 0x7f || (*p >= 0x80 && !utf8))
			snprintf(escape, sizeof(escape), "\\x%02x", *p);
		else
			snprintf(escape, sizeof(escape), "%c", *p);
		put_str(line, escape);
	}
	put(line, "\"", 1);
}

static void put_pair(struct line *line, const char *key, const char *value)
{
	put(line, " ", 1);
	put_str(line, key);
	put(line, "=", 1);
	if (needs_quotes(value))
		put_quoted(line, value);
	else
		put_str(line, value);
}

static void put_count(struct line *line, const char *key, unsigned long long count)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", count);
	if (count > 0)
		put_pair(line, key, text);
}

static void put_head(struct line *line, enum log_level level, const char *message)
{
	struct timespec now;
	struct tm tm;
	char text[64];
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size = strftime(text, sizeof(text), "time=%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + size, sizeof(text) - size, ".%03ldZ", now.tv_nsec / 1000000);
	put_str(line, text);
	put_pair(line, "level", level_names[level]);
	put_pair(line, "process", atomic_load(&process_name));
	put_pair(line, "msg", message);
}

/* True if the call site may write now; then *ret_dropped is what it could not write before. */
static bool admit(struct log_site *site, unsigned *ret_dropped)
{
	struct timespec now;
	long second;

	*ret_dropped = 0;
	if (!site)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	second = (long)now.tv_sec;
	/* Two threads may both start the new second; the limit is then a few lines off, and that is fine. */
	if (atomic_exchange_explicit(&site->second, second, memory_order_relaxed) != second)
		atomic_store_explicit(&site->count, 0, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&site->count, 1, memory_order_relaxed) >= LOG_BURST) {
		atomic_fetch_add_explicit(&site->dropped, 1, memory_order_relaxed);
		atomic_fetch_add(&lines_dropped, 1);
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
static bool write_line(const char *text, size_t size)
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

void log_line(struct log_site *site, enum log_level level, const char *message, ...)
{
	struct line line = {.size = 0};
	unsigned long long lost;
	const char *key, *value;
	unsigned suppressed;
	int saved = errno;
	va_list pairs;

	if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed) ||
		!admit(site, &suppressed))
		goto out;
	lost = atomic_exchange(&lines_lost, 0);
	put_head(&line, level, message);
	/* The counts come before the pairs, so that a line that is cut does not lose them. */
	put_count(&line, "suppressed", suppressed);
	put_count(&line, "lost", lost);
	va_start(pairs, message);
	while ((key = va_arg(pairs, const char *)) != NULL) {
		value = va_arg(pairs, const char *);
		if (value)
			put_pair(&line, key, value);
	}
	va_end(pairs);
	line.text[line.size++] = '\n';
	if (!write_line(line.text, line.size)) {
		atomic_fetch_add(&lines_lost, lost + 1);
		atomic_fetch_add(&lines_dropped, 1);
		if (site)
			atomic_fetch_add_explicit(&site->dropped, suppressed, memory_order_relaxed);
	}
out:
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
