/* inbox.c -- see inbox.h. A queue of items under a mutex, and an eventfd. An item lies in the arena of what
 * it carries, so that the writer allocates nothing here. */
#include "registry/inbox_private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/wake.h"

struct inbox_item {
	struct inbox_item *next;
	struct registry_command *command; /* one of the two */
	struct inbox_commit *commit;
};

struct registry_inbox {
	struct registry_inbox_handler handler;
	int fd;
	pthread_mutex_t lock; /* for first and last */
	struct inbox_item *first, **last;
};

struct inbox_commit {
	struct arena *arena;
	struct registry_commit commit;
	_Atomic unsigned references;
};

int registry_inbox_create(const struct registry_inbox_handler *handler, struct registry_inbox **ret)
{
	struct registry_inbox *inbox = mem_alloc(sizeof(*inbox));

	inbox->fd = net_wake_create();
	if (inbox->fd < 0) {
		int error = inbox->fd;
		free(inbox);
		return error;
	}
	if (handler)
		inbox->handler = *handler;
	inbox->last = &inbox->first;
	pthread_mutex_init(&inbox->lock, NULL);
	*ret = inbox;
	return 0;
}

static void drop_item(struct inbox_item *item)
{
	struct inbox_commit *commit = item->commit;

	registry_command_destroy(item->command); /* the item lay in its arena */
	if (commit)
		inbox_commit_unref(commit);
}

void registry_inbox_destroy(struct registry_inbox *inbox)
{
	if (!inbox)
		return;
	for (struct inbox_item *item = inbox->first, *next; item; item = next) {
		next = item->next;
		drop_item(item);
	}
	pthread_mutex_destroy(&inbox->lock);
	close(inbox->fd);
	free(inbox);
}

int registry_inbox_fd(const struct registry_inbox *inbox)
{
	return inbox->fd;
}

/* Only the first item rings: whoever drains clears the bell before it takes all that is there. */
static void put(struct registry_inbox *inbox, struct inbox_item *item)
{
	pthread_mutex_lock(&inbox->lock);
	bool first = !inbox->first;
	*inbox->last = item;
	inbox->last = &item->next;
	pthread_mutex_unlock(&inbox->lock);
	if (first)
		net_wake_ring(inbox->fd);
}

void inbox_put_command(struct registry_inbox *inbox, struct registry_command *command)
{
	struct inbox_item *item = arena_alloc(command->arena, sizeof(*item));

	item->command = command;
	put(inbox, item);
}

struct inbox_commit *inbox_commit_create(struct arena *arena, const struct registry_commit *commit)
{
	struct inbox_commit *shared = arena_alloc(arena, sizeof(*shared));

	shared->arena = arena;
	shared->commit = *commit;
	atomic_init(&shared->references, 1);
	return shared;
}

void inbox_commit_unref(struct inbox_commit *commit)
{
	if (atomic_fetch_sub(&commit->references, 1) == 1)
		arena_destroy(commit->arena);
}

struct inbox_item *inbox_commit_item(struct inbox_commit *commit)
{
	struct inbox_item *item = arena_alloc(commit->arena, sizeof(*item));

	item->commit = commit;
	atomic_fetch_add(&commit->references, 1);
	return item;
}

void inbox_put_item(struct registry_inbox *inbox, struct inbox_item *item)
{
	put(inbox, item);
}

void registry_inbox_drain(struct registry_inbox *inbox)
{
	net_wake_clear(inbox->fd);
	pthread_mutex_lock(&inbox->lock);
	struct inbox_item *item = inbox->first;
	inbox->first = NULL;
	inbox->last = &inbox->first;
	pthread_mutex_unlock(&inbox->lock);

	for (struct inbox_item *next; item; item = next) {
		next = item->next;
		if (item->command && item->command->done)
			item->command->done(item->command, item->command->ctx);
		else if (item->commit && inbox->handler.on_commit)
			inbox->handler.on_commit(&item->commit->commit, inbox->handler.ctx);
		drop_item(item);
	}
}
