/* nameserver.c -- resolv.conf, and which program is behind its first address. */
#include <string.h>

#include "base/str.h"
#include "svcdns/doctor/diagnosis_private.h"
#include "svcdns/doctor/listener.h"
#include "svcdns/doctor/resolvers.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define DNS_PORT 53

struct resolv_conf {
	const char *first;  /* the first name server; glibc's default if there is none */
	size_t servers;     /* how many there are */
	const char *link;   /* where it points if it is a link, "" if not */
	const char *writer; /* the program that a comment names, NULL for none */
};

static void found(struct walk *walk, const char *line)
{
	diagnosis_add(walk->ret->found, &walk->ret->found_count, line);
}

static void todo(struct walk *walk, const char *line)
{
	diagnosis_add(walk->ret->todo, &walk->ret->todo_count, line);
}

static struct resolv_conf read_resolv_conf(const struct files *files)
{
	static const char *const writers[] = {
		"NetworkManager", "resolvconf", "dhclient", "dhcpcd", "Docker", "WSL"};
	struct resolv_conf ret = {.first = "127.0.0.1"};
	const char *text = files_read(files, RESOLV_CONF), *line, *link = files_link(files, RESOLV_CONF);

	ret.link = link ? link : "";
	while ((line = files_line(files, &text)) != NULL) {
		const char *word = files_word(files, &line);

		for (size_t i = 0; word && *word == '#' && i < sizeof(writers) / sizeof(writers[0]); i++)
			if (!ret.writer && strstr(line, writers[i]))
				ret.writer = writers[i];
		if (!str_eq(word, "nameserver") || !(word = files_word(files, &line)))
			continue;
		if (ret.servers++ == 0)
			ret.first = word;
	}
	if (!ret.writer && strstr(ret.link, "NetworkManager"))
		ret.writer = "NetworkManager";
	return ret;
}

/* The value of dns= in the files of NetworkManager, the last one; NULL if none has it. */
static const char *networkmanager_dns(const struct files *files)
{
	static const char folder[] = "/etc/NetworkManager/conf.d/";
	const char *value = NULL;
	size_t count;
	const char **names = files_list(files, folder, &count);

	for (size_t i = 0; i <= count; i++) {
		const char *text =
			files_read(files, i == 0 ? "/etc/NetworkManager/NetworkManager.conf"
						 : arena_printf(files->arena, "%s%s", folder, names[i - 1]));
		const char *line;

		while ((line = files_line(files, &text)) != NULL)
			if (str_starts(line, "dns="))
				value = line + 4;
	}
	return value;
}

/* --- Programs ------------------------------------------------------------------------------------------- */

/* Which program has port 53 of a loopback address that is not one of the well-known ones. */
static const struct resolver *find_listener(struct walk *walk, const char *address)
{
	struct arena *arena = walk->files->arena;
	struct listener listener;
	const struct resolver *row;

	if (!listener_find(walk->files, address, &listener)) {
		found(walk, arena_printf(arena, "nothing listens on port 53 of %s", address));
		return NULL;
	}
	if (!listener.process) {
		found(walk, arena_printf(arena, "only root can tell which program listens on port 53 of %s",
				    address));
		return NULL;
	}
	row = resolvers_find(listener.process, listener.command);
	found(walk, arena_printf(arena, "there listens %s", row ? row->title : listener.process));
	if (!row)
		todo(walk, arena_printf(arena,
				   "How %s forwards a zone is not known here: it must ask svcdns for %s.",
				   listener.process, walk->zone));
	return row;
}

/* DNS=192.0.2.1, which is not `server`. */
static bool names_other_server(const struct files *files, const char *line, const char *server)
{
	const char *words = str_starts(line, "DNS=") ? line + 4 : "", *word;

	while ((word = files_word(files, &words)) != NULL)
		if (!str_eq(word, server))
			return true;
	return false;
}

static void check_resolved(struct walk *walk)
{
	char server[NET_ADDR_TEXT];
	const char *file = resolvers_search(
		walk->files, &resolver_resolved, names_other_server, net_addr_format(walk->dns, server));

	if (!diagnosis_resolved_runs(walk->files))
		todo(walk, "systemd-resolved does not run: systemctl enable --now systemd-resolved");
	if (file)
		todo(walk, arena_printf(walk->files->arena,
				   "%s has other servers (DNS=), which are asked for %s too. Give them to a "
				   "link instead.",
				   file, walk->zone));
}

static bool is_in_local(const char *zone)
{
	const char *last = strrchr(zone, '.');

	return str_ieq(last ? last + 1 : zone, "local");
}

void diagnosis_ask_resolver(struct walk *walk, const struct resolver *resolver)
{
	struct arena *arena = walk->files->arena;
	const char *file = resolver->names ? resolvers_find_zone(walk->files, resolver, walk->zone) : NULL;

	walk->ret->resolver = resolver;
	walk->ret->recipe = resolver->recipe;
	walk->ret->reaches = file != NULL;
	if (file)
		found(walk,
			arena_printf(arena, "%s has the zone %s (%s)", resolver->title, walk->zone, file));
	else
		found(walk, arena_printf(arena, "%s has no zone %s", resolver->title, walk->zone));
	if (resolver == &resolver_resolved)
		check_resolved(walk);
	if (resolver == &resolver_resolved && !file && is_in_local(walk->zone))
		found(walk, "without one it asks no DNS server for names that end in .local");
}

/* --- Addresses ------------------------------------------------------------------------------------------ */

static void ask_svcdns(struct walk *walk, const struct resolv_conf *conf)
{
	walk->ret->resolver = &resolver_svcdns;
	walk->ret->reaches = true;
	found(walk, "that is svcdns itself");
	if (conf->servers > 1)
		todo(walk, "Other name servers in /etc/resolv.conf get what svcdns refuses, with glibc; musl "
			   "takes the "
			   "first answer of any.");
}

/* A server elsewhere. NetworkManager can put a resolver in between. */
static void ask_elsewhere(struct walk *walk, const struct resolv_conf *conf)
{
	const char *dns = networkmanager_dns(walk->files);
	struct arena *arena = walk->files->arena;

	if (str_eq(conf->link, "../run/systemd/resolve/resolv.conf") ||
		str_eq(conf->link, "/run/systemd/resolve/resolv.conf")) {
		found(walk, "that file leads past systemd-resolved, to the servers that it uses itself");
		todo(walk,
			"Let programs ask systemd-resolved: ln -sf ../run/systemd/resolve/stub-resolv.conf "
			"/etc/resolv.conf");
		walk->ret->recipe = "resolved";
		return;
	}
	found(walk,
		arena_printf(arena,
			"no program on this machine is at %s, so a forward zone must be there, or a resolver "
			"that has one must run here",
			conf->first));
	if (str_eq(conf->writer, "NetworkManager")) {
		found(walk, arena_printf(arena, "NetworkManager writes that file%s%s",
				    dns ? ", with dns=" : "", dns ? dns : ""));
		walk->ret->recipe = str_eq(dns, "none") ? "unbound" : "networkmanager";
	} else {
		walk->ret->recipe = "unbound";
		todo(walk, "This is for Unbound on this machine (apt install unbound), with 'nameserver "
			   "127.0.0.1' in "
			   "/etc/resolv.conf.");
		if (conf->writer)
			todo(walk, arena_printf(arena,
					   "%s writes /etc/resolv.conf, and must be told of 127.0.0.1.",
					   conf->writer));
	}
}

static bool is_svcdns(const struct walk *walk, const struct net_addr *server)
{
	return net_addr_same_host(server, walk->dns) && net_addr_port(walk->dns) == DNS_PORT;
}

static void ask_docker(struct walk *walk)
{
	found(walk,
		"that is Docker's resolver, which passes names on to the servers that dns: or --dns names");
	todo(walk, "svcdns must listen on port 53 of an address that containers reach, such as that of their "
		   "bridge.");
	diagnosis_ask_resolver(walk, &resolver_docker);
}

void diagnosis_ask_nameserver(struct walk *walk)
{
	struct resolv_conf conf = read_resolv_conf(walk->files);
	struct arena *arena = walk->files->arena;
	const struct resolver *resolver = NULL;
	struct net_addr server;
	struct listener listener;

	walk->ret->nameserver = conf.first;
	found(walk, arena_printf(arena, "dns asks %s (%s%s%s)", conf.first, RESOLV_CONF,
			    *conf.link ? " -> " : "", conf.link));
	if (net_addr_parse(conf.first, DNS_PORT, &server) < 0) {
		found(walk, "that is no address");
		todo(walk, "Repair the nameserver line of /etc/resolv.conf.");
		return;
	}
	if (is_svcdns(walk, &server)) {
		ask_svcdns(walk, &conf);
	} else if (str_eq(conf.first, "127.0.0.53") || str_eq(conf.first, "127.0.0.54")) {
		diagnosis_ask_resolver(walk, &resolver_resolved);
	} else if (str_eq(conf.first, "127.0.0.11")) {
		ask_docker(walk);
	} else if (net_addr_is_loopback(&server) || listener_find(walk->files, conf.first, &listener)) {
		resolver = find_listener(walk, conf.first);
		if (resolver)
			diagnosis_ask_resolver(walk, resolver);
	} else {
		ask_elsewhere(walk, &conf);
	}
}
