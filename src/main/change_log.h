/* change_log.h -- what happens to instances, checks and nodes, as log lines: the sidecar's writer tells, once
 * it is on disk. */
#pragma once

#include "registry/registry.h"

/* Logs one change. A registry_config's `changed`. */
void change_log(const struct registry_history *change);
