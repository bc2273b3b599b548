#include "view/rr.h"

#include <errno.h>
#include <string.h>

static const struct rr_type types[] = {
	{WIRE_A, "A", RR_OWNER + RR_FIXED + 4, -1, false, 4, 0, 0},
	{WIRE_AAAA, "AAAA", RR_OWNER + RR_FIXED + 16, -1, false, 16, 0, 0},
	{WIRE_SRV, "SRV", 0, 6, false, 6, 1, 0},
	{WIRE_NS, "NS", 0, 0, false, 0, 1, 0},
	{WIRE_MX, "MX", 0, 2, false, 2, 1, 0},
	{WIRE_SOA, "SOA", 0, -1, false, 0, 2, 20},
	{WIRE_TXT, "TXT", 0, -1, true, 0, 0, 0},
	{WIRE_PTR, "PTR", 0, -1, false, 0, 1, 0},
	{WIRE_CNAME, "CNAME", 0, -1, false, 0, 1, 0},
	{WIRE_CAA, "CAA", 0, -1, true, 0, 0, 0},
};

const struct rr_type *rr_type(uint16_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

size_t rr_name_size(const uint8_t *name)
{
	size_t at = 0;

	while (name[at])
		at += 1u + name[at];
	return at + 1;
}

/* Moves over one name. False if it is cut off, compressed or too long. */
static bool skip_name(struct wire_cursor *c)
{
	size_t start = c->position;
	uint8_t label;

	while ((label = wire_read8(c)) > 0)
		if (label > WIRE_LABEL_MAX || !wire_read(c, label))
			return false;
	return !c->failed && c->position - start <= WIRE_NAME_MAX;
}

bool rr_rdata_valid(const struct rr_type *type, const uint8_t *rdata, size_t size)
{
	struct wire_cursor c = {.data = rdata, .size = size};

	if (type->open)
		return size > 0;
	wire_read(&c, type->before);
	for (unsigned i = 0; i < type->names; i++)
		if (!skip_name(&c))
			return false;
	wire_read(&c, type->after);
	return !c.failed && c.position == size;
}

bool rr_rdata_equal(
	const struct rr_type *type, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	if (a_size != b_size)
		return false;
	if (type->names == 0)
		return memcmp(a, b, a_size) == 0;
	size_t names = a_size - type->before - type->after, after = type->before + names;
	return memcmp(a, b, type->before) == 0 &&
	       wire_name_equal(a + type->before, names, b + type->before, names) &&
	       memcmp(a + after, b + after, type->after) == 0;
}

uint8_t *rr_put_label(uint8_t *p, const char *text, size_t size)
{
	p[0] = (uint8_t)size;
	memcpy(p + 1, text, size);
	return p + 1 + size;
}

uint8_t *rr_put_owner(uint8_t *p)
{
	wire_set16(p, WIRE_POINTER_TO_QNAME);
	return p + RR_OWNER;
}

uint8_t *rr_put_fixed(uint8_t *p, uint16_t type, uint32_t ttl, size_t rdlength)
{
	wire_set16(p, type);
	wire_set16(p + 2, WIRE_CLASS_IN);
	wire_set32(p + 4, ttl);
	wire_set16(p + 8, (uint16_t)rdlength);
	return p + RR_FIXED;
}

uint8_t *rr_put_address(uint8_t *p, uint16_t type, uint32_t ttl, const uint8_t *address)
{
	size_t size = type == WIRE_A ? 4 : 16;

	p = rr_put_fixed(p, type, ttl, size);
	memcpy(p, address, size);
	return p + size;
}

int rr_host_name(const char *text, uint8_t ret[WIRE_NAME_MAX])
{
	uint8_t name[WIRE_NAME_MAX];
	char label[WIRE_LABEL_MAX + 1];
	size_t size = 0;

	for (;;) {
		size_t length = strcspn(text, ".");
		if (length > WIRE_LABEL_MAX || size + 1 + length > WIRE_NAME_MAX - 1)
			return -EINVAL;
		memcpy(label, text, length);
		label[length] = '\0';
		if (!wire_label_is_host(label))
			return -EINVAL;
		name[size] = (uint8_t)length;
		memcpy(name + size + 1, label, length);
		size += 1 + length;
		if (!text[length])
			break;
		text += length + 1;
	}
	memcpy(ret, name, size);
	return (int)size;
}
