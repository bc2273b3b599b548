/* trace.h -- the queries that dns answered last, for whoever looks on from another process.
 *
 * A ring for each thread that answers, in memory that both processes share (page.h): one writer, which waits
 * for nobody and overwrites the oldest entry; any number of readers, each with a cursor of its own, which
 * change nothing. An entry's place carries its number before and after it is written, so a reader that was
 * overtaken knows, and counts what it has missed. All is atomic: words stored with release and loaded with
 * acquire, so that whoever sees a word of a later entry sees its number, too. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TRACE_SLOTS = 1024 }; /* entries that a ring holds; a power of two */

enum trace_flag {
	TRACE_TCP = 1,
	TRACE_TRUNCATED = 2, /* TC was set */
	TRACE_RELAYED = 4,   /* the relay has it: no answer is known here */
	TRACE_NO_QUESTION = 8
};

/* One query and what became of it. */
struct trace_entry {
	int64_t time_ns;     /* wall clock, when its batch was answered */
	uint8_t address[16]; /* the client's; IPv4 as ::ffff:0:0/96 */
	uint16_t port;
	uint16_t type;    /* of the question */
	uint16_t rcode;   /* extended (RFC 6891) */
	uint16_t answers; /* records in the answer section */
	uint16_t size;    /* of the reply, in bytes; 0: there was none */
	uint8_t flags;    /* enum trace_flag */
	uint8_t name_size;
	uint8_t name[260]; /* wire form, lower case; 255 bytes at most */
};

enum { TRACE_WORDS = sizeof(struct trace_entry) / sizeof(uint64_t) };
_Static_assert(sizeof(struct trace_entry) % sizeof(uint64_t) == 0, "an entry is whole words");

struct trace_slot {
	_Atomic uint64_t number; /* 2n + 1 while entry n is written, 2n + 2 when it is whole */
	_Atomic uint64_t words[TRACE_WORDS];
};

struct trace_ring {
	_Alignas(64) _Atomic uint64_t written; /* entries, ever; a new writer goes on here */
	_Alignas(64) struct trace_slot slots[TRACE_SLOTS];
};

/* Writes an entry. The ring's one writer; wait-free. */
void trace_put(struct trace_ring *ring, const struct trace_entry *entry);

/* Where a reader begins that wants what comes from now on. */
uint64_t trace_end(const struct trace_ring *ring);

/* Reads the entry at *cursor and moves it on. Adds to *lost what was overwritten before it could be read.
 * False if there is nothing new. The memory is another process's: what is in the entry is to be checked. */
bool trace_get(const struct trace_ring *ring, uint64_t *cursor, struct trace_entry *ret, uint64_t *lost);
