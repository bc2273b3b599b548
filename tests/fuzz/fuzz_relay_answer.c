/* fuzz_relay_answer.c -- any response from upstream, written anew for a client of the relay: within its
 * limit, readable, and to the question that was asked.
 *
 * The first byte chooses what the client has asked; the rest is the response. Both stand in heap blocks of
 * their exact size. */
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition, what)                                                                             \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "fuzz_relay_answer: %s\n", what);                                    \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

enum { CLIENT_EDNS = 1, CLIENT_DO = 2, CLIENT_TCP = 4, CLIENT_ANY = 8 };

/* wWw.example.com, with OPT behind it if `choice` says so. Returns the size. */
static size_t write_query(uint8_t choice, uint8_t query[64])
{
	static const uint8_t question[] = "\3wWw\7example\3com\0\0\1\0\1", opt[] = "\0\0\x29\4\xd0\0\0\0\0\0";
	uint8_t *end = query + WIRE_HEADER_SIZE;
	memset(query, 0, WIRE_HEADER_SIZE);
	wire_set16(query, 0x1234);
	wire_set16(query + 2, WIRE_FLAG_RD);
	wire_set16(query + 4, 1);
	memcpy(end, question, sizeof(question) - 1);
	end += sizeof(question) - 1;
	if (choice & CLIENT_ANY)
		wire_set16(end - 4, WIRE_ANY);
	if (choice & (CLIENT_EDNS | CLIENT_DO)) {
		wire_set16(query + 10, 1);
		memcpy(end, opt, sizeof(opt));
		end[7] = choice & CLIENT_DO ? 0x80 : 0;
		end += sizeof(opt);
	}
	return (size_t)(end - query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t query_bytes[64];
	struct answer_query query = {.bytes = query_bytes, .udp_size = 1232};
	uint8_t choice = size > 0 ? data[0] : 0;
	size_t query_size = write_query(choice, query_bytes);
	if (size < 1 + WIRE_HEADER_SIZE)
		return 0;
	query.limit = choice & CLIENT_TCP ? WIRE_MESSAGE_MAX : choice & CLIENT_EDNS ? 1232 : WIRE_UDP_MIN;
	REQUIRE(wire_query_parse(query_bytes, query_size, &query.parsed) == WIRE_ANSWER, "the query is bad");
	uint8_t *response = malloc(size - 1), *answer = malloc(query.limit);
	REQUIRE(response && answer, "out of memory");
	memcpy(response, data + 1, size - 1);
	int written = answer_write(&query, response, size - 1, answer);
	if (written >= 0) {
		ldns_pkt *pkt;
		size_t front = WIRE_HEADER_SIZE + query.parsed.question_size;
		REQUIRE((size_t)written >= front && (size_t)written <= query.limit, "its size");
		REQUIRE(wire_get16(answer) == 0x1234 && (answer[2] & 0x85) == 0x81, "its header");
		REQUIRE((answer[3] & 0xF0) == 0x80, "RA alone is set");
		REQUIRE(memcmp(answer + 12, query_bytes + 12, front - 12) == 0, "its question");
		REQUIRE(ldns_wire2pkt(&pkt, answer, (size_t)written) == LDNS_STATUS_OK, "it cannot be read");
		ldns_pkt_free(pkt);
	}
	free(answer);
	free(response);
	return 0;
}
