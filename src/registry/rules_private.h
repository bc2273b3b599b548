/* rules_private.h -- what rules.c and rules_check.c share. */
#pragma once

#include "registry/rules.h"

/* The text, "" for NULL. */
static inline const char *rules_or_empty(const char *text)
{
	return text ? text : "";
}

/* 0, or -EINVAL if `text` is not valid UTF-8. */
int rules_text(const char *what, const char *text, char message[REGISTRY_MESSAGE]);

/* 0, or -EINVAL if `text` is too long, has control characters, or is not valid UTF-8. */
int rules_id(const char *what, const char *text, size_t max, char message[REGISTRY_MESSAGE]);

/* True if `text` is a host name (RFC 1123), a final dot allowed. */
bool rules_is_host(const char *text);
