/* dns_text.h -- DNS messages as text and back: what a person asks, and what an answer says.
 *
 * Private to the sidecar room. Records are written as dig writes them, by ldns; dns_text.c is the only
 * file of the room that knows it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sidecar/json_out.h"

#define DNS_TEXT_QUESTION 512 /* bytes for a question */

/* A query for `name` and `type` ("SRV"), without recursion, with EDNS so that the answer may say why. The
 * size of the message in `ret`, or -EINVAL and what is wrong in `message`. */
int dns_text_question(const char *name, const char *type, uint8_t ret[DNS_TEXT_QUESTION], char message[256]);

#define DNS_TEXT_WORD 32 /* bytes for the name of a type or a response code */

/* The name of a type ("SRV", "TYPE65280"). Returns `ret`. */
const char *dns_text_type(uint16_t type, char ret[DNS_TEXT_WORD]);

/* The name of a response code ("NXDOMAIN", "RCODE42"). Returns `ret`. */
const char *dns_text_rcode(uint16_t rcode, char ret[DNS_TEXT_WORD]);

/* Writes an answer as an object. 0, or -EBADMSG (then nothing was written). */
int dns_text_answer(const uint8_t *answer, size_t size, struct json_out *out);
