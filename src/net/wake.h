/* wake.h -- an eventfd as a bell: many rings, one wake-up.
 *
 * The supervisor makes the bells between processes, so they outlive a restart of either side. Any thread. */
#pragma once

/* A non-blocking, close-on-exec eventfd. The descriptor or negative errno; the caller closes it. */
int net_wake_create(void);

/* Rings; never blocks. */
void net_wake_ring(int fd);

/* Forgets all rings so far, so that the descriptor is no longer readable. */
void net_wake_clear(int fd);
