/* guard.c -- see guard.h. */
#include "sidecar/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "sidecar/sidecar.h"

static const char *const open_paths[] = {"/", "/healthz", "/readyz", "/ui"};

/* The page's own files are the same for everybody; what they show (/ui/data/) is not. */
static bool is_page(const char *path)
{
	return str_starts(path, "/ui/") && !str_starts(path, "/ui/data/");
}

/* True if `path` may be asked for without the token. */
static bool is_open(const char *path)
{
	for (size_t i = 0; i < sizeof(open_paths) / sizeof(open_paths[0]); i++) {
		if (str_eq(path, open_paths[i]))
			return true;
	}
	return is_page(path);
}

/* The length of the host in "host:port", "[v6]:port" or "host". */
static size_t host_size(const char *authority)
{
	const char *end = authority[0] == '[' ? strchr(authority, ']') : strrchr(authority, ':');

	if (!end)
		return strlen(authority);
	return (size_t)(end - authority) + (authority[0] == '[');
}

/* True if `authority` without its port is an IP literal: a page cannot be served from one by rebinding. */
static bool is_literal(const char *authority)
{
	size_t size = host_size(authority);
	char host[64];
	uint8_t address[16];

	if (authority[0] == '[') {
		authority++;
		size -= 2;
	}
	if (size == 0 || size >= sizeof(host) || strlen(authority) < size)
		return false;
	memcpy(host, authority, size);
	host[size] = '\0';
	return net_addr_literal(host, address) >= 0;
}

static bool host_is(const char *authority, const char *name)
{
	char host[256];
	size_t size = host_size(authority);

	if (str_ieq(authority, name))
		return true;
	if (size >= sizeof(host))
		return false;
	memcpy(host, authority, size);
	host[size] = '\0';
	return str_ieq(host, name);
}

static bool host_allowed(const char *authority, const struct guard_config *config)
{
	if (is_literal(authority) || host_is(authority, "localhost"))
		return true;
	for (size_t i = 0; i < config->host_count; i++) {
		if (host_is(authority, config->hosts[i]))
			return true;
	}
	return false;
}

/* True if `origin` is "http://" or "https://" and then exactly the request's own Host. A proxy that ends TLS
 * before us makes the second one ours, too. */
static bool origin_is_own(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (str_starts(origin, schemes[i]))
			return host && str_ieq(origin + strlen(schemes[i]), host);
	}
	return false;
}

/* True if somebody followed a link to the page, which is the same for everybody and in nobody's frame. */
static bool follows_link(const struct http_request *request)
{
	return (is_page(request->path) || str_eq(request->path, "/")) &&
	       str_ieq(http_request_header(request, "Sec-Fetch-Dest"), "document");
}

/* All occurrences count: a second, harmless one must not hide the first. */
static int check_browser(const struct http_request *request, char message[GUARD_MESSAGE])
{
	const char *host = http_request_header(request, "Host");

	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];

		if (str_ieq(header->name, "Origin") && !origin_is_own(header->value, host)) {
			snprintf(message, GUARD_MESSAGE,
				"Requests of other origins are refused (Origin: %.100s)", header->value);
			return 403;
		}
		if (str_ieq(header->name, "Sec-Fetch-Site") && !str_ieq(header->value, "same-origin") &&
			!str_ieq(header->value, "none") && !follows_link(request)) {
			snprintf(message, GUARD_MESSAGE,
				"Requests from other sites are refused (Sec-Fetch-Site: %.100s)",
				header->value);
			return 403;
		}
	}
	return 0;
}

/* Takes as long for a wrong token as for the right one; only the length of what was sent shows. */
static bool token_matches(const char *given, const char *token)
{
	size_t given_size = given ? strlen(given) : 0, token_size = strlen(token);
	unsigned difference = given_size != token_size;

	for (size_t i = 0; i < given_size; i++)
		difference |= (unsigned char)given[i] ^ (unsigned char)token[i % token_size];
	return difference == 0;
}

static const char *bearer_of(const struct http_request *request)
{
	static const char scheme[] = "bearer ";
	const char *value = http_request_header(request, "Authorization");
	size_t i;

	if (!value)
		return NULL;
	for (i = 0; scheme[i]; i++) {
		if (str_lower((unsigned char)value[i]) != (unsigned char)scheme[i])
			return NULL;
	}
	while (value[i] == ' ')
		i++;
	return value + i;
}

static int check_token(const struct http_request *request, const char *token, char message[GUARD_MESSAGE])
{
	bool good = false;

	if (!token || !*token)
		return 0;
	if (is_open(request->path))
		return 0;
	good |= token_matches(bearer_of(request), token);
	good |= token_matches(http_request_header(request, "X-Consul-Token"), token);
	good |= token_matches(http_request_query(request, "token"), token);
	if (good)
		return 0;
	snprintf(message, GUARD_MESSAGE, "Permission denied");
	return 403;
}

int guard_check(const struct http_request *request, const struct guard_config *config,
	char ret_message[GUARD_MESSAGE])
{
	const char *host = http_request_header(request, "Host");
	int status;

	if (host && !host_allowed(host, config)) {
		snprintf(ret_message, GUARD_MESSAGE,
			"Host \"%.100s\" is not an IP address, localhost, or a name listed in http.hosts",
			host);
		return 403;
	}
	status = check_browser(request, ret_message);
	if (status)
		return status;
	return check_token(request, config->token, ret_message);
}

/* Bits for a group that is root's let in nobody else; with an ACL, as systemd's credentials have from 254 on,
 * they are its mask. */
static bool is_open_to_others(const struct stat *info)
{
	return info->st_mode & (info->st_gid == 0 ? S_IRWXO : S_IRWXG | S_IRWXO);
}

/* Checks the file behind `fd` and reads it. The size that was read, or negative errno. */
static ssize_t read_token(int fd, const char *path, char *text, size_t size, char message[GUARD_MESSAGE])
{
	struct stat info;
	ssize_t got;

	if (fstat(fd, &info) < 0) {
		got = -errno;
		snprintf(message, GUARD_MESSAGE, "token file %.150s: %s", path, err_str((int)got));
		return got;
	}
	if (!S_ISREG(info.st_mode)) {
		snprintf(message, GUARD_MESSAGE, "token file %.150s is not a regular file", path);
		return -EINVAL;
	}
	if (is_open_to_others(&info)) {
		snprintf(message, GUARD_MESSAGE,
			"token file %.150s is open to group or others (mode %04o): chmod 600 it", path,
			(unsigned)(info.st_mode & 07777));
		return -EPERM;
	}
	got = read(fd, text, size);
	if (got < 0) {
		got = -errno;
		snprintf(message, GUARD_MESSAGE, "token file %.150s: %s", path, err_str((int)got));
	}
	return got;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int guard_load_token(const char *path, char **ret_token, char ret_message[GUARD_MESSAGE])
{
	char text[GUARD_TOKEN + 64] = "", *start = text;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t size;

	if (fd < 0) {
		int r = -errno;

		snprintf(ret_message, GUARD_MESSAGE, "token file %.150s: %s", path, err_str(r));
		return r;
	}
	size = read_token(fd, path, text, sizeof(text), ret_message);
	close(fd);
	if (size < 0)
		return (int)size;
	while (size > 0 && is_space(start[size - 1]))
		size--;
	while (size > 0 && is_space(*start)) {
		start++;
		size--;
	}
	if (size == 0 || size > GUARD_TOKEN) {
		snprintf(ret_message, GUARD_MESSAGE, "token file %.150s is %s", path,
			size == 0 ? "empty" : "too long (at most 1024 bytes)");
		return -EINVAL;
	}
	for (ssize_t i = 0; i < size; i++) {
		if (start[i] <= ' ' || start[i] > '~') {
			snprintf(ret_message, GUARD_MESSAGE,
				"token file %.150s holds more than one word of printable ASCII", path);
			return -EINVAL;
		}
	}
	*ret_token = strndup(start, (size_t)size);
	return *ret_token ? 0 : -ENOMEM;
}

int sidecar_check_token(const char *path, char ret_message[256])
{
	char *token = NULL;
	int error = guard_load_token(path, &token, ret_message);

	free(token);
	return error;
}

int sidecar_check_bind(const struct net_addr *addrs, size_t count, bool token, char ret_message[256])
{
	char text[NET_ADDR_TEXT];

	for (size_t i = 0; i < count && !token; i++) {
		if (net_addr_is_loopback(&addrs[i]))
			continue;
		snprintf(ret_message, 256,
			"http.listen %s is not loopback: set http.token_file first, or anyone who reaches it "
			"could change "
			"what DNS answers",
			net_addr_format(&addrs[i], text));
		return -EPERM;
	}
	return 0;
}
