#include "health/check_types.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static const struct health_check_type types[] = {
	{REGISTRY_CHECK_TTL, "ttl", METRIC_COUNT, NULL, NULL},
	{REGISTRY_CHECK_TCP, "tcp", METRIC_HEALTH_DURATION_TCP, health_tcp_start, health_tcp_cancel},
	{REGISTRY_CHECK_HTTP, "http", METRIC_HEALTH_DURATION_HTTP, health_http_start, health_http_cancel},
	{REGISTRY_CHECK_GRPC, "grpc", METRIC_HEALTH_DURATION_GRPC, health_grpc_start, health_grpc_cancel},
};

const struct health_check_type *health_check_type_find(enum registry_check_type type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

bool health_own_fault(int error)
{
	switch (-error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EAGAIN: /* Linux says so for "no free port" too */
	case EADDRNOTAVAIL:
		return true;
	default:
		return false;
	}
}

/* The bytes of the UTF-8 character at `bytes`, 0 if there is none. */
static size_t character(const unsigned char *bytes, size_t size)
{
	size_t n = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;

	return n && n <= size && str_utf8((const char *)bytes, n) ? n : 0;
}

const char *health_clean_output(struct arena *arena, const char *bytes, size_t size, size_t output_size)
{
	char *ret = arena_alloc(arena, (size < output_size ? size : output_size) + 1);
	size_t at = 0, n;

	for (size_t i = 0; i < size; i += n ? n : 1) {
		const unsigned char *c = (const unsigned char *)bytes + i;
		bool printable;

		n = character(c, size - i);
		printable =
			n > 1 ||
			(n == 1 && ((*c >= 0x20 && *c != 0x7f) || *c == '\n' || *c == '\r' || *c == '\t'));
		if (at + (n ? n : 1) > output_size)
			break;
		if (printable)
			memcpy(ret + at, c, n);
		else
			ret[at] = '?';
		at += n ? n : 1;
	}
	return ret;
}
