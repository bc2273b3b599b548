#include "base/err.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const char *err_str(int error)
{
	static _Thread_local char unknown[32];
	const char *text = NULL;

	if (error == 0)
		return "no error";
	if (error != INT_MIN)
		text = strerrordesc_np(error < 0 ? -error : error);
	if (text)
		return text;
	snprintf(unknown, sizeof(unknown), "error %d", error);
	return unknown;
}
