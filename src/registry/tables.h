/* tables.h -- the rows of the registry, one function for each thing that apply.c does to them.
 *
 * Private to the registry room; the writer's thread. No rules here and no changelog: apply.c decides, this is
 * the SQL. After an error of the database, which sticks in the store, everything finds nothing. */
#pragma once

#include "registry/model.h"
#include "registry/store.h"

enum tables_effect { TABLES_SAME, TABLES_CHANGED, TABLES_ADDED };

/* The spelling in which a node is stored; NULL if there is none. */
const char *tables_node_name(struct store *store, struct arena *arena, const char *name);

/* Puts a node's row. An empty id keeps the one that is stored. */
enum tables_effect tables_put_node(
	struct store *store, struct arena *arena, const struct registry_node *node, int64_t index);

/* Our own node as it was when the registry was last open; false if there was none. */
bool tables_own_node(struct store *store, struct arena *arena, struct registry_node *ret);

/* Marks a node as our own, and no other. */
void tables_set_own_node(struct store *store, const char *name);

/* Gives a node, and all that is on it, another name. */
void tables_rename_node(struct store *store, const char *from, const char *to, int64_t index);

/* Removes a node's row; nothing may be left on it. */
void tables_remove_node(struct store *store, const char *name);

/* Finds an instance, but only who it is: node, id, service, label, agent and create_index. Everything else is
 * zero: one command may come upon many instances, and their tags and Meta may be long. */
bool tables_find_instance(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_instance *ret);

/* Inserts an instance whose node has none of this id. */
void tables_add_instance(
	struct store *store, struct arena *arena, const struct registry_instance *instance, int64_t index);

/* Updates the row of the same node and id; false if nothing differs. */
bool tables_change_instance(
	struct store *store, struct arena *arena, const struct registry_instance *instance, int64_t index);

/* Removes an instance's row. */
void tables_remove_instance(struct store *store, const char *node, const char *id);

/* The spelling in which a service is stored; NULL if it has no instance. */
const char *tables_service_name(struct store *store, struct arena *arena, const char *name);

/* Adds a service. */
void tables_add_service(struct store *store, const char *name, int64_t index);

/* Removes the service if it has no instance left; true if so. */
bool tables_remove_service_if_empty(struct store *store, const char *name);

/* Finds a check. */
bool tables_find_check(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_check *ret);

/* The same, but only who a check is and how it stands: node, id, instance_id, service, status, checked,
 * definition.type and definition.output_max_size. Everything else is zero. *ret_row is its row, which is good
 * for the transaction. */
bool tables_find_check_state(struct store *store, struct arena *arena, const char *node, const char *id,
	struct registry_check *ret, int64_t *ret_row);

/* How many checks an instance has, or the node itself (instance_id ""). */
size_t tables_count_checks(struct store *store, const char *node, const char *instance_id);

/* The same without the one that stands for maintenance, which takes longer. */
size_t tables_count_own_checks(struct store *store, const char *node, const char *instance_id);

/* Inserts a check; false if there is one with this node and id, which stays as it is. */
bool tables_add_check(
	struct store *store, struct arena *arena, const struct registry_check *check, int64_t index);

/* Updates name, notes, owner and definition of the check with the same node and id; false if nothing
 * differs. */
bool tables_change_check(
	struct store *store, struct arena *arena, const struct registry_check *check, int64_t index);

/* Writes a check's status and output; it had a result. */
void tables_set_status(struct store *store, int64_t row, const struct registry_check *check, int64_t index);

/* Writes a check's output; false if it is the same. */
bool tables_set_output(struct store *store, int64_t row, const struct registry_check *check, int64_t index);

/* Removes a check. */
void tables_remove_check(struct store *store, const char *node, const char *id);

/* The checks of an instance, or of the node itself (instance_id ""), each as tables_find_check_state() has
 * it. */
struct registry_check *tables_checks(struct store *store, struct arena *arena, const char *node,
	const char *instance_id, size_t *ret_count);

/* The ids of the instances on a node. */
const char **tables_instances_on(
	struct store *store, struct arena *arena, const char *node, size_t *ret_count);
