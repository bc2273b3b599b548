/* sockets.h -- every listening socket of the program, opened once by the supervisor or handed over to it. */
#pragma once

#include "main/activation.h"
#include "main/options.h"

struct sockets {
	int *dns; /* UDP of worker 0 (one for each address), worker 1 ..., then TCP likewise */
	size_t dns_count;
	int *http;
	size_t http_count;
	int *dns_links,
		*relay_links; /* the ends of the links between them (inherit.h); NULL without a relay */
	size_t link_count;
};

/* Probes that nobody else holds the addresses, then opens all sockets, for dns.workers (not 0) workers; those
 * of a kind that `activation` has are copied from there instead (`config` names their addresses then). A port
 * 0 is replaced in `config` by the port that the kernel chose (the same one for UDP and TCP). 0 or negative
 * errno with the address and the cause in `message`. */
int sockets_open(struct main_config *config, const struct activation *activation, struct sockets *ret,
	char message[512]);

/* Closes them all; a zeroed struct is fine. */
void sockets_close(struct sockets *sockets);
