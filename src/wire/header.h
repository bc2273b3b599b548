/* header.h -- the DNS header and the numbers that the RFCs give to things. RFC 1035 section 4.1.1. */
#pragma once

#include <stdint.h>

#define WIRE_HEADER_SIZE 12
#define WIRE_UDP_MIN 512 /* RFC 1035 section 4.2.1 */
#define WIRE_MESSAGE_MAX 65535
#define WIRE_POINTER_TO_QNAME 0xC00C /* the question's name always stands behind the header */

enum wire_flag {
	WIRE_FLAG_QR = 0x8000,
	WIRE_FLAG_AA = 0x0400,
	WIRE_FLAG_TC = 0x0200,
	WIRE_FLAG_RD = 0x0100,
	WIRE_FLAG_RA = 0x0080,
	WIRE_FLAG_CD = 0x0010, /* RFC 4035 section 3.2.2 */
	WIRE_OPCODE_MASK = 0x7800
};

enum wire_opcode { WIRE_OPCODE_QUERY = 0 };

enum wire_rcode {
	WIRE_NOERROR = 0,
	WIRE_FORMERR = 1,
	WIRE_SERVFAIL = 2,
	WIRE_NXDOMAIN = 3,
	WIRE_NOTIMP = 4,
	WIRE_REFUSED = 5,
	WIRE_BADVERS = 16 /* extended, RFC 6891 */
};

enum wire_class { WIRE_CLASS_IN = 1, WIRE_CLASS_CH = 3, WIRE_CLASS_ANY = 255 };

enum wire_type {
	WIRE_A = 1,
	WIRE_NS = 2,
	WIRE_CNAME = 5,
	WIRE_SOA = 6,
	WIRE_PTR = 12,
	WIRE_MX = 15,
	WIRE_TXT = 16,
	WIRE_AAAA = 28,
	WIRE_SRV = 33,
	WIRE_OPT = 41,
	WIRE_DS = 43,
	WIRE_CAA = 257,
	WIRE_TKEY = 249,
	WIRE_TSIG = 250,
	WIRE_IXFR = 251,
	WIRE_AXFR = 252,
	WIRE_ANY = 255
};

/* Two bytes as a big-endian number, at any alignment. */
static inline uint16_t wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Four bytes as a big-endian number, at any alignment. */
static inline uint32_t wire_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Writes a big-endian number into two bytes. */
static inline void wire_set16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Writes a big-endian number into four bytes. */
static inline void wire_set32(uint8_t *p, uint32_t value)
{
	wire_set16(p, (uint16_t)(value >> 16));
	wire_set16(p + 2, (uint16_t)value);
}
