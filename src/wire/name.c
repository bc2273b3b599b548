/* name.c -- domain names between text, wire form and lower case. RFC 1035 sections 3.1 and 5.1. */
#include "wire/name.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads one byte of a label at *text, with its escape if it has one. The byte, or -EINVAL. */
static int read_byte(const char **text)
{
	const char *t = *text;

	if (*t != '\\') {
		*text = t + 1;
		return (unsigned char)*t;
	}
	t++;
	if (!is_digit(*t)) {
		*text = t + 1;
		return *t ? (unsigned char)*t : -EINVAL;
	}
	if (!is_digit(t[1]) || !is_digit(t[2]))
		return -EINVAL;
	int value = (t[0] - '0') * 100 + (t[1] - '0') * 10 + (t[2] - '0');
	*text = t + 3;
	return value <= 255 ? value : -EINVAL;
}

/* Reads one label up to a dot or the end into ret[0..63], its length first. Its length, or -EINVAL. */
static int read_label(const char **text, uint8_t ret[1 + WIRE_LABEL_MAX])
{
	int size = 0;

	while (**text && **text != '.') {
		int byte = read_byte(text);
		if (byte < 0 || size == WIRE_LABEL_MAX)
			return -EINVAL;
		ret[1 + size++] = (uint8_t)byte;
	}
	ret[0] = (uint8_t)size;
	return size ? size : -EINVAL;
}

int wire_name_parse(const char *text, uint8_t ret[WIRE_NAME_MAX])
{
	uint8_t name[WIRE_NAME_MAX], label[1 + WIRE_LABEL_MAX];
	int size = 0;

	if (strcmp(text, ".") == 0)
		text++;
	else if (!*text)
		return -EINVAL;
	while (*text) {
		int length = read_label(&text, label);
		if (length < 0 || size + 1 + length + 1 > WIRE_NAME_MAX)
			return -EINVAL;
		memcpy(name + size, label, (size_t)length + 1);
		size += length + 1;
		if (*text == '.')
			text++;
	}
	name[size++] = 0;
	memcpy(ret, name, (size_t)size);
	return size;
}

/* Writes one byte of a label as text; the characters that mean something in a master file get a backslash. */
static char *format_byte(uint8_t byte, char *out)
{
	if (byte <= 0x20 || byte >= 0x7f) {
		*out++ = '\\';
		*out++ = (char)('0' + byte / 100);
		*out++ = (char)('0' + byte / 10 % 10);
		*out++ = (char)('0' + byte % 10);
		return out;
	}
	if (strchr(".\\\"();@$", byte))
		*out++ = '\\';
	*out++ = (char)byte;
	return out;
}

char *wire_name_format(const uint8_t *name, size_t size, char ret[WIRE_NAME_TEXT])
{
	char *out = ret;
	size_t at = 0;

	if (size > WIRE_NAME_MAX)
		size = WIRE_NAME_MAX;
	while (at < size && name[at] && name[at] <= WIRE_LABEL_MAX && name[at] < size - at) {
		if (out != ret)
			*out++ = '.';
		for (unsigned i = 1; i <= name[at]; i++)
			out = format_byte(name[at + i], out);
		at += 1u + name[at];
	}
	if (size && out == ret)
		*out++ = '.';
	*out = '\0';
	return ret;
}

void wire_name_lower(const uint8_t *name, size_t size, uint8_t *ret)
{
	for (size_t i = 0; i < size; i++)
		ret[i] = str_lower(name[i]);
}

bool wire_name_equal(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	if (a_size != b_size)
		return false;
	for (size_t i = 0; i < a_size; i++)
		if (str_lower(a[i]) != str_lower(b[i]))
			return false;
	return true;
}

bool wire_name_within(const uint8_t *name, size_t size, const uint8_t *zone, size_t zone_size)
{
	size_t at = 0;

	while (size - at > zone_size)
		at += 1u + name[at];
	return size - at == zone_size && memcmp(name + at, zone, zone_size) == 0;
}

bool wire_label_is_host(const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size > WIRE_LABEL_MAX || text[0] == '-' || text[0] == '_' || text[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = str_lower((unsigned char)text[i]);
		if (!(c >= 'a' && c <= 'z') && !is_digit((char)c) && c != '-' && c != '_')
			return false;
	}
	return true;
}
