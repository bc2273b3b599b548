/* labels.h -- names of services and instances as DNS names (design: Names and answers).
 *
 * Private to the registry room. The table `name` holds every taken name without the zone, so that a service
 * and an instance never claim the same one. */
#pragma once

#include "registry/refusal.h"
#include "registry/store.h"

/* 0, or -EINVAL if `service` cannot be a DNS name under a zone of `zone_size` bytes, in all forms that are
 * answered: <svc>, _<svc>._tcp, <instance>.<svc>. */
int labels_check_service(const char *service, uint32_t zone_size, char message[REGISTRY_MESSAGE]);

/* Takes the name of a new service. 0, or -EINVAL naming the instance whose target it is. */
int labels_take_service(struct store *store, const char *service, char message[REGISTRY_MESSAGE]);

/* Chooses and takes an instance's label under its service: its id in lower-case letters, digits and hyphens,
 * with a number behind it where that is taken. */
const char *labels_take_instance(struct store *store, struct arena *arena, uint32_t zone_size,
	const struct registry_instance *instance);

/* Gives a name back: the service's own if `label` is NULL, else the instance's. */
void labels_release(struct store *store, struct arena *arena, const char *service, const char *label);
