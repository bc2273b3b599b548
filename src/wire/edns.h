/* edns.h -- the OPT pseudo-record of a query, and the options inside it. RFC 6891. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_option {
	WIRE_OPTION_NSID = 3,       /* RFC 5001 */
	WIRE_OPTION_ECS = 8,        /* RFC 7871 */
	WIRE_OPTION_COOKIE = 10,    /* RFC 7873 */
	WIRE_OPTION_KEEPALIVE = 11, /* RFC 7828 */
	WIRE_OPTION_PADDING = 12,   /* RFC 7830 */
	WIRE_OPTION_EDE = 15        /* RFC 8914 */
};

enum wire_ede {
	WIRE_EDE_OTHER = 0,
	WIRE_EDE_NOT_READY = 14,
	WIRE_EDE_PROHIBITED = 18,
	WIRE_EDE_NOT_AUTHORITATIVE = 20,
	WIRE_EDE_NOT_SUPPORTED = 21,
	WIRE_EDE_NO_REACHABLE_AUTHORITY = 22
};

struct wire_edns {
	bool present;
	uint8_t version;
	bool dnssec_ok;         /* the DO bit, copied into the reply (RFC 3225) */
	uint16_t udp_size;      /* as sent; below 512 counts as 512 */
	const uint8_t *options; /* inside the query, checked: every option lies within */
	uint16_t options_size;
};

/* Walks over checked options: returns the next one's code and sets value and size, or -1 at the end. Start
 * with *position = 0. */
int wire_edns_next(
	const struct wire_edns *edns, size_t *position, const uint8_t **ret_value, size_t *ret_size);

/* Checks that `size` bytes are whole options. True if they are. */
bool wire_edns_options_valid(const uint8_t *options, size_t size);
