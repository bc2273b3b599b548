/* handover.h -- queries that a thread has handed to the relay, and who waits for the answers. Private to the
 * dns room.
 *
 * One for each thread, on that thread. All slots are made at the start; a query takes one, and its answer, or
 * the deadline, gives it back. A slot keeps the way back to the client and the answer for the case that none
 * comes, so a relay that hangs or dies costs its clients a SERVFAIL and nothing else. The relay is not
 * trusted: an answer counts only with the token, the id and the question of a query that waits, once, within
 * its limit, and without AA. Of what nobody asked for little is read at a time.
 */
#pragma once

#include <netinet/in.h>
#include <sys/queue.h>

#include "dns/worker.h"

enum { HANDOVER_CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

/* The way back to a client; the transport fills in its own part after handover_pass(). */
struct handover_slot {
	TAILQ_ENTRY(handover_slot) link;
	uint64_t token;
	int64_t until;
	uint16_t id, limit, fallback_size;
	uint8_t fallback[WIRE_UDP_MIN];
	void *owner; /* TCP: the connection */
	int fd;      /* UDP: the socket, the client, and which address the answer leaves from */
	struct sockaddr_in6 client;
	socklen_t client_size;
	size_t control_size;
	_Alignas(struct cmsghdr) uint8_t control[HANDOVER_CONTROL];
};

struct handover;

/* Room for `capacity` queries on `link`, which stays the caller's. `deliver` gets each answer on the thread's
 * event loop; the slot is good until it returns. Destroy with handover_destroy(). */
struct handover *handover_create(struct dns_worker *worker, int link, unsigned capacity, int64_t timeout_ns,
	void (*deliver)(struct handover_slot *slot, const uint8_t *answer, size_t size, void *arg),
	void *arg);

/* Hands over a query that dns_respond() has marked for the relay. The slot, with `owner` NULL; or NULL if it
 * cannot be handed over: then the answer in `message` is to be sent. */
struct handover_slot *handover_pass(struct handover *handover, const struct dns_message *message);

/* Gives back the slots of an owner that is going; their answers will find nobody. */
void handover_forget(struct handover *handover, const void *owner);

/* Frees all without delivering. NULL is fine. */
void handover_destroy(struct handover *handover);
