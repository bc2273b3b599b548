#include "base/metrics.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *family, *labels, *type, *help;
} rows[METRIC_COUNT] = {
#define METRIC_ROW(id, family, labels, type, help) [METRIC_##id] = {family, labels, type, help},
	METRICS(METRIC_ROW)
#undef METRIC_ROW
};

bool metrics_is_gauge(enum metric id)
{
	return strcmp(rows[id].type, "gauge") == 0;
}

void metrics_format(const uint64_t totals[METRIC_COUNT], struct buf *ret)
{
	const char *family = "";
	size_t i;

	for (i = 0; i < METRIC_COUNT; i++) {
		if (strcmp(family, rows[i].family) != 0) {
			family = rows[i].family;
			buf_printf(ret, "# HELP %s %s\n# TYPE %s %s\n", family, rows[i].help, family,
				rows[i].type);
		}
		if (rows[i].labels[0])
			buf_printf(ret, "%s{%s} ", family, rows[i].labels);
		else
			buf_printf(ret, "%s ", family);
		/* A thread's share of a gauge may be negative, and so may a sum that was read in between. */
		if (metrics_is_gauge((enum metric)i))
			buf_printf(ret, "%" PRId64 "\n", (int64_t)totals[i]);
		else
			buf_printf(ret, "%" PRIu64 "\n", totals[i]);
	}
}
