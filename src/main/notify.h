/* notify.h -- the service manager's socket (sd_notify(3)), without its library. */
#pragma once

#include <stdint.h>

/* Sends `state` ("READY=1") to $NOTIFY_SOCKET; does nothing without one. */
void notify_send(const char *state);

/* Nanoseconds between WATCHDOG=1 messages that the service manager asks for (half of its limit), 0 for none.
 */
int64_t notify_watchdog(void);

/* Asks for another limit than that: a WATCHDOG=1 may come as late as this after the last. */
void notify_limit(int64_t limit_ns);
