/* rr.h -- records in wire form: the types that are served, and the bytes of the live ones.
 *
 * Works in the caller's memory. Adding a type to what zone files may hold is a row in rr_types(). RFC 1035
 * section 4.1.3, RFC 2782 (SRV), RFC 3596 (AAAA), RFC 8659 (CAA). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

#define RR_OWNER 2                              /* a pointer to the question's name */
#define RR_FIXED 10                             /* type, class, TTL, RDLENGTH */
#define RR_SRV_TARGET (RR_OWNER + RR_FIXED + 6) /* where the target stands in an SRV record */
#define RR_TTL_MAX 0x7fffffff                   /* RFC 2181 section 8 */

struct rr_type {
	uint16_t type;
	const char *name;
	uint16_t stride; /* size of a whole record from its owner pointer on, if all are equal; else 0 */
	int target;      /* where in the rdata a host name starts whose addresses go into additional; -1: none
			  */
	bool open;       /* the rdata is not looked into; else it is: */
	uint8_t before, names, after; /* bytes, so many names, bytes */
};

/* The row of a type that zone files may hold; NULL if it is not served. */
const struct rr_type *rr_type(uint16_t type);

/* Bytes of a valid wire name with its root label. */
size_t rr_name_size(const uint8_t *name);

/* True if the rdata is what its type says: names are whole, uncompressed and at most 255 octets. */
bool rr_rdata_valid(const struct rr_type *type, const uint8_t *rdata, size_t size);

/* True if two valid rdata of a type are the same: names without case (RFC 4343), all else to the bit. */
bool rr_rdata_equal(
	const struct rr_type *type, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* Writes one label: its size and its bytes. Returns what is behind it. */
uint8_t *rr_put_label(uint8_t *p, const char *text, size_t size);

/* Writes a pointer to the question's name. Returns what is behind it. */
uint8_t *rr_put_owner(uint8_t *p);

/* Writes type, class IN, TTL and RDLENGTH. Returns what is behind them. */
uint8_t *rr_put_fixed(uint8_t *p, uint16_t type, uint32_t ttl, size_t rdlength);

/* Writes an A (4 bytes) or AAAA (16 bytes) record from its type on. Returns what is behind it. */
uint8_t *rr_put_address(uint8_t *p, uint16_t type, uint32_t ttl, const uint8_t *address);

/* Splits text at its dots into wire labels, each of which must be a host label (wire_label_is_host()).
 * Returns the size without a root label (1 to 254), or -EINVAL. */
int rr_host_name(const char *text, uint8_t ret[WIRE_NAME_MAX]);
