/* own_node.c -- the node that this server is: made, updated or renamed when the registry is opened. */
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "registry/apply.h"
#include "registry/tables.h"

/* A random (version 4) UUID. */
static const char *make_uuid(struct arena *arena)
{
	unsigned char b[16];

	if (getentropy(b, sizeof(b)) < 0)
		memset(b, 0, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	return arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

int apply_own_node(struct apply *apply, struct arena *arena, const char *name, const char *address,
	char message[REGISTRY_MESSAGE])
{
	struct registry_node node = {0};
	struct registry_command command = {
		.op = REGISTRY_PUT_NODE, .arena = arena, .node = &node, .reason = "configuration"};
	bool known = tables_own_node(apply->store, arena, &node);

	if (known && !str_ieq(node.name, name) && !tables_node_name(apply->store, arena, name)) {
		tables_rename_node(apply->store, node.name, name, apply->log->next);
		node.name = name;
		changelog_touch_checks(apply->log);
		changelog_touch_node(apply->log, &(struct changelog_entry){.kind = CHANGELOG_NODE,
							 .node = name,
							 .id = node.id,
							 .what = "renamed",
							 .reason = command.reason});
	} else if (!known || !str_ieq(node.name, name)) {
		node = (struct registry_node){.name = name, .id = make_uuid(arena)};
	}
	node.address = address;
	int error = apply_command(apply, &command);
	if (error) {
		str_copy(message, REGISTRY_MESSAGE, command.message);
		return error;
	}
	tables_set_own_node(apply->store, name);
	apply->own_node = tables_node_name(apply->store, arena, name);
	return 0;
}
