/* apply_checks.c -- see apply_checks.h. */
#include "registry/apply_checks.h"

#include <errno.h>

#include "base/str.h"
#include "registry/tables.h"

/* "waiting" is what a check without a first result is. */
static const char *status_word(const struct registry_check *check)
{
	return check->checked ? registry_status_name(check->status) : "waiting";
}

/* Tells the changelog what happened to a check: its instance's service hears of it, or all on its node. */
void apply_note_check(struct apply *apply, const struct registry_check *check,
	const struct registry_check *former, const char *what, const char *reason)
{
	const struct changelog_entry entry = {.kind = CHANGELOG_CHECK,
		.service = check->service,
		.node = check->node,
		.id = check->id,
		.instance = check->instance_id,
		.former = former ? status_word(former) : NULL,
		.what = what,
		.reason = reason};

	if (*check->instance_id)
		changelog_add(apply->log, &entry);
	else
		changelog_touch_node(apply->log, &entry);
}

/* A check that moves from one instance (or the node) to another leaves the first one's answers too. */
static void note_former_owner(
	struct apply *apply, const struct registry_check *former, const struct registry_check *check)
{
	if (!str_ieq(former->instance_id, check->instance_id))
		apply_note_check(apply, former, former, "removed", "it moved to another instance");
}

/* What a check of the catalog says of itself counts, as nobody else speaks for it; other checks find out, and
 * keep what they know when they are registered again, so that a client that repeats itself does not make its
 * service flap. True if the status is another one; another output alone makes the check *changed. */
static bool take_given_status(struct apply *apply, int64_t row, const struct registry_check *former,
	const struct registry_check *given, bool *changed)
{
	if (given->definition.type != REGISTRY_CHECK_NONE)
		return false;
	if (former->status == given->status && former->checked) {
		if (tables_set_output(apply->store, row, given, apply->log->next))
			*changed = true;
		return false;
	}
	tables_set_status(apply->store, row, given, apply->log->next);
	return true;
}

/* A check that was not there: it stands in the table as it was given, so nothing has to be read. */
static void note_added(struct apply *apply, const struct registry_check *check,
	const struct registry_instance *owner, const char *reason)
{
	struct registry_check stored = *check;

	stored.service = owner ? owner->service : "";
	stored.create_index = stored.modify_index = (uint64_t)apply->log->next;
	apply_note_check(apply, &stored, NULL, "registered", reason);
	changelog_check_put(apply->log, &stored, true);
}

void apply_put_check(struct apply *apply, struct arena *arena, struct registry_check *check,
	const struct registry_instance *owner, const char *reason)
{
	struct registry_check former, stored;
	int64_t row;

	check->checked = check->definition.type == REGISTRY_CHECK_NONE ||
			 check->definition.type == REGISTRY_CHECK_MAINTENANCE;
	if (tables_add_check(apply->store, arena, check, apply->log->next)) {
		note_added(apply, check, owner, reason);
		return;
	}
	if (!tables_find_check_state(apply->store, arena, check->node, check->id, &former, &row))
		return;
	bool changed = tables_change_check(apply->store, arena, check, apply->log->next);
	bool status_changed = take_given_status(apply, row, &former, check, &changed);
	if (!tables_find_check(apply->store, arena, check->node, check->id, &stored))
		return;
	note_former_owner(apply, &former, &stored);
	if (status_changed)
		apply_note_check(apply, &stored, &former, registry_status_name(stored.status), reason);
	else if (changed)
		apply_note_check(apply, &stored, &former, "changed", reason);
	/* One that is the same is told to observers too: its timers start anew. */
	changelog_check_put(apply->log, &stored, changed);
}

void apply_remove_check(struct apply *apply, const struct registry_check *check, const char *reason)
{
	tables_remove_check(apply->store, check->node, check->id);
	changelog_check_gone(apply->log, check->node, check->id);
	apply_note_check(apply, check, check, "removed", reason);
}

/* `owner`: the instance that got a check, NULL if it is the node's. */
static int limit_checks(struct apply *apply, struct registry_command *command, const char *node,
	const struct registry_instance *owner)
{
	const char *instance_id = owner ? owner->id : "";
	size_t count;

	if (owner && owner->create_index == (uint64_t)apply->log->next &&
		command->check_count <= apply->rules.limits->checks_per_instance)
		return 0; /* it is as new as its checks */
	if (tables_count_checks(apply->store, node, instance_id) <= apply->rules.limits->checks_per_instance)
		return 0; /* with maintenance, which does not count */
	count = tables_count_own_checks(apply->store, node, instance_id);
	if (count <= apply->rules.limits->checks_per_instance)
		return 0;
	return refusal(command->message, -EDQUOT, "Too many checks of \"%.200s\": %zu, and the limit is %u",
		*instance_id ? instance_id : node, count, apply->rules.limits->checks_per_instance);
}

/* Who a check belongs to and what it is called, where the command leaves that to us. `instance` is the one
 * that the command registers, NULL if none (consul.md section 2.3). */
static struct registry_check name_check(struct registry_command *command, size_t i, const char *node,
	const struct registry_instance *instance)
{
	struct registry_check check = command->checks[i];

	check.node = node;
	if (instance && (instance->agent || !check.instance_id)) {
		check.instance_id = instance->id;
		if (!check.name || !*check.name)
			check.name = arena_printf(command->arena, "Service '%s' check", instance->service);
		if ((!check.id || !*check.id) && command->check_count == 1)
			check.id = arena_printf(command->arena, "service:%s", instance->id);
		if (!check.id || !*check.id)
			check.id = arena_printf(command->arena, "service:%s:%zu", instance->id, i + 1);
	}
	if (!check.id || !*check.id)
		check.id = check.name;
	return check;
}

/* The instance that a check names, most often the one that the command registers. */
static bool find_owner(struct apply *apply, struct registry_command *command,
	const struct registry_check *check, const struct registry_instance *instance,
	struct registry_instance *ret)
{
	if (!instance || !str_ieq(check->instance_id, instance->id))
		return tables_find_instance(
			apply->store, command->arena, check->node, check->instance_id, ret);
	*ret = *instance;
	return true;
}

int apply_put_checks(struct apply *apply, struct registry_command *command, const char *node,
	const struct registry_instance *instance)
{
	for (size_t i = 0; i < command->check_count; i++) {
		struct registry_check check = name_check(command, i, node, instance);
		struct registry_instance owner;
		int error = rules_check(&apply->rules, command->arena, &check, command->message);
		if (error)
			return error;
		const bool owned = *check.instance_id;
		if (owned && !find_owner(apply, command, &check, instance, &owner))
			return refusal(command->message, -ENOENT, "ServiceID \"%.300s\" does not exist",
				check.instance_id);
		if (owned)
			check.instance_id = owner.id;
		apply_put_check(apply, command->arena, &check, owned ? &owner : NULL, command->reason);
		error = limit_checks(apply, command, node, owned ? &owner : NULL);
		if (error)
			return error;
	}
	return 0;
}

/* replace_checks: what the instance had and is not given any more goes, but maintenance is somebody else's
 * word. */
void apply_remove_other_checks(
	struct apply *apply, struct registry_command *command, const struct registry_instance *instance)
{
	size_t count = 0;
	struct registry_check *checks =
		tables_checks(apply->store, command->arena, instance->node, instance->id, &count);

	for (size_t i = 0; i < count; i++) {
		bool stays = checks[i].definition.type == REGISTRY_CHECK_MAINTENANCE;
		for (size_t j = 0; j < command->check_count && !stays; j++)
			stays = str_ieq(name_check(command, j, instance->node, instance).id, checks[i].id);
		if (!stays)
			apply_remove_check(apply, &checks[i], "it is no longer among the instance's checks");
	}
}

/* The check that stands for maintenance, of an instance or (NULL) of the node (consul.md section 2.3). */
struct registry_check apply_maintenance_check(
	struct registry_command *command, const char *node, const struct registry_instance *instance)
{
	const char *notes = rules_clean(command->arena, command->notes, 512);

	if (!*notes)
		notes = instance
				? "Maintenance mode is enabled for this service, but no reason was provided. "
				  "This is a default message."
				: "Maintenance mode is enabled for this node, but no reason was provided. "
				  "This is a default message.";
	return (struct registry_check){
		.node = node,
		.id = instance ? arena_printf(command->arena, "_service_maintenance:%s", instance->id)
			       : "_node_maintenance",
		.name = instance ? "Service Maintenance Mode" : "Node Maintenance Mode",
		.notes = notes,
		.instance_id = instance ? instance->id : "",
		.status = REGISTRY_CRITICAL,
		.definition = {.type = REGISTRY_CHECK_MAINTENANCE},
	};
}
