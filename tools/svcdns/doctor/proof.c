/* proof.c -- getaddrinfo and ask(). */
#include "svcdns/doctor/proof.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "svcdns/ask.h"
#include "svcdns/cli.h"
#include "svcdns/health.h"

static bool contains(const json_t *array, const char *text)
{
	const json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
		if (str_eq(json_string_value(value), text))
			return true;
	return false;
}

static void add_address(json_t *array, const char *text)
{
	if (!contains(array, text))
		json_array_append_new(array, json_string(text));
}

/* Adds the addresses of svcdns's answer. 0, or the exit status of ask(). */
static int ask_direct(struct cli *cli, const char *name, const char *type, json_t *addresses)
{
	json_auto_t *answer = NULL;
	const json_t *record;
	size_t i;
	int status = ask(cli, name, type, false, &answer);

	json_array_foreach(json_object_get(answer, "Answer"), i, record)
		if (str_eq(cli_text(record, "Type"), type))
			add_address(addresses, cli_text(record, "Data"));
	return status;
}

/* The way of every program. Returns getaddrinfo's error. */
static int ask_system(const char *name, json_t *addresses)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char text[NI_MAXHOST];
	int error = getaddrinfo(name, NULL, &hints, &list);

	for (const struct addrinfo *one = list; error == 0 && one; one = one->ai_next)
		if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
			0)
			add_address(addresses, text);
	if (error == 0)
		freeaddrinfo(list);
	return error;
}

static bool has_healthy(struct cli *cli, const char *service)
{
	json_auto_t *entries = NULL;
	const json_t *entry;
	size_t i;

	if (cli_get(cli, cli_path(cli, "/v1/health/service/", service, ""), &entries) != 0)
		return false;
	json_array_foreach(entries, i, entry)
		if (health_is_healthy(entry))
			return true;
	return false;
}

/* Labels that getaddrinfo takes: services may have names of other bytes. */
static bool is_host_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
				strlen(name);
}

/* A registered service with a healthy instance and addresses in DNS; NULL if there is none. */
static const char *pick(struct cli *cli, struct proof *ret)
{
	json_auto_t *services = NULL;
	const json_t *tags;
	const char *service;

	if (cli_get(cli, "/v1/catalog/services", &services) != 0)
		ret->verdict = PROOF_NO_SERVER;
	json_object_foreach(services, service, tags) {
		const char *name;

		if (!is_host_name(service) || !has_healthy(cli, service))
			continue;
		name = arena_strdup(cli->arena, cli_full_name(cli, service));
		if (ask_direct(cli, name, "A", ret->direct) != 0) {
			ret->verdict = PROOF_NO_SERVER;
			return NULL;
		}
		if (ask_direct(cli, name, "AAAA", ret->direct) == 0 && json_array_size(ret->direct) > 0)
			return name;
	}
	return NULL;
}

static enum proof_verdict compare(const struct proof *proof)
{
	const json_t *address;
	size_t i;

	if (json_array_size(proof->found) == 0)
		return PROOF_NOT_FOUND;
	json_array_foreach(proof->found, i, address) {
		if (contains(proof->direct, json_string_value(address)))
			return PROOF_YES;
	}
	return PROOF_OTHER;
}

void proof_make(struct cli *cli, const char *name, struct proof *ret)
{
	int error;

	*ret = (struct proof){
		.verdict = PROOF_NO_SERVICE, .direct = json_array(), .found = json_array(), .error = ""};
	if (!name) {
		ret->name = pick(cli, ret);
		if (!ret->name)
			return;
	} else {
		ret->name = cli_full_name(cli, name);
		if (ask_direct(cli, ret->name, "A", ret->direct) != 0) {
			ret->verdict = PROOF_NO_SERVER;
			return;
		}
		ask_direct(cli, ret->name, "AAAA", ret->direct);
		if (json_array_size(ret->direct) == 0)
			return;
	}
	error = ask_system(ret->name, ret->found);
	ret->error = error ? gai_strerror(error) : "";
	ret->verdict = compare(ret);
}

void proof_finish(struct proof *proof)
{
	json_decref(proof->direct);
	json_decref(proof->found);
}
