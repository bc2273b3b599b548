#include "base/metrics.h"

#include <inttypes.h>
#include <string.h>

enum type { COUNTER, GAUGE, HISTOGRAM };
enum unit { NONE, SECONDS, BYTES };

static const char *const type_names[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
static const char *const unit_names[] = {[NONE] = "", [SECONDS] = "seconds", [BYTES] = "bytes"};
static const char *const home_names[] = {[METRIC_HOME_DNS] = "dns",
	[METRIC_HOME_SIDECAR] = "sidecar",
	[METRIC_HOME_EACH] = "each",
	[METRIC_HOME_ASKED] = "asked"};

static const struct {
	const char *name;
	enum type type;
	enum unit unit;
	enum metric_home home;
	const char *help;
} families[FAMILY_COUNT] = {
#define FAMILY_ROW(id, name, type, unit, home, help)                                                         \
	[FAMILY_##id] = {name, type, unit, METRIC_HOME_##home, help},
#define NOTHING(id, family, labels)
	METRICS(FAMILY_ROW, NOTHING, NOTHING, NOTHING)
#undef FAMILY_ROW
#undef NOTHING
};

/* By first cell; the other cells of a histogram have no labels. */
static const struct {
	enum metric_family family;
	const char *labels;
	unsigned cells;
} rows[METRIC_COUNT] = {
#define NOTHING(id, name, type, unit, home, help)
#define SERIES_ROW(id, family, labels) [METRIC_##id] = {FAMILY_##family, labels, 1},
#define TIMES_ROW(id, family, labels) [METRIC_##id] = {FAMILY_##family, labels, METRICS_TIME_CELLS},
#define SIZES_ROW(id, family, labels) [METRIC_##id] = {FAMILY_##family, labels, METRICS_SIZE_CELLS},
	METRICS(NOTHING, SERIES_ROW, TIMES_ROW, SIZES_ROW)
#undef NOTHING
#undef SERIES_ROW
#undef TIMES_ROW
#undef SIZES_ROW
};

static const char build_labels[] = "version=\"" SVCDNS_VERSION "\",revision";

/* The labels of families without rows, up to the value of the last one. */
static const char *const run_time_labels[FAMILY_COUNT] = {
	[FAMILY_BUILD] = build_labels,
	[FAMILY_ZONE_SERIAL] = "zone",
};

/* Of a histogram of durations, in nanoseconds. */
static int64_t time_bound(unsigned bucket)
{
	static const int64_t digits[] = {1, 2, 5};
	int64_t bound = 1000 * digits[bucket % 3];

	for (unsigned i = 0; i < bucket / 3; i++)
		bound *= 10;
	return bound;
}

static uint64_t size_bound(unsigned bucket)
{
	return UINT64_C(1) << (METRICS_SIZE_FIRST + bucket);
}

void metrics_observe_time(struct metrics *metrics, enum metric id, int64_t ns, uint64_t times)
{
	unsigned bucket = 0;

	if (ns < 0) /* clocks of two processors may differ by a little */
		ns = 0;
	while (bucket < METRICS_TIME_BOUNDS && ns > time_bound(bucket))
		bucket++;
	metrics_add(metrics, id + bucket, (int64_t)times);
	metrics_add(metrics, id + METRICS_TIME_CELLS - 1, ns * (int64_t)times);
}

bool metrics_is_gauge(enum metric id)
{
	return rows[id].labels && families[rows[id].family].type == GAUGE;
}

void metrics_hide_gauges(struct metrics_shown *shown, enum metric_home home)
{
	for (size_t i = 0; i < METRIC_COUNT; i++)
		if (metrics_is_gauge((enum metric)i) && families[rows[i].family].home == home)
			shown->hidden[i] = true;
}

/* --- Text ----------------------------------------------------------------------------------------------- */

static void format_value(enum metric_family family, uint64_t value, struct buf *ret)
{
	if (families[family].unit == SECONDS)
		buf_printf(ret, "%.9f\n", (double)value / 1e9);
	else if (families[family].type == GAUGE)
		/* A thread's share of a gauge may be negative, and so may a sum that was read in between. */
		buf_printf(ret, "%" PRId64 "\n", (int64_t)value);
	else
		buf_printf(ret, "%" PRIu64 "\n", value);
}

static void format_series(enum metric id, const uint64_t *values, struct buf *ret)
{
	const char *name = families[rows[id].family].name, *labels = rows[id].labels;

	buf_printf(ret, *labels ? "%s{%s} " : "%s%s ", name, labels);
	format_value(rows[id].family, values[0], ret);
}

/* The suffix of a histogram's name with its labels, up to where a further label or the end follows. */
static void format_histogram(enum metric id, const uint64_t *values, struct buf *ret)
{
	enum metric_family family = rows[id].family;
	const char *name = families[family].name, *labels = rows[id].labels;
	unsigned bounds = rows[id].cells - 2;
	uint64_t count = 0;

	for (unsigned bucket = 0; bucket <= bounds; bucket++) {
		count += values[bucket];
		buf_printf(ret, "%s_bucket{%s%sle=\"", name, labels, *labels ? "," : "");
		if (bucket == bounds)
			buf_str(ret, "+Inf");
		else if (families[family].unit == SECONDS)
			buf_printf(ret, "%g", (double)time_bound(bucket) / 1e9);
		else
			buf_printf(ret, "%" PRIu64, size_bound(bucket));
		buf_printf(ret, "\"} %" PRIu64 "\n", count);
	}
	buf_printf(ret, *labels ? "%s_sum{%s} " : "%s_sum%s ", name, labels);
	format_value(family, values[bounds + 1], ret);
	buf_printf(ret, *labels ? "%s_count{%s} " : "%s_count%s ", name, labels);
	buf_printf(ret, "%" PRIu64 "\n", count);
}

void metrics_format_family(enum metric_family family, struct buf *ret)
{
	buf_printf(ret, "# HELP %s %s\n# TYPE %s %s\n", families[family].name, families[family].help,
		families[family].name, type_names[families[family].type]);
}

void metrics_format(const struct metrics_shown *shown, struct buf *ret)
{
	size_t introduced = FAMILY_COUNT;

	for (size_t i = 0; i < METRIC_COUNT; i++) {
		if (!rows[i].labels || shown->hidden[i])
			continue;
		if (rows[i].family != introduced)
			metrics_format_family(rows[i].family, ret);
		introduced = rows[i].family;
		if (rows[i].cells > 1)
			format_histogram((enum metric)i, shown->values + i, ret);
		else
			format_series((enum metric)i, shown->values + i, ret);
	}
}

void metrics_format_labelled(enum metric_family family, const char *text, uint64_t value, struct buf *ret)
{
	buf_printf(ret, "%s{%s=\"", families[family].name, run_time_labels[family]);
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			buf_str(ret, "\\");
		if (*text == '\n')
			buf_str(ret, "\\n");
		else
			buf_add(ret, text, 1);
	}
	buf_str(ret, "\"} ");
	format_value(family, value, ret);
}

/* The labels' names, of the family's first row: what stands before each '='. */
static void print_label_names(const char *labels, struct buf *ret)
{
	const char *between = "";

	while (labels && *labels) {
		size_t size = strcspn(labels, "=");

		buf_printf(ret, "%s`%.*s`", between, (int)size, labels);
		between = " ";
		labels = strstr(labels, "\",");
		labels = labels ? labels + 2 : NULL;
	}
}

void metrics_print_markdown(struct buf *ret)
{
	buf_str(ret, "| name | type | labels | unit | from | |\n|---|---|---|---|---|---|\n");
	for (size_t family = 0; family < FAMILY_COUNT; family++) {
		const char *labels = run_time_labels[family];

		for (size_t i = METRIC_COUNT; i-- > 0;)
			if (rows[i].labels && rows[i].family == family)
				labels = rows[i].labels;
		buf_printf(ret, "| `%s` | %s | ", families[family].name, type_names[families[family].type]);
		print_label_names(labels, ret);
		buf_printf(ret, " | %s | %s | %s |\n", unit_names[families[family].unit],
			home_names[families[family].home], families[family].help);
	}
}
