/* main.c -- svcdnsd: parse, check, then one of the roles. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "main/activation.h"
#include "main/config.h"
#include "main/roles.h"
#include "main/supervise.h"

#define EXIT_USAGE 2

static void print_help(void)
{
	printf("svcdnsd %s: service discovery by DNS, registered over HTTP\n\n"
	       "usage: svcdnsd [--config=FILE] [--check-config] [--section.key=value ...]\n\n"
	       "  --config=FILE     read options from an INI file; flags override it\n"
	       "  --check-config    check the options and zone files, start nothing\n"
	       "  --print-config    print a commented sample config\n"
	       "  --version, --help\n\nOptions and their defaults:\n",
		SVCDNS_VERSION);
	options_print_help(stdout);
}

struct arguments {
	struct config_sources sources;
	const char **flags;
	const char *role;
	int parent;
	bool check_config;
};

/* A socket or a database that takes the number of a closed stderr would be written to. */
static void keep_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* The table as doc/metrics.md has it. */
static void print_metrics(void)
{
	struct buf text = {0};
	metrics_print_markdown(&text);
	fwrite(text.data, 1, text.size, stdout);
	buf_finish(&text);
}

/* One argument. -1 goes on, else the exit status. */
static int take(struct arguments *a, const char *arg)
{
	uint64_t parent;
	if (str_eq(arg, "--help") || str_eq(arg, "-h")) {
		print_help();
		return 0;
	}
	if (str_eq(arg, "--version")) {
		printf("svcdnsd %s\n", SVCDNS_VERSION);
		return 0;
	}
	if (str_eq(arg, "--print-config")) {
		options_print_sample(stdout);
		return 0;
	}
	if (str_eq(arg, "--print-mdoc")) {
		options_print_mdoc(stdout);
		return 0;
	}
	if (str_eq(arg, "--print-metrics")) {
		print_metrics();
		return 0;
	}
	if (str_eq(arg, "--check-config"))
		a->check_config = true;
	else if (str_starts(arg, "--config="))
		a->sources.file = arg + strlen("--config=");
	else if (str_starts(arg, "--role="))
		a->role = arg + strlen("--role=");
	else if (str_starts(arg, "--parent=") &&
		 str_parse_u64(arg + strlen("--parent="), INT32_MAX, &parent) == 0)
		a->parent = (int)parent;
	else if (str_starts(arg, "--") && strchr(arg, '.'))
		a->flags[a->sources.flag_count++] = arg + 2;
	else {
		fprintf(stderr, "svcdnsd: unknown argument '%s'; see --help\n", arg);
		return EXIT_USAGE;
	}
	return -1;
}

/* The supervisor. Sockets that were handed over count as the last flags, so that what is checked, now and at
 * each reload, is what is served. */
static int serve(struct arguments *a)
{
	struct activation activation = {0};
	struct main_config config;
	struct buf errors = {0};
	char message[512];
	int status = 1;
	if (activation_take(&activation, message) < 0) {
		fprintf(stderr, "svcdnsd: %s\n", message);
		return 1;
	}
	a->sources.flag_count += activation_flags(&activation, &a->flags[a->sources.flag_count]);
	if (config_load(&a->sources, &config, &errors) < 0)
		fputs(errors.data, stderr);
	else
		status = supervise(&config, &a->sources, &activation);
	buf_finish(&errors);
	activation_finish(&activation);
	return status;
}

static int check(const struct arguments *a)
{
	struct main_config config;
	struct buf errors = {0};
	int r = config_load(&a->sources, &config, &errors);
	if (r == 0)
		options_finish(&config);
	fputs(r == 0 ? "the config is good\n" : errors.data, r == 0 ? stdout : stderr);
	buf_finish(&errors);
	return r == 0 ? 0 : 1;
}

static int run(struct arguments *a)
{
	if (str_eq(a->role, "dns"))
		return role_dns(a->parent);
	if (str_eq(a->role, "sidecar"))
		return role_sidecar(a->parent);
	if (str_eq(a->role, "relay"))
		return role_relay(a->parent);
	return a->check_config ? check(a) : serve(a);
}

int main(int argc, char **argv)
{
	struct arguments a = {.flags = mem_alloc(((size_t)argc + ACTIVATION_FLAGS) * sizeof(char *))};
	a.sources.flags = a.flags;
	keep_standard_descriptors();
	log_setup("supervisor", LOG_INFO);
	int status = -1;
	for (int i = 1; i < argc && status < 0; i++)
		status = take(&a, argv[i]);
	if (status < 0)
		status = run(&a);
	free(a.flags);
	return status;
}
