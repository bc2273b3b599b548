/* bench_fixture_fake.c -- the hand-made view of the unit tests: the cost of the answer without that of the
 * table. */
#include <stdio.h>

#include "bench_fixture.h"
#include "fake_view.h"

struct view *bench_fixture_create(unsigned services, unsigned instances)
{
	struct view *view = fake_view_create();
	char name[32];

	fake_view_zone(view, "service.local", 1);
	for (unsigned i = 0; i < services; i++) {
		snprintf(name, sizeof name, "s%04u", i);
		fake_view_service(view, name, instances);
	}
	return view;
}

void bench_fixture_destroy(struct view *view)
{
	fake_view_destroy(view);
}
