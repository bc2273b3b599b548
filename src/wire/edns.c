/* edns.c -- the options inside an OPT record. RFC 6891 section 6.1.2. */
#include "wire/edns.h"

#include "wire/header.h"

#define OPTION_HEADER 4 /* code and length */

/* The bytes of the whole option at `at`, 0 if it is not whole. */
static size_t option_size(const uint8_t *options, size_t size, size_t at)
{
	if (size - at < OPTION_HEADER)
		return 0;
	size_t whole = OPTION_HEADER + (size_t)wire_get16(options + at + 2);
	return whole <= size - at ? whole : 0;
}

int wire_edns_next(
	const struct wire_edns *edns, size_t *position, const uint8_t **ret_value, size_t *ret_size)
{
	size_t at = *position;

	if (at >= edns->options_size)
		return -1;
	size_t whole = option_size(edns->options, edns->options_size, at);
	if (whole == 0)
		return -1;
	*position = at + whole;
	*ret_value = edns->options + at + OPTION_HEADER;
	*ret_size = whole - OPTION_HEADER;
	return wire_get16(edns->options + at);
}

bool wire_edns_options_valid(const uint8_t *options, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t whole = option_size(options, size, at);
		if (whole == 0)
			return false;
		at += whole;
	}
	return true;
}
