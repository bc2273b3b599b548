/* inbox_private.h -- the writer's side of an inbox. */
#pragma once

#include "registry/command.h"
#include "registry/inbox.h"

struct inbox_commit; /* a registry_commit with its arena, shared by the inboxes that observe */
struct inbox_item;

/* Puts a finished command. Its arena must not be touched afterwards. */
void inbox_put_command(struct registry_inbox *inbox, struct registry_command *command);

/* Takes over `arena`, in which the changes of `commit` lie; the caller holds one reference. */
struct inbox_commit *inbox_commit_create(struct arena *arena, const struct registry_commit *commit);

/* Gives a reference back; with the last one the arena goes. */
void inbox_commit_unref(struct inbox_commit *commit);

/* An item with a reference of its own, for one inbox. All items are made before the first is put, because an
 * arena belongs to one thread at a time. */
struct inbox_item *inbox_commit_item(struct inbox_commit *commit);

/* Puts such an item. */
void inbox_put_item(struct registry_inbox *inbox, struct inbox_item *item);
