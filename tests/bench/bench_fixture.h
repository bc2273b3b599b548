/* bench_fixture.h -- the view that the benchmark asks: one door, so that the hand-made and the real one can
 * be compared.
 */
#pragma once

#include "view/view.h"

/* A view of "service.local" with services s0000, s0001, ... of `instances` instances each, in a read-side
 * section of the calling thread. Ends the process on failure. */
struct view *bench_fixture_create(unsigned services, unsigned instances);

void bench_fixture_destroy(struct view *view);
