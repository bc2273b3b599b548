/* server_private.h -- the inside of the HTTP server, shared by its files.
 *
 *   server.c      listeners, accepting, limits, life and end
 *   connection.c  one connection: its state machine
 *   connection_wait.c  its event and its one timer, and its place in the lists
 *   write.c       what goes out: replies and streams
 *   head.c, target.c, chunked.c, peers.c   parts without I/O
 *
 * Each connection has one event, whose mask follows its state, and one timer. While a request is parked
 * nothing is read: what the client sends meanwhile waits in the kernel and holds up only that client. After
 * the first that it does the event is edge-triggered, so that a FIN or RST behind it still arrives as an
 * event. Clients that only wait cost no system call for this. Nor is the timer moved when a deadline moves
 * away, as it does with each request: it rings, and is set for the rest. */
#pragma once

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "http/chunked.h"
#include "http/head.h"
#include "http/peers.h"
#include "http/server.h"

#define SERVER_READ 16384        /* bytes taken from a socket at a time */
#define SERVER_LINGER 65536      /* bytes of a refused request that are read and dropped, at most */
#define SERVER_TURN 32           /* pipelined requests that one connection may have answered in one go */
#define SERVER_BUDGET 8          /* write_buffers' worth of replies that may wait for slow readers, in all */
#define SERVER_PORTION 1048576   /* bytes, about, that one client is sent in one go */
#define SERVER_FILE_AHEAD 262144 /* bytes of a file that are read for a client at a time */
#define SERVER_LINGER_NS CLOCK_NS_PER_S
#define SERVER_BACKOFF_NS (100 * CLOCK_NS_PER_MS) /* no accepting for this long without descriptors */
#define SERVER_RECENT_NS CLOCK_NS_PER_S           /* idle or stalled for less: not closed to make room */
/* A client that closed its side while its request is parked may still be listening (`nc -N`), and most parked
 * requests are writes that wait a few milliseconds for DNS. So it counts as gone after this long. */
#define SERVER_LEAVE_NS (500 * CLOCK_NS_PER_MS)

enum connection_state {
	CONNECTION_HEAD,   /* idle, or reading a head */
	CONNECTION_BODY,   /* reading a body */
	CONNECTION_HANDLE, /* a whole request is there: the handler's turn */
	CONNECTION_PARKED, /* the reply comes later */
	CONNECTION_STREAM, /* the reply has begun and has no end */
	CONNECTION_FLUSH,  /* the reply is whole; the client has to take it */
	CONNECTION_LINGER, /* our side is shut; waiting for the client's end so that it can read the reply */
};

enum connection_timer {
	TIMER_NONE,
	/* While a request is awaited or read. */
	TIMER_FIRST, /* connected, not a byte yet */
	TIMER_IDLE,
	TIMER_HEAD,
	TIMER_BODY,
	/* Behind it. */
	TIMER_WRITE,
	TIMER_LEAVING,
	TIMER_LINGER,
	TIMER_YIELD,  /* other connections first */
	TIMER_DOOMED, /* to be closed as soon as nobody is inside */
};

struct http_connection {
	struct http_server *server;
	struct peer *peer;
	struct link all, idle, peer_idle, slow; /* server->all, server->idle, peer->idle, server->slow */
	struct event io, timer;
	struct evbuffer *in, *out;
	int fd;
	enum connection_state state;
	enum connection_timer timer_kind;
	short watching; /* the mask that `io` is added with */
	bool running;   /* connection_run() is on the stack */
	bool served;    /* a request came before */
	bool close;     /* after this reply */
	bool half_closed;
	bool stirred; /* the client did something while its request was parked */
	bool late;    /* the deadline of timer_kind was over, and what had come by then was read */
	bool doomed;
	bool chunked;   /* the request's body, then our stream, is chunked */
	bool mute;      /* a reply to HEAD: no body goes out */
	unsigned minor; /* of the request's HTTP version */
	unsigned turn;
	struct net_addr client;
	struct http_scan scan;
	struct chunked chunks;
	uint64_t body_left;
	struct buf body;
	int file; /* the rest of the reply's body, 0 if it is not in a file */
	size_t file_left;
	size_t lingered;
	bool shares;                  /* `out` has a shared body, which is counted by itself */
	size_t pending;               /* bytes of `out` as counted in server->pending */
	int64_t since;                /* idle since, or last progress in writing; config.clock */
	int64_t deadline;             /* of timer_kind; the system's clock, as all timers */
	int64_t rings;                /* when `timer` rings, perhaps earlier; 0: not set */
	struct http_request *request; /* NULL between requests */
	void (*gone)(struct http_request *request, void *ctx);
	void *gone_ctx;
};

struct http_listener {
	struct http_server *server;
	struct event event;
};

struct http_server {
	struct event_base *base;
	struct http_server_config config;
	struct http_listener *listeners;
	struct event backoff;
	struct peers peers;
	struct link all;  /* every connection */
	struct link idle; /* those that wait for a request, the longest idle first */
	struct link slow; /* those whose client has not taken its whole reply, the longest without progress
			     first */
	unsigned connections;
	size_t pending; /* bytes of replies that wait for clients */
	bool draining;
	bool starved;    /* accepting failed, and that was told */
	struct buf text; /* scratch: the head of the reply that is being written */
	int64_t date_second;
	char date[32];
	char scratch[SERVER_READ];
};

/* A connection for `fd`, which it owns from now on. `peer` has counted it already. */
void connection_create(struct http_server *server, int fd, const struct net_addr *client, struct peer *peer);

/* Ends a connection at once, calling `gone` for what is parked. Never from within connection_run() of the
 * same. */
void connection_close(struct http_connection *connection);

/* Does all that can be done now, from the state that the connection is in. May free it. */
void connection_run(struct http_connection *connection);

/* Sets event and timer to what the state asks for. */
void connection_arm(struct http_connection *connection);

/* Sets the timer for the connection's deadline. */
void connection_set_timer(struct http_connection *connection, int64_t now);

/* The callback of a connection's event; `ctx` is the connection. */
void connection_on_io(evutil_socket_t fd, short what, void *ctx);

/* As connection_on_io(), for the timer. */
void connection_on_timer(evutil_socket_t fd, short what, void *ctx);

/* Closes the connection soon, from the loop. */
void connection_doom(struct http_connection *connection);

/* Sends what the socket takes. False if the connection is broken. */
bool connection_write(struct http_connection *connection);

/* Writes a reply into connection->out: head, and the body unless the request was HEAD. */
void http_write_reply(struct http_connection *connection, const struct http_reply *reply);

/* Answers a request that never reached the handler, and closes behind it. Counted as rejected. */
void http_write_refusal(struct http_connection *connection, int status, const char *text);

/* Takes a reply's file: its first `size` bytes follow what is in connection->out. The connection closes it.
 */
void connection_take_file(struct http_connection *connection, int file, size_t size);

/* The words for a status, "Unknown" if it is not in the table. */
const char *http_reason(int status);
