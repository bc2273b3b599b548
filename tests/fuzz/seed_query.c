/* seed_query.c -- writes the packets of the conformance rows into a folder, as the query fuzzer's first
 * corpus. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conformance_rows.h"
#include "packet.h"

int main(int argc, char **argv)
{
	uint8_t input[65538] = {0x01, 0x00};
	unsigned last = 0, part = 0;
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < conformance_row_count; i++) {
		const struct conformance_row *row = &conformance_rows[i];
		size_t size = 2 + packet_parse(row->stimulus, input + 2, sizeof input - 2);
		part = row->number == last ? part + 1 : 0;
		last = row->number;
		snprintf(path, sizeof path, "%s/row-%03u-%u", argv[1], row->number, part);
		FILE *file = fopen(path, "wb");
		if (!file || fwrite(input, 1, size, file) != size || fclose(file) != 0) {
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
			return 1;
		}
	}
	return 0;
}
