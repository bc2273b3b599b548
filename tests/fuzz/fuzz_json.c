/* fuzz_json.c -- any body into each decoder: no crash, no leak, and what is accepted is what the rest may
 * rely on.
 *
 * The first byte chooses the decoder; the rest is the body, in a heap block of its exact size. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sidecar/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECKS 8

#define REQUIRE(condition, what)                                                                             \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "fuzz_json: %s\n", what);                                            \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

static void text(const char *value)
{
	REQUIRE(value, "a text is NULL");
	REQUIRE(str_utf8(value, strlen(value)), "a text is no UTF-8");
}

static void check(const struct registry_check *check)
{
	const struct registry_check_definition *definition = &check->definition;

	text(check->node);
	text(check->id);
	text(check->name);
	text(check->notes);
	text(check->output);
	text(check->instance_id);
	text(definition->target);
	text(definition->method);
	text(definition->body);
	text(definition->tls_server_name);
	for (size_t i = 0; i < definition->header_count; i++) {
		text(definition->headers[i].key);
		text(definition->headers[i].value);
	}
	REQUIRE(check->id[0], "a check has no id");
	REQUIRE((unsigned)check->status <= REGISTRY_CRITICAL, "no status");
	REQUIRE((unsigned)definition->type < REGISTRY_CHECK_TYPES, "no type");
}

static void checks(const struct registry_check *items, size_t count)
{
	REQUIRE(count <= CHECKS, "too many checks");
	for (size_t i = 0; i < count; i++)
		check(&items[i]);
}

static void instance(const struct registry_instance *instance)
{
	text(instance->node);
	text(instance->id);
	text(instance->service);
	text(instance->address);
	for (size_t i = 0; i < instance->tag_count; i++)
		text(instance->tags[i]);
	for (size_t i = 0; i < instance->meta_count; i++) {
		text(instance->meta[i].key);
		text(instance->meta[i].value);
	}
	for (size_t i = 0; i < instance->tagged_count; i++) {
		text(instance->tagged[i].name);
		text(instance->tagged[i].address);
	}
	REQUIRE(instance->service[0] && instance->id[0], "an instance has no name");
}

static int one_service(struct decode *decode, const char *body, size_t size)
{
	struct decode_service service;
	int error = decode_service(decode, body, size, &service);

	if (!error) {
		instance(&service.instance);
		checks(service.checks, service.check_count);
	}
	return error;
}

static int one_check(struct decode *decode, const char *body, size_t size)
{
	struct registry_check decoded;
	int error = decode_check(decode, body, size, &decoded);

	if (!error)
		check(&decoded);
	return error;
}

static int one_update(struct decode *decode, const char *body, size_t size)
{
	struct decode_update update;
	int error = decode_update(decode, body, size, &update);

	if (!error)
		text(update.output);
	return error;
}

static int one_registration(struct decode *decode, const char *body, size_t size)
{
	struct decode_registration registration;
	int error = decode_registration(decode, body, size, &registration);

	if (error)
		return error;
	text(registration.node.name);
	text(registration.node.address);
	text(registration.node.id);
	if (registration.has_service)
		instance(&registration.instance);
	checks(registration.checks, registration.check_count);
	return 0;
}

static int one_removal(struct decode *decode, const char *body, size_t size)
{
	struct decode_removal removal;
	int error = decode_removal(decode, body, size, &removal);

	if (!error) {
		text(removal.node);
		text(removal.instance_id);
		text(removal.check_id);
	}
	return error;
}

static int (*const decoders[])(struct decode *decode, const char *body, size_t size) = {
	one_service, one_check, one_update, one_registration, one_removal};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena;
	char *body;
	int error;

	if (size < 1)
		return 0;
	arena = arena_create();
	struct decode decode = {
		.fields = {.arena = arena}, .node_name = "n1", .datacenter = "dc1", .checks = CHECKS};
	body = malloc(size - 1 + (size == 1));
	REQUIRE(body, "out of memory");
	memcpy(body, data + 1, size - 1);
	error = decoders[data[0] % (sizeof(decoders) / sizeof(decoders[0]))](&decode, body, size - 1);
	REQUIRE(error == 0 || error == -EINVAL || error == -EDQUOT || error == -ESRCH, "an odd error");
	if (error)
		REQUIRE(decode.fields.message[0], "a refusal without words");
	free(body);
	arena_destroy(arena);
	return 0;
}
