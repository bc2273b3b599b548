#include "view/zonefile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/addr.h"
#include "view/rr.h"

#define SOA_REFRESH 3600
#define SOA_RETRY 600
#define SOA_EXPIRE 86400

/* `label` in front of `zone`, in the arena. */
static const uint8_t *prefixed(struct arena *arena, const char *label, const uint8_t *zone, size_t size)
{
	size_t length = strlen(label);
	uint8_t *name = arena_alloc(arena, 1 + length + size);

	memcpy(rr_put_label(name, label, length), zone, size);
	return name;
}

static void add_soa(struct zonefile *file, struct arena *arena, const uint8_t *mname, uint32_t ttl)
{
	const uint8_t *rname = prefixed(arena, "hostmaster", file->name, file->name_size);
	size_t mname_size = file->name_size + 4u, rname_size = file->name_size + 11u;
	uint8_t *rdata = arena_alloc(arena, mname_size + rname_size + 20), *p = rdata;
	struct zonefile_record record = {.owner = file->name,
		.owner_size = file->name_size,
		.type = WIRE_SOA,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_size = (uint16_t)(mname_size + rname_size + 20)};

	memcpy(p, mname, mname_size);
	memcpy(p + mname_size, rname, rname_size);
	p += mname_size + rname_size;
	wire_set32(p, 1); /* the greater of it and the index is shown */
	wire_set32(p + 4, SOA_REFRESH);
	wire_set32(p + 8, SOA_RETRY);
	wire_set32(p + 12, SOA_EXPIRE);
	wire_set32(p + 16, ttl);
	zonefile_keep(file, arena, &record);
}

int zonefile_builtin(const char *name, const char *address, uint32_t ttl, struct arena *arena,
	struct zonefile *ret, char message[ZONES_MESSAGE])
{
	struct zonefile file = {0};
	uint8_t wire[WIRE_NAME_MAX], bytes[16];
	int size = wire_name_parse(name, wire);

	if (size <= 1 || size + 11 > WIRE_NAME_MAX) {
		snprintf(message, ZONES_MESSAGE, "zone '%.300s': %s", name,
			size < 0    ? "not a domain name"
			: size == 1 ? "the root cannot be served"
				    : "the name is too long");
		return -EINVAL;
	}
	uint8_t *lower = arena_alloc(arena, (size_t)size);
	wire_name_lower(wire, (size_t)size, lower);
	file.name = lower;
	file.name_size = (uint8_t)size;
	const uint8_t *ns1 = prefixed(arena, "ns1", file.name, file.name_size);
	add_soa(&file, arena, ns1, ttl);
	struct zonefile_record ns = {.owner = file.name,
		.owner_size = file.name_size,
		.type = WIRE_NS,
		.ttl = ttl,
		.rdata = ns1,
		.rdata_size = (uint16_t)(size + 4)};
	zonefile_keep(&file, arena, &ns);
	int family = address ? net_addr_literal(address, bytes) : -EINVAL;
	if (family == AF_INET || family == AF_INET6) {
		size_t length = family == AF_INET ? 4 : 16;
		struct zonefile_record a = {.owner = ns1,
			.owner_size = (uint8_t)(size + 4),
			.type = family == AF_INET ? WIRE_A : WIRE_AAAA,
			.ttl = ttl,
			.rdata = (const uint8_t *)arena_copy(arena, bytes, length),
			.rdata_size = (uint16_t)length};
		zonefile_keep(&file, arena, &a);
	}
	*ret = file;
	return 0;
}
