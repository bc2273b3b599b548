/* recipes.c -- the table. what the recipes are for is in recipes.h. */
#include "svcdns/doctor/recipes.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "svcdns/doctor/recipe_texts.h"

static const struct recipe recipes[] = {
	{"resolved", "systemd-resolved", "systemctl restart systemd-resolved", false,
		{{"/etc/systemd/resolved.conf.d/svcdns.conf", "write", recipe_resolved_conf}}},
	{"networkmanager", "NetworkManager with a dnsmasq of its own (package dnsmasq-base)",
		"systemctl reload NetworkManager && nmcli general reload dns-full", false,
		{{"/etc/NetworkManager/conf.d/svcdns.conf", "write", recipe_networkmanager_conf},
			{"/etc/NetworkManager/dnsmasq.d/svcdns.conf", "write", recipe_dnsmasq_conf}}},
	{"dnsmasq", "dnsmasq", "systemctl restart dnsmasq", false,
		{{"/etc/dnsmasq.d/svcdns.conf", "write", recipe_dnsmasq_conf}}},
	{"unbound", "Unbound", "systemctl reload unbound", false,
		{{"/etc/unbound/unbound.conf.d/svcdns.conf", "write", recipe_unbound_conf}}},
	{"bind", "BIND", "rndc reconfig && rndc flush", false,
		{{"/etc/bind/named.conf.local", "add at the end of", recipe_bind_conf},
			{"/etc/bind/named.conf.options", "add among the options of",
				recipe_bind_options_conf}}},
	{"resolv.conf", "no resolver but svcdns", NULL, true,
		{{"/etc/resolv.conf", "write", recipe_resolv_conf}}},
	{"compose", "containers of Docker or Podman", NULL, true,
		{{"compose.yaml", "add to each service of", recipe_compose_yaml}}},
};

#define RECIPE_COUNT (sizeof(recipes) / sizeof(recipes[0]))

const struct recipe *recipes_next(const struct recipe *previous)
{
	const struct recipe *next = previous ? previous + 1 : recipes;

	return next < recipes + RECIPE_COUNT ? next : NULL;
}

const struct recipe *recipes_find(const char *name)
{
	for (const struct recipe *recipe = recipes_next(NULL); recipe; recipe = recipes_next(recipe))
		if (str_eq(recipe->name, name))
			return recipe;
	return NULL;
}

/* "127.0.0.1" and "8600" of "127.0.0.1:8600"; an IPv6 address without brackets. */
static void split(const struct net_addr *dns, char host[NET_ADDR_TEXT], char port[8])
{
	char text[NET_ADDR_TEXT];
	char *end = strrchr(net_addr_format(dns, text), ':');
	bool bracket = text[0] == '[';

	snprintf(port, 8, "%s", end + 1);
	end[bracket ? -1 : 0] = '\0';
	snprintf(host, NET_ADDR_TEXT, "%s", text + bracket);
}

const char *recipes_fill(
	struct arena *arena, const struct recipe_piece *piece, const char *zone, const struct net_addr *dns)
{
	char host[NET_ADDR_TEXT], port[8], whole[NET_ADDR_TEXT];
	const struct {
		const char *name, *value;
	} values[] = {{"@DNS_SERVER@", net_addr_format(dns, whole)}, {"@DNS_ADDRESS@", host},
		{"@DNS_PORT@", port}, {"@ZONE@", zone}};
	struct buf out = {0};
	const char *at = piece->text, *filled;

	split(dns, host, port);
	while (*at) {
		size_t i = 0, count = sizeof(values) / sizeof(values[0]);

		while (i < count && !str_starts(at, values[i].name))
			i++;
		if (i < count) {
			buf_str(&out, values[i].value);
			at += strlen(values[i].name);
		} else {
			buf_add(&out, at++, 1);
		}
	}
	filled = arena_strdup(arena, out.data ? out.data : "");
	buf_finish(&out);
	return filled;
}
