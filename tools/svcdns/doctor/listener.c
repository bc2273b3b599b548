/* listener.c -- /proc/net/udp has a socket's inode, /proc/PID/fd has the process with it. */
#include "svcdns/doctor/listener.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "net/addr.h"

#define DNS_PORT 53

/* The words of an address in /proc/net/udp are in the order of the host, each in hexadecimal. */
static bool parse_address(const char *hex, size_t words, uint8_t ret[16])
{
	for (size_t i = 0; i < words; i++) {
		unsigned word;

		if (sscanf(hex + 8 * i, "%8X", &word) != 1)
			return false;
		memcpy(ret + 4 * i, &word, sizeof(word));
	}
	return true;
}

/* The inode of the socket, in a line such as "  12: 0100007F:0035 00000000:0000 07 ... 0 0 4711 2 ...", 0 if
 * it is another. */
static unsigned long inode_of(const char *line, const uint8_t *address, size_t size, bool loopback)
{
	static const uint8_t any[16];
	uint8_t bound[16];
	char local[40];
	unsigned port;
	unsigned long inode;

	if (sscanf(line, "%*d: %39[0-9A-F]:%4X %*s %*s %*s %*s %*s %*s %*s %lu", local, &port, &inode) != 3 ||
		port != DNS_PORT || strlen(local) != 2 * size || !parse_address(local, size / 4, bound))
		return 0;
	return memcmp(bound, address, size) == 0 || (loopback && memcmp(bound, any, size) == 0) ? inode : 0;
}

static bool has_socket(const struct files *files, const char *pid, const char *wanted)
{
	const char *folder = arena_printf(files->arena, "/proc/%s/fd", pid);
	size_t count;
	const char **names = files_list(files, folder, &count);

	for (size_t i = 0; i < count; i++)
		if (str_eq(files_link(files, arena_printf(files->arena, "%s/%s", folder, names[i])), wanted))
			return true;
	return false;
}

static void find_process(const struct files *files, unsigned long inode, struct listener *ret)
{
	const char *wanted = arena_printf(files->arena, "socket:[%lu]", inode);
	size_t count;
	const char **pids = files_list(files, "/proc", &count);

	for (size_t i = 0; i < count; i++) {
		const char *comm;

		if (!isdigit((unsigned char)pids[i][0]) || !has_socket(files, pids[i], wanted))
			continue;
		comm = files_read(files, arena_printf(files->arena, "/proc/%s/comm", pids[i]));
		ret->process = comm ? files_line(files, &comm) : NULL;
		ret->command = files_read(files, arena_printf(files->arena, "/proc/%s/cmdline", pids[i]));
		return;
	}
}

bool listener_find(const struct files *files, const char *address, struct listener *ret)
{
	uint8_t bytes[16];
	struct net_addr whole;
	int family = net_addr_literal(address, bytes);
	const char *text, *line;
	bool loopback;

	*ret = (struct listener){0};
	if (family < 0 || net_addr_parse(address, DNS_PORT, &whole) < 0)
		return false;
	loopback = net_addr_is_loopback(&whole);
	text = files_read(files, family == AF_INET ? "/proc/net/udp" : "/proc/net/udp6");
	while ((line = files_line(files, &text)) != NULL) {
		unsigned long inode = inode_of(line, bytes, family == AF_INET ? 4 : 16, loopback);

		if (inode > 0) {
			find_process(files, inode, ret);
			return true;
		}
	}
	return false;
}
