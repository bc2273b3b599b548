/* wire.h -- the door of the wire room: DNS bytes in, DNS bytes out.
 *
 * No malloc, no I/O, no threads, no time: everything works in the caller's memory, so it is fuzzed and tested
 * alone. RFC 1035 (messages, names), RFC 6891 (EDNS), RFC 8914 (EDE). */
#pragma once

#include "wire/header.h"
#include "wire/cursor.h"
#include "wire/name.h"
#include "wire/edns.h"
#include "wire/query.h"
#include "wire/response.h"
