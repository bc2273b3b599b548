/* http.h -- the door of the http room: HTTP spoken both ways, and nothing of what is said.
 *
 * The server is our own, since it faces strangers and parks ten thousand of them (server.h says why not
 * evhttp); the client, for health checks, is libcurl. Both run on a libevent loop, each on the thread of its
 * loop. Who may ask, what is answered and what the answers mean is for the rooms above. RFC 9110 (fields),
 * RFC 9112 (HTTP/1.1). */
#pragma once

#include "http/server.h"
#include "http/client.h"
