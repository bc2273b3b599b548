/* conformance_rows.h -- DNS stimulus and exact expected reply, one row each; doc/RFCS.md names the choices.
 *
 * The numbers are those of the project's conformance table; 500 and up are our own. The fixture is
 * fake_view_conformance(). The same packets are the seeds of the fuzzer. */
#pragma once

#include <stdbool.h>

struct conformance_row {
	unsigned number;
	bool tcp;
	const char *stimulus; /* as packet_parse() reads it */
	const char *expected; /* as struct reply says it; "" for no reply */
};

extern const struct conformance_row conformance_rows[];
extern const unsigned conformance_row_count;
