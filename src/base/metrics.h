/* metrics.h -- how a thread counts, and how the numbers become text.
 *
 * Adding a metric is adding a row to metrics_table.h. Each thread counts in its own cells of its process's
 * shared page (page.h), with plain loads and stores; whoever shows the numbers adds the cells of all threads
 * up. A series has one cell; a histogram has one for each bucket, not yet cumulated, and behind them the sum.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/metrics_table.h"

#define METRICS_TIME_BOUNDS 22 /* 1, 2, 5, 10, ... microseconds to 10 seconds */
#define METRICS_SIZE_BOUNDS 11 /* 64, 128, ... 65536 bytes */
#define METRICS_SIZE_FIRST 6   /* the first of them, as a power of two */

/* With a bucket for what is above all bounds, and the sum. */
#define METRICS_TIME_CELLS (METRICS_TIME_BOUNDS + 2)
#define METRICS_SIZE_CELLS (METRICS_SIZE_BOUNDS + 2)

enum metric_family {
#define METRIC_FAMILY(id, name, type, unit, home, help) FAMILY_##id,
#define METRIC_NOTHING(id, family, labels)
	METRICS(METRIC_FAMILY, METRIC_NOTHING, METRIC_NOTHING, METRIC_NOTHING)
#undef METRIC_FAMILY
#undef METRIC_NOTHING
		FAMILY_COUNT
};

/* Cells; a histogram's are METRIC_x to METRIC_x_SUM. */
enum metric {
#define METRIC_NOTHING(id, name, type, unit, home, help)
#define METRIC_CELL(id, family, labels) METRIC_##id,
#define METRIC_TIMES(id, family, labels)                                                                     \
	METRIC_##id, METRIC_##id##_SUM = METRIC_##id + METRICS_TIME_CELLS - 1,
#define METRIC_SIZES(id, family, labels)                                                                     \
	METRIC_##id, METRIC_##id##_SUM = METRIC_##id + METRICS_SIZE_CELLS - 1,
	METRICS(METRIC_NOTHING, METRIC_CELL, METRIC_TIMES, METRIC_SIZES)
#undef METRIC_NOTHING
#undef METRIC_CELL
#undef METRIC_TIMES
#undef METRIC_SIZES
		METRIC_COUNT
};

/* Where the values of a family live; see metrics_table.h. */
enum metric_home { METRIC_HOME_DNS, METRIC_HOME_SIDECAR, METRIC_HOME_EACH, METRIC_HOME_ASKED };

/* The cells of one thread; written by that thread only. */
struct metrics {
	_Atomic uint64_t values[METRIC_COUNT];
};

/* Adds `n` (may be negative for gauges) to a cell of the calling thread's own. Wait-free. */
static inline void metrics_add(struct metrics *metrics, enum metric id, int64_t n)
{
	uint64_t value = atomic_load_explicit(&metrics->values[id], memory_order_relaxed);
	atomic_store_explicit(&metrics->values[id], value + (uint64_t)n, memory_order_relaxed);
}

/* Sets a gauge of the calling thread's own cells, or a counter that somebody else keeps (the kernel). */
static inline void metrics_set(struct metrics *metrics, enum metric id, uint64_t value)
{
	atomic_store_explicit(&metrics->values[id], value, memory_order_relaxed);
}

/* Counts a size, 1 to 65535, in the histogram whose first cell is `id` (a SIZES row). For the query path: no
 * branch, no table. */
static inline void metrics_observe_size(struct metrics *metrics, enum metric id, uint32_t size)
{
	unsigned above =
		(size - 1) >> METRICS_SIZE_FIRST; /* 0 in the first bucket, then its highest bit tells */
	unsigned bucket = (unsigned)__builtin_clz(above << 1 | 1) ^ 31;

	metrics_add(metrics, id + bucket, 1);
	metrics_add(metrics, id + METRICS_SIZE_CELLS - 1, size);
}

/* Counts a duration in nanoseconds `times` times in the histogram whose first cell is `id` (a TIMES row). */
void metrics_observe_time(struct metrics *metrics, enum metric id, int64_t ns, uint64_t times);

/* True for a gauge: what a process holds now, and no longer holds once it has died. */
bool metrics_is_gauge(enum metric id);

/* What is shown: the sums of all cells, and which are left out because nobody knows them now. */
struct metrics_shown {
	uint64_t values[METRIC_COUNT];
	bool hidden[METRIC_COUNT];
};

/* Hides the gauges that live at `home`: the process is down. */
void metrics_hide_gauges(struct metrics_shown *shown, enum metric_home home);

/* Appends the table in the Prometheus text format 0.0.4 to `ret`. Families without rows are left to the
 * caller. */
void metrics_format(const struct metrics_shown *shown, struct buf *ret);

/* Appends the introduction of a family without rows. */
void metrics_format_family(enum metric_family family, struct buf *ret);

/* Appends a number of such a family; any UTF-8 text is the value of its (last) label. */
void metrics_format_labelled(enum metric_family family, const char *text, uint64_t value, struct buf *ret);

/* Appends the table as rows of Markdown, for doc/metrics.md. */
void metrics_print_markdown(struct buf *ret);
