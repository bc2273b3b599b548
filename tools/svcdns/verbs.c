/* verbs.c -- the table. */
#include "svcdns/verbs.h"

#include "base/str.h"
#include "svcdns/register.h"

const struct flag verbs_common[] = {
	{"http", "ADDRESS", "where the HTTP API is (SVCDNS_HTTP_ADDR, CONSUL_HTTP_ADDR; 127.0.0.1:8500)"},
	{"dns", "ADDRESS", "where DNS is (SVCDNS_DNS_ADDR; what the server says, or 127.0.0.1:8600)"},
	{"token-file", "FILE", "file with the token (SVCDNS_HTTP_TOKEN_FILE, CONSUL_HTTP_TOKEN_FILE)",
		WORD_FILE},
	{"zone", "NAME", "the zone of the services, if the server is not to be asked for it"},
	{"json", NULL, "print JSON"},
	{"help", NULL, "print how it is used"},
	{NULL},
};

static const struct flag list_flags[] = {
	{"tag", "TAG", "only services that have this tag"},
	{"problems", NULL, "only services with instances that are neither healthy nor drained"},
	{"names", NULL, "print the names alone"},
	{"ids", NULL, "print the ids of the instances alone"},
	{NULL},
};

static const struct flag query_flags[] = {
	{"tcp", NULL, "ask over TCP"},
	{NULL},
};

static const struct flag trace_flags[] = {
	{"count", "NUMBER", "end after so many queries"},
	{NULL},
};

static const struct flag doctor_flags[] = {
	{"print", "RECIPE",
		"print one recipe: resolved, networkmanager, dnsmasq, unbound, bind, resolv.conf, compose"},
	{"root", "DIR", "read DIR/etc, DIR/run and DIR/proc, and look nothing up", WORD_FILE},
	{NULL},
};

static const struct flag drain_flags[] = {
	{"reason", "TEXT", "why, for others to read"},
	{NULL},
};

static const struct flag check_config_flags[] = {
	{"svcdnsd", "PATH", "the server's program; found beside this one or on PATH if it is not given",
		WORD_FILE},
	{NULL},
};

static const struct verb verbs[] = {
	{"list", "[PATTERN]",
		"list the services that match a shell pattern, or all, with healthy and all instances",
		verb_list, 0, 1, .words = {WORD_SERVICE}, .flags = {list_flags}},
	{"show", "NAME", "show a service: instances, why they are as they are, and what DNS answers",
		verb_show, 1, 1, .words = {WORD_SERVICE}},
	{"watch", "[NAME]", "print a line for each change of a service, or of all", verb_watch, 0, 1,
		.words = {WORD_SERVICE}},
	{"query", "NAME [TYPE]", "ask DNS (for A if no type is given), and say why an answer is empty",
		verb_query, 1, 2, .words = {WORD_SERVICE, WORD_TYPE}, .flags = {query_flags}},
	{"trace", "[NAME|ADDRESS]",
		"print a line for each query that DNS answers: for a name and all below it, or of a client",
		verb_trace, 0, 1, .words = {WORD_SERVICE}, .flags = {trace_flags}},
	{"doctor", "[NAME]",
		"tell whether programs here find services, and the lines that are missing if not",
		verb_doctor, 0, 1, .words = {WORD_SERVICE}, .flags = {doctor_flags}},
	{"status", "", "show whether the server is up, and how far it is", verb_status, 0, 0},
	{"register", "NAME", "register an instance of a service", verb_register, 1, 1,
		.words = {WORD_SERVICE}, .flags = {register_flags}},
	{"deregister", "ID", "deregister an instance", verb_deregister, 1, 1, .words = {WORD_INSTANCE}},
	{"drain", "ID", "take an instance out of the answers, and keep it registered", verb_drain, 1, 1,
		.words = {WORD_INSTANCE}, .flags = {drain_flags}},
	{"undrain", "ID", "put a drained instance back", verb_undrain, 1, 1, .words = {WORD_INSTANCE}},
	{"exec", "NAME -- COMMAND ...", "register an instance for as long as a command runs", verb_exec, 1, 1,
		.command = true, .words = {WORD_SERVICE}, .flags = {register_flags}},
	{"backup", "FILE", "copy the registry into a file", verb_backup, 1, 1, .words = {WORD_FILE}},
	{"check-config", "[FILE]",
		"check a config file (/etc/svcdns/svcdns.conf if none is given and it is there), and start "
		"nothing",
		verb_check_config, 0, 1, .words = {WORD_FILE}, .flags = {check_config_flags}},
	{"reload", "", "let the server read its config again", verb_reload, 0, 0},
	{"completion", "bash|zsh|fish", "print a completion script for a shell", verb_completion, 1, 1,
		.words = {WORD_SHELL}},
	{"help", "[VERB]", "print how a verb is used", verb_help, 0, 1, .words = {WORD_VERB}},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

const struct verb *verbs_next(const struct verb *previous)
{
	const struct verb *next = previous ? previous + 1 : verbs;

	return next < verbs + VERB_COUNT ? next : NULL;
}

const struct verb *verbs_find(const char *name)
{
	for (const struct verb *verb = verbs_next(NULL); verb; verb = verbs_next(verb))
		if (str_eq(verb->name, name))
			return verb;
	return NULL;
}

const struct flag *verbs_next_flag(const struct verb *verb, const struct flag *previous)
{
	bool found = !previous;

	for (size_t i = 0; i < VERB_FLAG_LISTS && verb->flags[i]; i++)
		for (const struct flag *flag = verb->flags[i]; flag->name; flag++) {
			if (found)
				return flag;
			found = flag == previous;
		}
	return NULL;
}
