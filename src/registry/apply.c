/* apply.c -- what each command does to the registry: the rules, in order.
 *
 * A node holds instances and checks. An instance belongs to one service, which exists as long as it has
 * instances. A check belongs to an instance, or to its node and then speaks for all that is on it. Whatever
 * changes is told to the changelog, which gives it an index; a command that finds everything as it asks for
 * changes nothing and gets none. */
#include "registry/apply.h"

#include <errno.h>

#include "base/str.h"
#include "registry/apply_checks.h"
#include "registry/labels.h"
#include "registry/tables.h"

#define UNKNOWN_SERVICE                                                                                      \
	"Unknown service ID \"%.300s\". Ensure that the service ID is passed, not the service name."
#define UNKNOWN_CHECK "Unknown check ID \"%.300s\". Ensure that the check ID is passed, not the check name."

/* The node that a command names; our own if it names none. */
static const char *node_or_own(const struct apply *apply, const char *name)
{
	return name && *name ? name : apply->own_node;
}

/* The spelling in which a node is stored; NULL if there is none. Our own is always there. */
static const char *stored_node_name(
	const struct apply *apply, struct registry_command *command, const char *name)
{
	if (apply->own_node && str_ieq(name, apply->own_node))
		return apply->own_node;
	return tables_node_name(apply->store, command->arena, name);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* -- Nodes -- */

static int put_node_row(
	struct apply *apply, struct registry_command *command, const struct registry_node *given)
{
	struct registry_node node = *given;
	int error = rules_node(&apply->rules, &node, command->message);

	if (error)
		return error;
	enum tables_effect effect = tables_put_node(apply->store, command->arena, &node, apply->log->next);
	if (effect == TABLES_SAME)
		return 0;
	if (effect == TABLES_ADDED && ++apply->log->now.node_count > apply->rules.limits->instances)
		return refusal(command->message, -EDQUOT, "Too many nodes: the limit is %u",
			apply->rules.limits->instances);
	if (effect == TABLES_CHANGED)
		changelog_touch_checks(apply->log); /* they may be listed by its Meta */
	/* Instances without an address of their own are reached at their node's. */
	changelog_touch_node(apply->log, &(struct changelog_entry){.kind = CHANGELOG_NODE,
						 .node = node.name,
						 .id = node.id,
						 .what = effect == TABLES_ADDED ? "registered" : "changed",
						 .reason = command->reason});
	return 0;
}

/* -- Instances -- */

/* The service loses an instance, and with the last one its name, at the same index. */
static void leave_service(struct apply *apply, struct arena *arena, const struct registry_instance *instance,
	const char *what, const char *reason)
{
	labels_release(apply->store, arena, instance->service, instance->label);
	changelog_add(apply->log, &(struct changelog_entry){.kind = CHANGELOG_INSTANCE,
					  .service = instance->service,
					  .node = instance->node,
					  .id = instance->id,
					  .what = what,
					  .reason = reason});
	if (!tables_remove_service_if_empty(apply->store, instance->service))
		return;
	labels_release(apply->store, arena, instance->service, NULL);
	apply->log->now.extinction = apply->log->next;
}

/* The service that the instance names: made if it is the first, else in the spelling that came first. */
static int join_service(
	struct apply *apply, struct registry_command *command, struct registry_instance *instance)
{
	const char *name = tables_service_name(apply->store, command->arena, instance->service);

	if (name) {
		instance->service = name;
		return 0;
	}
	int error = labels_take_service(apply->store, instance->service, command->message);
	if (!error)
		tables_add_service(apply->store, instance->service, apply->log->next);
	return error;
}

/* Puts the row of an instance that passed the rules and whose node is there. */
static int put_instance_row(
	struct apply *apply, struct registry_command *command, struct registry_instance *instance)
{
	struct registry_instance former;
	bool known =
		tables_find_instance(apply->store, command->arena, instance->node, instance->id, &former);
	bool stays = known && str_ieq(former.service, instance->service);

	if (!known && ++apply->log->now.instances > apply->rules.limits->instances)
		return refusal(command->message, -EDQUOT, "Too many instances: the limit is %u",
			apply->rules.limits->instances);
	int error = join_service(apply, command, instance);
	if (error)
		return error;
	instance->create_index = known ? former.create_index : (uint64_t)apply->log->next;
	if (known) {
		instance->id = former.id;
		instance->agent |= former.agent; /* the catalog may edit what the agent API registered */
	}
	/* A label is chosen once, and kept as long as the instance stays where it is. */
	instance->label =
		stays ? former.label
		      : labels_take_instance(apply->store, command->arena, apply->rules.zone_size, instance);
	bool written = true;
	if (known)
		written = tables_change_instance(apply->store, command->arena, instance, apply->log->next);
	else
		tables_add_instance(apply->store, command->arena, instance, apply->log->next);
	if (known && !stays)
		leave_service(apply, command->arena, &former, "removed", "it moved to another service");
	if (known && written)
		changelog_touch_checks(apply->log);
	if (written)
		changelog_add(apply->log, &(struct changelog_entry){.kind = CHANGELOG_INSTANCE,
						  .service = instance->service,
						  .node = instance->node,
						  .id = instance->id,
						  .what = known ? "changed" : "registered",
						  .reason = command->reason});
	return 0;
}

static void remove_instance_row(struct apply *apply, struct registry_command *command,
	const struct registry_instance *instance, const char *reason)
{
	size_t count = 0;
	struct registry_check *checks =
		tables_checks(apply->store, command->arena, instance->node, instance->id, &count);

	for (size_t i = 0; i < count; i++)
		apply_remove_check(apply, &checks[i], reason);
	tables_remove_instance(apply->store, instance->node, instance->id);
	apply->log->now.instances--;
	leave_service(apply, command->arena, instance, "removed", reason);
}

/* -- The operations -- */

static int op_put_node(struct apply *apply, struct registry_command *command)
{
	int error = put_node_row(apply, command, command->node);

	if (error)
		return error;
	const char *name = tables_node_name(apply->store, command->arena, command->node->name);
	return name ? apply_put_checks(apply, command, name, NULL) : 0;
}

static int op_put_instance(struct apply *apply, struct registry_command *command)
{
	struct registry_instance instance = *command->instance;
	int error = command->node ? put_node_row(apply, command, command->node) : 0;

	if (!error)
		error = rules_instance(&apply->rules, &instance, command->message);
	if (error)
		return error;
	const char *node = command->node ? command->node->name : node_or_own(apply, instance.node);
	instance.node = stored_node_name(apply, command, node);
	if (!instance.node)
		return refusal(command->message, -EINVAL, "Node \"%.300s\" does not exist", node);
	error = put_instance_row(apply, command, &instance);
	if (error)
		return error;
	if (command->replace_checks)
		apply_remove_other_checks(apply, command, &instance);
	return apply_put_checks(apply, command, instance.node, &instance);
}

static int op_put_check(struct apply *apply, struct registry_command *command)
{
	const char *given = command->check_count ? command->checks[0].node : NULL;
	const char *node = stored_node_name(apply, command, node_or_own(apply, given));

	if (!node)
		return refusal(command->message, -EINVAL, "Node \"%.300s\" does not exist", or_empty(given));
	return apply_put_checks(apply, command, node, NULL);
}

static int op_remove_node(struct apply *apply, struct registry_command *command)
{
	const char *node = tables_node_name(apply->store, command->arena, or_empty(command->node_name));
	struct registry_instance instance;
	size_t count = 0;

	if (!node)
		return refusal(
			command->message, -ENOENT, "Unknown node \"%.300s\"", or_empty(command->node_name));
	if (str_ieq(node, apply->own_node))
		return refusal(command->message, -EINVAL,
			"Node \"%.300s\" is this server's own and stays; deregister its services by their "
			"ServiceID",
			node);
	const char **ids = tables_instances_on(apply->store, command->arena, node, &count);
	for (size_t i = 0; i < count; i++)
		if (tables_find_instance(apply->store, command->arena, node, ids[i], &instance))
			remove_instance_row(apply, command, &instance, command->reason);
	struct registry_check *checks = tables_checks(apply->store, command->arena, node, "", &count);
	for (size_t i = 0; i < count; i++)
		apply_remove_check(apply, &checks[i], command->reason);
	tables_remove_node(apply->store, node);
	apply->log->now.node_count--;
	changelog_add(apply->log, &(struct changelog_entry){.kind = CHANGELOG_NODE,
					  .service = "",
					  .node = node,
					  .id = "",
					  .what = "removed",
					  .reason = command->reason});
	return 0;
}

static int op_remove_instance(struct apply *apply, struct registry_command *command)
{
	struct registry_instance instance;
	const char *id = or_empty(command->instance_id), *node = node_or_own(apply, command->node_name);

	if (!tables_find_instance(apply->store, command->arena, node, id, &instance))
		return refusal(command->message, -ENOENT, UNKNOWN_SERVICE, id);
	remove_instance_row(apply, command, &instance, command->reason);
	return 0;
}

/* Finds the check that a command names, as far as tables_find_check_state() tells. */
static int find_check(
	struct apply *apply, struct registry_command *command, struct registry_check *ret, int64_t *ret_row)
{
	const char *id = or_empty(command->check_id), *node = node_or_own(apply, command->node_name);

	if (tables_find_check_state(apply->store, command->arena, node, id, ret, ret_row))
		return 0;
	return refusal(command->message, -ENOENT, UNKNOWN_CHECK, id);
}

static int op_remove_check(struct apply *apply, struct registry_command *command)
{
	struct registry_check check;
	int64_t row;
	int error = find_check(apply, command, &check, &row);

	if (!error)
		apply_remove_check(apply, &check, command->reason);
	return error;
}

static int op_set_status(struct apply *apply, struct registry_command *command)
{
	struct registry_check check, former;
	int64_t row;
	int error = find_check(apply, command, &check, &row);

	if (error)
		return error;
	former = check;
	if ((unsigned)command->status > REGISTRY_CRITICAL)
		return refusal(command->message, -EINVAL, "Bad check status");
	/* Another output alone is shown by the live table (live.h), and is not worth a transaction. */
	if (check.checked && check.status == command->status)
		return 0;
	uint32_t size = check.definition.output_max_size;
	if (!size || size > apply->rules.limits->output_size)
		size = apply->rules.limits->output_size;
	check.status = command->status;
	check.output = rules_clean(command->arena, command->output, size);
	tables_set_status(apply->store, row, &check, apply->log->next);
	apply_note_check(apply, &check, &former, registry_status_name(check.status), command->reason);
	return 0;
}

static int op_set_maintenance(struct apply *apply, struct registry_command *command)
{
	const char *node = node_or_own(apply, command->node_name), *id = or_empty(command->instance_id);
	struct registry_instance instance;
	struct registry_check former;
	int64_t row;

	if (*id && !tables_find_instance(apply->store, command->arena, node, id, &instance))
		return refusal(command->message, -ENOENT, UNKNOWN_SERVICE, id);
	node = stored_node_name(apply, command, node);
	if (!node)
		return refusal(command->message, -ENOENT, "Unknown node \"%.300s\"", command->node_name);
	struct registry_check check = apply_maintenance_check(command, node, *id ? &instance : NULL);
	bool enabled = tables_find_check_state(apply->store, command->arena, node, check.id, &former, &row);
	if (!command->enable) {
		if (enabled)
			apply_remove_check(apply, &former, command->reason);
		return 0;
	}
	int error = rules_check(&apply->rules, command->arena, &check, command->message);
	if (error)
		return error;
	if (enabled &&
		former.status != REGISTRY_CRITICAL) /* not ours: somebody registered it under this id */
		apply_remove_check(apply, &former, "maintenance takes its place");
	apply_put_check(apply, command->arena, &check, *id ? &instance : NULL,
		command->reason ? command->reason : check.notes);
	return 0;
}

static int op_reap(struct apply *apply, struct registry_command *command)
{
	struct registry_instance instance;
	struct registry_check check;
	int64_t row;
	int error = find_check(apply, command, &check, &row);

	if (error)
		return error;
	/* Between the health thread's decision and now it may have passed, or moved to another instance. */
	if (check.status != REGISTRY_CRITICAL || !*check.instance_id ||
		!str_ieq(check.instance_id, or_empty(command->instance_id)))
		return 0;
	if (tables_find_instance(apply->store, command->arena, check.node, check.instance_id, &instance))
		remove_instance_row(apply, command, &instance, command->reason);
	return 0;
}

static int (*const operations[])(struct apply *apply, struct registry_command *command) = {
	[REGISTRY_PUT_NODE] = op_put_node,
	[REGISTRY_PUT_INSTANCE] = op_put_instance,
	[REGISTRY_PUT_CHECK] = op_put_check,
	[REGISTRY_REMOVE_NODE] = op_remove_node,
	[REGISTRY_REMOVE_INSTANCE] = op_remove_instance,
	[REGISTRY_REMOVE_CHECK] = op_remove_check,
	[REGISTRY_SET_STATUS] = op_set_status,
	[REGISTRY_SET_MAINTENANCE] = op_set_maintenance,
	[REGISTRY_REAP] = op_reap,
};

int apply_command(struct apply *apply, struct registry_command *command)
{
	if ((unsigned)command->op >= sizeof(operations) / sizeof(operations[0]))
		return refusal(command->message, -EINVAL, "unknown operation %u", (unsigned)command->op);
	return operations[command->op](apply, command);
}
