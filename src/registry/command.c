/* command.c -- see command.h. */
#include "registry/command.h"

struct registry_command *registry_command_create(enum registry_op op)
{
	struct arena *arena = arena_create();
	struct registry_command *command = arena_alloc(arena, sizeof(*command));

	command->arena = arena;
	command->op = op;
	return command;
}

void registry_command_destroy(struct registry_command *command)
{
	if (command)
		arena_destroy(command->arena);
}
