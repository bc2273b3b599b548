/* loader.h -- the whole registry, read on one thread and rendered on another.
 *
 * Reading a registry takes about as long as rendering it. A thread that lives for one load reads batches of
 * services and hands them over by way of a queue of LOADER_QUEUE batches; the caller renders them. So a load
 * takes as long as the slower of the two, and what it holds besides the view is a few batches. */
#pragma once

#include "registry/registry.h"

#define LOADER_QUEUE 2
#define LOADER_BATCH (256u << 10) /* bytes of rows in a batch, about; a service is never divided */

/* As registry_reader_walk(): `visit` runs in the calling thread, the reader is used by the other one until
 * this returns. A visitor that returns non-zero ends the load with that value; an error of the reader ends it
 * after the services that were read before. If there is no thread to be had, one does both. */
int loader_walk(
	struct registry_reader *reader, registry_service_visitor *visit, void *ctx, uint64_t *ret_index);
