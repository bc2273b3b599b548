/* traces.h -- who listens to the queries that DNS answers: streams of server-sent events.
 *
 * Private to the sidecar room; the loop's thread. While there is a stream, a number in our page asks the
 * threads of dns to tell of each query in a ring of theirs (base/trace.h), and the rings are read every few
 * milliseconds. An entry is written as text once, for all streams that want it. The queries of one thread
 * come in their order.
 *
 * What bounds it: the number of streams; how much is read and written in one turn of the loop; and the bytes
 * that may wait for one client (one that lets more pile up is cut off). What the rings could not hold is
 * lost, counted, and told in an event of its own. dns is not trusted: an entry that is none is left out. */
#pragma once

#include "base/page.h"
#include "http/http.h"
#include "net/prefix.h"
#include "wire/wire.h"

struct traces_config {
	const struct clock *clock;
	struct metrics *metrics;          /* of the loop's thread */
	_Atomic uint32_t *listeners;      /* what dns looks at */
	const struct page *dns;           /* which threads there are */
	const struct page_traces *traces; /* their rings; NULL: there are none */
	unsigned streams;                 /* open at once */
	unsigned buffer;                  /* bytes that may wait for one client */
	int64_t heartbeat_ns;             /* a comment this often, so that whoever left is noticed */
};

/* What a stream is about. */
struct traces_wanted {
	uint8_t name[WIRE_NAME_MAX]; /* this name, and all below it; lower case */
	uint8_t name_size;           /* 0: any */
	bool by_address;
	struct net_prefix address; /* of the client */
	uint64_t limit;            /* queries after which the stream ends; 0: never */
};

struct traces;

/* Nobody listens yet. What `config` points to must outlive it; free with traces_destroy(). */
struct traces *traces_create(const struct traces_config *config);

/* Frees it; all streams must be gone. NULL is fine. */
void traces_destroy(struct traces *traces);

/* Takes over the limits. */
void traces_reconfigure(struct traces *traces, unsigned streams, unsigned buffer, int64_t heartbeat_ns);

/* Answers `request` with a stream, which it is from now on. 0; -EBUSY (too many) or -EAGAIN (there are no
 * rings, or the end has begun), then the request is still to be answered. */
int traces_open(struct traces *traces, struct http_request *request, const struct traces_wanted *wanted);

/* Sends what has come, if it is time to look. True if there was more than one turn may take: call it again
 * soon. */
bool traces_run(struct traces *traces);

/* When traces_run() has to be called at the latest (monotonic); INT64_MAX without streams. */
int64_t traces_next(const struct traces *traces);

/* Ends all streams in good order, and takes no more. */
void traces_end(struct traces *traces);
