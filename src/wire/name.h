/* name.h -- domain names in wire form: length-prefixed labels, ended by the root label.
 *
 * A *relative* name is the labels in front of a zone, without the root label; the empty relative name is the
 * zone's apex. Names compare without ASCII case (RFC 4343) and are binary-safe (RFC 2181 section 11). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_NAME_MAX 255
#define WIRE_LABEL_MAX 63
#define WIRE_LABELS_MAX 127
#define WIRE_NAME_TEXT 1024 /* bytes that wire_name_format() needs at most */

/* Parses text ("web.service.local", a final dot is accepted, \DDD and \X escapes as in master files) into
 * wire form with the root label. Returns the size (1 to 255) or -EINVAL; `ret` has 255 bytes. */
int wire_name_parse(const char *text, uint8_t ret[WIRE_NAME_MAX]);

/* Writes `size` bytes of wire labels (with or without the root label) as text with dots, unusual bytes
 * escaped as \DDD or \X; no final dot; "." for the root alone, "" for no bytes. Returns `ret`. */
char *wire_name_format(const uint8_t *name, size_t size, char ret[WIRE_NAME_TEXT]);

/* Copies `size` bytes of wire labels with ASCII upper case lowered (length bytes are below 'A': safe). */
void wire_name_lower(const uint8_t *name, size_t size, uint8_t *ret);

/* True if both wire names have the same bytes but for ASCII case. */
bool wire_name_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size);

/* True if the valid name is `zone` or a name below it. Both have their root label, and their letters one
 * case.
 */
bool wire_name_within(const uint8_t *name, size_t size, const uint8_t *zone, size_t zone_size);

/* True if `text` is one host label: 1 to 63 letters, digits, '-' or '_', not starting or ending with '-', and
 * not starting with '_' (RFC 952, RFC 1123; the underscore inside is Consul users' habit). */
bool wire_label_is_host(const char *text);
