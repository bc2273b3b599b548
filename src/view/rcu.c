#include "view/rcu.h"

#include <assert.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>

#include "base/mem.h"

#if defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1
#endif
#endif

#ifdef RCU_TSAN
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_release(sync) ((void)(sync))
#define __tsan_acquire(sync) ((void)(sync))
#endif

static _Thread_local unsigned registrations;
static char grace; /* stands for "a grace period" in the notes for TSan */

void rcu_register(void)
{
	if (registrations++ > 0)
		return;
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
}

void rcu_unregister(void)
{
	assert(registrations > 0);
	if (--registrations == 0)
		urcu_qsbr_unregister_thread();
}

void rcu_online(void)
{
	urcu_qsbr_thread_online();
}

void rcu_offline(void)
{
	__tsan_release(&grace);
	urcu_qsbr_thread_offline();
}

void rcu_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	__tsan_acquire(&grace);
}

void rcu_pile_add(struct rcu_pile *pile, void *object)
{
	if (!object)
		return;
	if (pile->count == pile->capacity) {
		pile->capacity = pile->capacity ? pile->capacity * 2 : 64;
		pile->objects = mem_resize(pile->objects, pile->capacity, sizeof(void *));
	}
	pile->objects[pile->count++] = object;
}

void rcu_pile_free(struct rcu_pile *pile)
{
	if (pile->count == 0)
		return;
	rcu_wait();
	for (size_t i = 0; i < pile->count; i++)
		free(pile->objects[i]);
	pile->count = 0;
}

void rcu_pile_finish(struct rcu_pile *pile)
{
	assert(pile->count == 0);
	free(pile->objects);
	*pile = (struct rcu_pile){0};
}
