/* refusal.c -- see refusal.h. */
#include "registry/refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

int refusal(char message[REGISTRY_MESSAGE], int error, const char *format, ...)
{
	char text[4 * REGISTRY_MESSAGE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	str_copy(message, REGISTRY_MESSAGE, text);
	return error;
}
