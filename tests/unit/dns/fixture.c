/* fixture.c -- the names that the tests of the answer ask for; see fake_view_conformance() in fake_view.h. */
#include <stdio.h>

#include "fake_view.h"

static void add_alias(struct view *view, const struct view_zone *zone, const char *name, const char *target)
{
	fake_view_name(view, zone, name, VIEW_STATIC, NULL);
	fake_view_add(view, zone, name,
		&(struct fake_record){.type = WIRE_CNAME, .rdata = (const uint8_t *)"", .target = target});
}

static void add_services(struct view *view)
{
	static const char *const instances[][2] = {{"i1.web", "192.0.2.1"}, {"i2.web", "192.0.2.2"}};

	fake_view_name(view, NULL, "web", VIEW_SERVICE, NULL);
	for (unsigned i = 0; i < 2; i++) {
		fake_view_srv(
			view, NULL, "web", (uint16_t)(8080 + i), instances[i][0], instances[i][1], NULL);
		fake_view_address(view, NULL, "web", instances[i][1]);
		fake_view_name(view, NULL, instances[i][0], VIEW_INSTANCE, NULL);
		fake_view_address(view, NULL, instances[i][0], instances[i][1]);
	}
	fake_view_name(view, NULL, "a.b.ent", VIEW_TAG, NULL);
	fake_view_address(view, NULL, "a.b.ent", "192.0.2.3");
	fake_view_service(view, "big", 60);
	fake_view_service(view, "mid", 10);
	fake_view_name(view, NULL, "dual", VIEW_SERVICE, NULL);
	fake_view_address(view, NULL, "dual", "192.0.2.4");
	fake_view_address(view, NULL, "dual", "2001:db8::4");
	fake_view_srv(view, NULL, "dual", 80, "one.dual", "192.0.2.4", "2001:db8::4");
	fake_view_name(view, NULL, "down", VIEW_SERVICE, "down: 0 of 3 healthy");
}

static void add_statics(struct view *view, const struct view_zone *zone)
{
	static const uint8_t priority[] = {0, 10}, text[] = "\5hello", srv[] = {0, 1, 0, 1, 0, 80};
	uint8_t long_text[900];

	fake_view_add(view, zone, "",
		&(struct fake_record){.type = WIRE_NS,
			.rdata = text,
			.target = "ns1.service.local",
			.glue = {"192.0.2.53"}});
	fake_view_name(view, zone, "ns1", VIEW_STATIC, NULL);
	fake_view_address(view, zone, "ns1", "192.0.2.53");
	fake_view_name(view, zone, "mail", VIEW_STATIC, NULL);
	for (unsigned i = 0; i < 2; i++)
		fake_view_add(view, zone, "mail",
			&(struct fake_record){.type = WIRE_MX,
				.rdata = priority,
				.rdata_size = 2,
				.target = i ? "MX.service.local" : "mx.service.local",
				.glue = {"192.0.2.25", "2001:db8::25"}});
	fake_view_name(view, zone, "same", VIEW_STATIC, NULL);
	for (unsigned i = 0; i < 3; i++)
		fake_view_add(view, zone, "same",
			&(struct fake_record){.type = WIRE_SRV,
				.rdata = srv,
				.rdata_size = 6,
				.target = "ns1.service.local",
				.glue = {"192.0.2.53"}});
	for (unsigned i = 0; i < sizeof long_text; i++)
		long_text[i] = i % 100 ? 'x' : 99;
	fake_view_name(view, zone, "txt", VIEW_STATIC, NULL);
	fake_view_add(view, zone, "txt",
		&(struct fake_record){.type = WIRE_TXT, .rdata = long_text, .rdata_size = sizeof long_text});
	fake_view_add(
		view, zone, "txt", &(struct fake_record){.type = WIRE_TXT, .rdata = text, .rdata_size = 6});
}

static void add_aliases(struct view *view, const struct view_zone *zone)
{
	char name[16], target[32];

	add_alias(view, zone, "www", "WEB.service.local");
	add_alias(view, zone, "loop1", "loop2.service.local");
	add_alias(view, zone, "loop2", "loop1.service.local");
	add_alias(view, zone, "out", "example.com");
	add_alias(view, zone, "gone", "nope.service.local");
	add_alias(view, zone, "cross", "web.other.test");
	add_alias(view, zone, "top", "service.local");
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "chain%u", i);
		snprintf(
			target, sizeof target, i == 9 ? "web.service.local" : "chain%u.service.local", i + 1);
		add_alias(view, zone, name, target);
	}
}

struct view *fake_view_conformance(void)
{
	struct view *view = fake_view_create();
	const struct view_zone *zone = fake_view_zone(view, "service.local", 7);

	fake_view_zone(view, "other.test", 1);
	fake_view_zone(view, "inner.other.test", 1);
	add_services(view);
	add_statics(view, zone);
	add_aliases(view, zone);
	return view;
}
