/* labels.c -- see labels.h. */
#include "registry/labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "base/str.h"
#include "wire/wire.h"

#define LABEL_ROOM 16 /* bytes that a service's name leaves for an instance's label at least */
#define PROTO_SIZE 6  /* "_" on the first label, and "_tcp" as one more */
#define PLAIN_TRIES                                                                                          \
	32 /* suffixes -2, -3, ... before a hash is taken, so that no set of ids makes this slow */

int labels_check_service(const char *service, uint32_t zone_size, char message[REGISTRY_MESSAGE])
{
	const size_t size = strlen(service) + 1; /* in wire form, without the root */
	const char *part = service;

	for (;;) {
		char label[WIRE_LABEL_MAX + 1];
		size_t length = strcspn(part, ".");
		if (length > WIRE_LABEL_MAX - (part == service))
			return refusal(message, -EINVAL,
				"Invalid service name \"%.300s\": a label is longer than %d bytes (the "
				"first, which gets a '_': %d)",
				service, WIRE_LABEL_MAX, WIRE_LABEL_MAX - 1);
		memcpy(label, part, length);
		label[length] = '\0';
		if (!wire_label_is_host(label))
			return refusal(message, -EINVAL,
				"Invalid service name \"%.300s\": its parts between dots must be letters, "
				"digits, '-' and '_', "
				"and must not start with '-' or '_' nor end with '-'",
				service);
		part += length;
		if (!*part++)
			break;
	}
	if (size + 1 + LABEL_ROOM + zone_size > WIRE_NAME_MAX ||
		size + PROTO_SIZE + zone_size > WIRE_NAME_MAX)
		return refusal(message, -EINVAL,
			"Invalid service name \"%.300s\": too long, its DNS names would have more than %d "
			"bytes",
			service, WIRE_NAME_MAX);
	return 0;
}

int labels_take_service(struct store *store, const char *service, char message[REGISTRY_MESSAGE])
{
	sqlite3_stmt *row = store_query(store, "SELECT service, id FROM name WHERE name = ?1", "s", service);

	if (store_row(store, row)) {
		refusal(message, -EINVAL,
			"Invalid service name \"%.200s\": that is the name of instance \"%.100s\" of service "
			"\"%.100s\"",
			service, (const char *)sqlite3_column_text(row, 1),
			(const char *)sqlite3_column_text(row, 0));
		store_done(row);
		return -EINVAL;
	}
	store_run(store, "INSERT INTO name (name, service, id) VALUES (?1, ?1, '')", "s", service);
	return 0;
}

/* The id in what a host label may have; runs of anything else become one hyphen. "i" if nothing is left. */
static void plain_label(const char *id, char ret[WIRE_LABEL_MAX + 1])
{
	size_t size = 0;

	for (; *id && size < WIRE_LABEL_MAX; id++) {
		unsigned char c = str_lower((unsigned char)*id);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ret[size++] = (char)c;
		else if (size && ret[size - 1] != '-')
			ret[size++] = '-';
	}
	while (size && ret[size - 1] == '-')
		size--;
	if (!size)
		ret[size++] = 'i';
	ret[size] = '\0';
}

/* `plain` and a suffix in at most `room` bytes. */
static void join(const char *plain, const char *suffix, size_t room, char ret[WIRE_LABEL_MAX + 1])
{
	size_t size = strlen(plain), keep = room - strlen(suffix);

	if (size > keep)
		size = keep;
	while (size > 1 && plain[size - 1] == '-')
		size--;
	snprintf(ret, WIRE_LABEL_MAX + 1, "%.*s%s", (int)size, plain, suffix);
}

/* The suffix of the n-th try (from 0): none, -2, -3, ..., then eight hexadecimal digits. */
static void make_suffix(unsigned n, const struct registry_instance *instance, char ret[16])
{
	const struct siphash_key key = {0x7376, n};

	if (!n)
		ret[0] = '\0';
	else if (n < PLAIN_TRIES)
		snprintf(ret, 16, "-%u", n + 1);
	else
		snprintf(ret, 16, "-%08x",
			(unsigned)(siphash(&key, instance->id, strlen(instance->id)) ^
				   siphash(&key, instance->node, strlen(instance->node)) * 31));
}

const char *labels_take_instance(struct store *store, struct arena *arena, uint32_t zone_size,
	const struct registry_instance *instance)
{
	size_t taken = strlen(instance->service) + 1 + 1 + zone_size;
	size_t room = WIRE_NAME_MAX - taken < WIRE_LABEL_MAX ? WIRE_NAME_MAX - taken : WIRE_LABEL_MAX;
	char plain[WIRE_LABEL_MAX + 1], label[WIRE_LABEL_MAX + 1], suffix[16];

	plain_label(instance->id, plain);
	for (unsigned n = 0; store->code == SQLITE_OK; n++) {
		make_suffix(n, instance, suffix);
		join(plain, suffix, room, label);
		const char *name = arena_printf(arena, "%s.%s", label, instance->service);
		if (store_run(store,
			    "INSERT INTO name (name, service, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
			    "sss", name, instance->service, instance->id))
			return arena_strdup(arena, label);
	}
	return "";
}

void labels_release(struct store *store, struct arena *arena, const char *service, const char *label)
{
	const char *name = label ? arena_printf(arena, "%s.%s", label, service) : service;

	store_run(store, "DELETE FROM name WHERE name = ?1", "s", name);
}
