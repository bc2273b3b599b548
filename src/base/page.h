/* page.h -- the shared page: what one process tells the others without a message.
 *
 * There is one for each process: dns and the sidecar map the other's read-only, the relay dns's. The
 * supervisor makes them (memfd), maps all, resets a page before each start of its process, and watches the
 * ticks. All fields are atomic; `index` is stored with release after what it promises and loaded with
 * acquire.
 *
 * What only the supervisor knows, when each process was started and how often, it writes into the sidecar's;
 * likewise what its own log has lost, and the relay's, whose page the sidecar does not see.
 *
 *   dns page:      state is ready once the view is whole; index is the registry index that the view shows.
 *   sidecar page:  state is ready once the registry is open and migrated; index is the last committed index.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "base/trace.h"

enum page_state { PAGE_DOWN = 0, PAGE_LOADING = 1, PAGE_READY = 2 };

enum {
	PAGE_WORKERS = 64, /* of dns, at most */
	PAGE_COMMITS = 64, /* of the sidecar, the last so many */
	PAGE_ZONES = 64,
	PAGE_ZONE_NAME = 256 /* bytes of a zone's name as text, NUL included; what is longer is cut */
};

/* Fixed slots; worker n of dns has two threads, in PAGE_UDP + n and PAGE_TCP + n. */
enum page_slot {
	PAGE_MAIN = 0,     /* the process's first thread */
	PAGE_FOLLOWER = 1, /* dns */
	PAGE_HTTP = 1,     /* sidecar */
	PAGE_RELAY = 1,    /* relay */
	PAGE_HEALTH = 2,   /* sidecar */
	PAGE_WRITER = 3,   /* sidecar */
	PAGE_UDP = 4,      /* dns */
	PAGE_TCP = PAGE_UDP + PAGE_WORKERS,
	PAGE_THREADS = PAGE_TCP + PAGE_WORKERS
};

struct page_thread {
	_Alignas(64) _Atomic uint64_t tick; /* 0: no such thread; else it moves at least once a second */
	_Atomic uint32_t patience;          /* seconds that the tick may stand still; 0 means the usual 5 */
	struct metrics metrics;
};

/* The processes of the server, as they stand in page.processes. */
enum page_process_id { PROCESS_SUPERVISOR, PROCESS_DNS, PROCESS_SIDECAR, PROCESS_RELAY, PROCESSES };

struct page_process {
	_Atomic int32_t pid;        /* 0 while it does not run */
	_Atomic int64_t started_ns; /* wall clock, 0 likewise */
	_Atomic uint64_t starts;
	_Atomic uint64_t log_dropped; /* lines; supervisor and relay */
};

/* When an index was committed: how long it takes until DNS shows it. */
struct page_commit {
	_Atomic uint64_t index; /* 0: none */
	_Atomic int64_t at_ns;  /* monotonic */
};

struct page_zone {
	_Atomic uint64_t name[PAGE_ZONE_NAME / 8]; /* the bytes of a text */
	_Atomic uint32_t serial;
};

struct page {
	_Atomic uint32_t state; /* enum page_state */
	_Atomic uint32_t pid;
	_Atomic uint64_t index;
	struct page_process processes[PROCESSES]; /* in the sidecar's page, by the supervisor */
	struct page_commit commits[PAGE_COMMITS]; /* the sidecar's; a ring */
	_Atomic uint64_t commit_count;
	struct page_zone zones[PAGE_ZONES]; /* dns's */
	_Atomic uint32_t zone_count;
	_Atomic uint32_t listeners; /* sidecar: who wants to hear of queries; 0 when it has died, too */
	struct page_thread threads[PAGE_THREADS];
};

/* Behind the page: a ring for each thread that answers, n for PAGE_UDP + n. Only dns's are written, and only
 * while somebody listens; what nobody has written takes no memory. */
struct page_traces {
	struct trace_ring rings[2 * PAGE_WORKERS];
};

/* A new page in a memfd (close-on-exec). 0 or negative errno; the caller closes ret_writable and
 * ret_readable, the second of which cannot be mapped for writing. */
int page_create(int *ret_writable, int *ret_readable);

/* Maps the page behind `fd`. 0, -EINVAL if it is too small to be a page, or another negative errno (-EACCES:
 * writing asked of a read-only descriptor). Unmap with page_unmap(). */
int page_map(int fd, bool writable, struct page **ret);

/* Maps the rings behind the page of `fd`. As page_map(); unmap with page_unmap_traces(). */
int page_map_traces(int fd, bool writable, struct page_traces **ret);

/* Unmaps; NULL is fine. */
void page_unmap_traces(const struct page_traces *traces);

/* Unmaps; NULL is fine. */
void page_unmap(const struct page *page);

/* Clears state, pid, index, listeners, ticks, patience and gauges, as before a start; counters stay, so that
 * totals never go back. */
void page_reset(struct page *page);

/* One tick of the calling thread's slot. */
static inline void page_tick(struct page_thread *thread)
{
	atomic_fetch_add_explicit(&thread->tick, 1, memory_order_relaxed);
}

/* Notes that `index` was committed; before it is stored in page->index. One thread. */
void page_note_commit(struct page *page, uint64_t index, int64_t now_ns);

/* When the indexes above `after`, up to `until`, were committed, in no order; the number of them. Of many,
 * the last PAGE_COMMITS. Any process. */
size_t page_commits(const struct page *page, uint64_t after, uint64_t until, int64_t ret_at_ns[PAGE_COMMITS]);

/* Shows zone `i` of those below PAGE_ZONES; afterwards page->zone_count is set. One thread. */
void page_set_zone(struct page *page, size_t i, const char *name, uint32_t serial);

/* Zone `i` of page->zone_count; returns its serial. A name that is just being replaced may be a mixture of
 * both. */
uint32_t page_get_zone(const struct page *page, size_t i, char ret_name[PAGE_ZONE_NAME]);

/* Adds the counters of all threads of `page` into totals[METRIC_COUNT]. */
void page_sum(const struct page *page, uint64_t totals[METRIC_COUNT]);
