/* ask.h -- one question to DNS, by ldns, and the answer as JSON.
 *
 * The question goes to the address of --dns, with EDNS, by UDP and again by TCP if the answer was cut short.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "svcdns/cli.h"

/* True if `type` is a record type that ldns knows ("SRV", "TYPE65"; case does not matter). */
bool ask_type(const char *type);

/* True if `name` can be asked for: its labels and their number are not too long, its escapes are well-formed.
 */
bool ask_name(const char *name);

/* Asks for `type` records of `name`, which is taken as it is. *ret is an object, to be freed with
 * json_decref(): Name, Type   the question Status       "NOERROR", "NXDOMAIN", ... Flags        an array:
 * "qr", "aa", "tc" ... Answer, Authority, Additional    arrays of {Name, TTL, Type, Data}, all text as in a
 * master file Errors       extended errors (RFC 8914): an array of {Code, Text} Server, Milliseconds 0, or
 * the exit status with the error told. */
int ask(struct cli *cli, const char *name, const char *type, bool tcp, json_t **ret);
