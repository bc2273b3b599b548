/* pump.h -- a real HTTP server on a loopback port, its loop turned by the test's own thread, and raw clients.
 *
 * The server's clock is a manual one; only libevent's timeouts run in real time, so tests make them tiny. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "base/clock.h"
#include "http/server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

struct pump {
	struct event_base *base;
	struct http_server *server;
	struct http_server_config config;
	struct clock_manual clock;
	struct metrics *metrics;
	int listener;
	struct net_addr addr;
	unsigned handled;            /* requests that reached the handler */
	unsigned left;               /* calls of `gone` */
	struct http_request *parked; /* the last one that was parked or streams, NULL once it is gone */
	char last[256];              /* "METHOD path|name=value|..|body" of the last request, cut off */
};

/* Fills pump->config with generous limits and the handler below; a test changes what it wants, then starts.
 *
 *   /park    parks               /stream  begins a stream          /big   a reply of 8 MiB
 *   /close   asks for the end    /none    gives no answer at all   /204   no content
 *   /evil    a header value with a line end in it                  else   200 and pump->last as body */
void pump_init(struct pump *pump);

/* Opens the listener and starts the server. */
void pump_start(struct pump *pump);

/* Ends server and loop. */
void pump_stop(struct pump *pump);

/* A connected, non-blocking client socket. With `small`, its receive buffer is tiny. */
int pump_connect(struct pump *pump, bool small);

/* Sends it all, turning the loop when the socket is full. */
void pump_send(struct pump *pump, int fd, const void *bytes, size_t size);
void pump_text(struct pump *pump, int fd, const char *text);

/* Turns the loop until `done`, or fails the test after five seconds. */
void pump_until(struct pump *pump, bool (*done)(struct pump *pump, void *ctx), void *ctx);

/* Conditions for pump_until(): a request is parked; *(unsigned *)ctx requests have been handled. */
bool pump_is_parked(struct pump *pump, void *ctx);
bool pump_has_handled(struct pump *pump, void *ctx);

/* Turns the loop until `gone` was called `left` times, or until that many connections are open. */
void pump_until_left(struct pump *pump, unsigned left);
/* Fails unless `gone` is called `left` times within 200 turns of 2 ms, fewer than a look once a second would
 * take. */
void pump_left_at_once(struct pump *pump, unsigned left);
void pump_until_open(struct pump *pump, unsigned open);

/* Sends a request that is parked, and waits until it is. */
void pump_park(struct pump *pump, int fd);

/* Answers the parked request with 200 and `text`. */
void pump_answer(struct pump *pump, const char *text);

/* Fails unless the loop sleeps when nothing happens: no event may be ready over and over again. */
void pump_no_spin(struct pump *pump);

/* Real time, in nanoseconds. */
int64_t pump_now(void);

/* Sleeps in the loop until something happens there, but no longer than that. */
void pump_wait(struct pump *pump, int milliseconds);

/* Turns the loop until it has nothing more to do at once. */
void pump_idle(struct pump *pump);

/* Reads one reply (and turns the loop): status, or 0 if the connection ended before it (EOF), -1 if it was
 * reset. The head goes to `head`, the body (by Content-Length) to `body`; both are NUL-terminated, either may
 * be NULL. */
int pump_reply(struct pump *pump, int fd, char head[4096], char body[4096]);

/* As pump_reply(), for the reply to a HEAD request. */
int pump_reply_head(struct pump *pump, int fd, char head[4096]);

/* Reads exactly `size` raw bytes into `ret`. */
void pump_read(struct pump *pump, int fd, char *ret, size_t size);

/* All that comes now, NUL-terminated, until the next call; `look` does each time what the loop would.
 */
const char *pump_received(struct pump *pump, int fd, void (*look)(void *ctx), void *ctx);

/* How many times `what` stands in `text`. */
unsigned pump_times(const char *text, const char *what);

/* Turns the loop until the server closed its side; true if nothing but the end came, false for other bytes.
 */
bool pump_closed(struct pump *pump, int fd);

/* Sends a request for `path` and expects 200: the connection is alive and in step. */
void pump_alive(struct pump *pump, int fd, const char *path);

/* The counter's value. */
unsigned pump_count(const struct pump *pump, enum metric id);
