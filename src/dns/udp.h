/* udp.h -- DNS over UDP for one worker: batches in, batches out. Private to the dns room.
 *
 * A wake-up of the event loop reads up to UDP_ROUNDS batches of UDP_BATCH packets (recvmmsg), answers each
 * batch inside one view_read_begin() and sends it (sendmmsg). Queries for the relay are handed over by one
 * call each, and answered from the same socket and address when their answer comes. All buffers are made
 * once; between receive and send there is no allocation, lock, system call or log line. One object serves all
 * UDP sockets of its worker, on a thread that does nothing else; the descriptors stay the caller's. */
#pragma once

#include "dns/worker.h"

enum {
	UDP_BATCH = 32,       /* packets in one recvmmsg(); their answers stay in the nearer caches */
	UDP_ROUNDS = 16,      /* batches before the event loop gets its turn: other sockets, bells, ticks */
	UDP_ANSWER_MAX = 4096 /* the largest answer; dns_settings.udp_size is at most this */
};

struct udp;

/* Prepares `count` sockets; nothing is read yet. Those of `earlier` other workers stand in front of them,
 * `count` for each, and may be the same sockets. `relay` is NULL
 * without one. Destroy with udp_destroy(). */
struct udp *udp_create(struct dns_worker *worker, const int *fds, size_t count, unsigned earlier,
	const struct worker_relay *relay);

/* Starts to read. */
void udp_open(struct udp *udp);

/* Stops to read; what has arrived stays in the sockets. */
void udp_close(struct udp *udp);

/* Packets that the kernel has dropped at the sockets since they were made: the buffer was full, or the
 * checksum wrong. A socket that an earlier worker has too counts there. */
uint64_t udp_drops(const struct udp *udp);

/* Stops and frees. NULL is fine. */
void udp_destroy(struct udp *udp);
