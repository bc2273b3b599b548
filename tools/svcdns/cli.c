/* cli.c -- settings, requests, errors. */
#include "svcdns/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "svcdns/table.h"

#define HTTP_DEFAULT "127.0.0.1:8500"
#define DNS_DEFAULT "127.0.0.1:8600"
#define LOOPBACK "127.0.0.1"
#define DNS_PORT 53
#define HTTP_PORT 80
#define TOKEN_MAX 4096

static void print_clean(FILE *file, const char *before, const char *format, va_list list)
	__attribute__((format(printf, 3, 0)));

static void print_clean(FILE *file, const char *before, const char *format, va_list list)
{
	struct buf clean = {0};
	char *text;

	if (vasprintf(&text, format, list) >= 0) {
		table_escape(&clean, text);
		free(text);
	}
	fprintf(file, "%s%s\n", before, clean.data ? clean.data : "");
	buf_finish(&clean);
}

int cli_fail(int status, const char *format, ...)
{
	va_list list;

	fflush(stdout);
	va_start(list, format);
	print_clean(stderr, "svcdns: ", format, list);
	va_end(list);
	return status;
}

void cli_say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_clean(stdout, "", format, list);
	va_end(list);
}

int cli_watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_end(int number)
{
	_exit(CLI_YES);
}

void cli_end_by_signal(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction before;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &(const struct sigaction){.sa_handler = on_end}, NULL);
}

/* --- Settings ------------------------------------------------------------------------------------------- */

/* The flag, or the first of two variables that is set and not empty, or `otherwise`. */
static const char *setting(const struct args *args, const char *flag, const char *first, const char *second,
	const char *otherwise)
{
	const char *names[] = {first, second};

	if (flag && args_value(args, flag))
		return args_value(args, flag);
	for (size_t i = 0; i < 2; i++) {
		const char *value = names[i] ? getenv(names[i]) : NULL;

		if (value && *value)
			return value;
	}
	return otherwise;
}

/* "host:port" or a URL; libcurl judges the rest. */
static const char *base_url(struct arena *arena, const char *text)
{
	char *url = strstr(text, "://") ? arena_strdup(arena, text) : arena_printf(arena, "http://%s", text);
	size_t size = strlen(url);

	while (size > 0 && url[size - 1] == '/')
		url[--size] = '\0';
	return url;
}

/* The first line of the file. */
static int read_token(struct cli *cli, const char *path)
{
	char text[TOKEN_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (size < 0)
		return cli_fail(CLI_TROUBLE, "cannot read the token from %s: %s", path, err_str(error));
	text[size] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	cli->token = arena_strdup(cli->arena, text);
	return 0;
}

static int find_token(struct cli *cli)
{
	const char *path =
		setting(&cli->args, "token-file", "SVCDNS_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE", NULL);
	int status = 0;

	cli->token = setting(&cli->args, NULL, "SVCDNS_HTTP_TOKEN", "CONSUL_HTTP_TOKEN", NULL);
	if (path && (args_has(&cli->args, "token-file") || !cli->token))
		status = read_token(cli, path);
	if (status == 0 && cli->token && strpbrk(cli->token, "\r\n"))
		return cli_fail(CLI_TROUBLE, "the token has a line end in it");
	return status;
}

int cli_init(struct cli *cli, struct arena *arena, const struct args *args)
{
	const char *dns, *zone = args_value(args, "zone");
	size_t size = zone ? strlen(zone) : 0;

	*cli = (struct cli){.arena = arena, .args = *args, .json = args_has(args, "json")};
	if (size > 0)
		cli->zone = arena_copy(arena, zone, zone[size - 1] == '.' ? size - 1 : size);
	cli->http_url =
		base_url(arena, setting(args, "http", "SVCDNS_HTTP_ADDR", "CONSUL_HTTP_ADDR", HTTP_DEFAULT));
	dns = setting(args, "dns", "SVCDNS_DNS_ADDR", NULL, NULL);
	if (dns && net_addr_parse(dns, DNS_PORT, &cli->dns) < 0)
		return cli_fail(CLI_TROUBLE, "--dns: '%s' is not an address such as %s", dns, DNS_DEFAULT);
	if (find_token(cli) != 0)
		return CLI_TROUBLE;
	cli->http = http_create(cli->http_url, cli->token);
	return cli->http ? 0 : cli_fail(CLI_TROUBLE, "libcurl cannot be set up");
}

void cli_finish(struct cli *cli)
{
	http_destroy(cli->http);
	cli->http = NULL;
}

/* --- Requests ------------------------------------------------------------------------------------------- */

int cli_refused(const struct cli *cli, const struct http_result *result, const char *what)
{
	int size = (int)strcspn(result->body, "\n");

	if (result->error == -EINVAL)
		return cli_fail(CLI_TROUBLE, "--http: '%s' is not an address such as %s: %s", cli->http_url,
			HTTP_DEFAULT, result->message);
	if (result->error)
		return cli_fail(CLI_TROUBLE,
			"cannot reach %s: %s; is svcdnsd running? systemctl status svcdns, or tools/run",
			cli->http_url, result->message);
	if (result->status == 403 && str_starts(result->body, "Permission denied"))
		return cli_fail(CLI_NO, "%s wants %s token: --token-file=FILE, or SVCDNS_HTTP_TOKEN",
			cli->http_url, cli->token ? "another" : "a");
	if (*result->body == '<')
		return cli_fail(CLI_TROUBLE, "%s answers %ld with a web page; is this svcdns or Consul?",
			cli->http_url, result->status);
	if (result->status == 404 && what)
		return cli_fail(CLI_NO, "%s is not registered at %s; 'svcdns list' shows what is", what,
			cli->http_url);
	return cli_fail(result->status == 429 || result->status >= 500 ? CLI_TROUBLE : CLI_NO,
		"%s says %ld: %.*s", cli->http_url, result->status, size, result->body);
}

const char *cli_path(struct cli *cli, const char *prefix, const char *name, const char *suffix)
{
	struct buf path = {0};
	const char *copy;

	buf_str(&path, prefix);
	http_escape(&path, name);
	buf_str(&path, suffix);
	copy = arena_strdup(cli->arena, path.data);
	buf_finish(&path);
	return copy;
}

/* One request, waited for; *ret is the call, to be ended by the caller. */
static const struct http_result *request(
	struct cli *cli, const char *method, const char *path, const char *body, struct http_call **ret)
{
	const struct http_request request = {
		.method = method, .path = path, .body = body, .timeout_ms = CLI_TIMEOUT_MS};

	*ret = http_begin(cli->http, &request);
	while (!http_result(*ret))
		http_wait(cli->http, -1, -1);
	return http_result(*ret);
}

int cli_get(struct cli *cli, const char *path, json_t **ret)
{
	struct http_call *call;
	const struct http_result *result = request(cli, "GET", path, NULL, &call);
	int status = 0;

	if (result->error || result->status != 200) {
		status = cli_refused(cli, result, NULL);
	} else {
		*ret = json_loadb(result->body, result->body_size, JSON_DECODE_ANY, NULL);
		if (!*ret)
			status = cli_fail(CLI_TROUBLE, "%s%s is no JSON; is this svcdns or Consul?",
				cli->http_url, path);
	}
	http_end(call);
	return status;
}

int cli_send(struct cli *cli, const char *method, const char *path, long *ret_status, const char **ret_body)
{
	struct http_call *call;
	const struct http_result *result = request(cli, method, path, NULL, &call);
	int status = 0;

	if (result->error) {
		status = cli_refused(cli, result, NULL);
	} else {
		*ret_status = result->status;
		*ret_body = arena_copy(cli->arena, result->body, result->body_size);
	}
	http_end(call);
	return status;
}

int cli_put(struct cli *cli, const char *path, json_t *body, const char *what)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct http_call *call;
	const struct http_result *result = request(cli, "PUT", path, text, &call);
	int status = result->error || result->status != 200 ? cli_refused(cli, result, what) : 0;

	http_end(call);
	free(text);
	return status;
}

/* --- What the server says of itself --------------------------------------------------------------------- */

/* An address that is good on the server's machine only stands for that machine, which HTTP has found. */
static struct net_addr seen_from_here(const struct cli *cli, struct net_addr dns)
{
	const char *host = strstr(cli->http_url, "://") + 3;
	uint16_t port = net_addr_port(&dns);
	struct net_addr http;

	if (!net_addr_is_loopback(&dns) && !net_addr_is_wildcard(&dns))
		return dns;
	host = arena_copy(cli->arena, host, strcspn(host, "/"));
	if (net_addr_parse(host, HTTP_PORT, &http) < 0 && net_addr_parse(LOOPBACK, HTTP_PORT, &http) < 0)
		return dns;
	if (net_addr_is_loopback(&dns) && net_addr_is_loopback(&http))
		return dns;
	net_addr_set_port(&http, port);
	return http;
}

/* Fills in what was not given. */
static void ask_server(struct cli *cli)
{
	struct http_call *call;
	const struct http_result *result = request(cli, "GET", "/v1/agent/self", NULL, &call);
	json_auto_t *self = NULL;
	const json_t *own;
	const char *zone;

	if (!result->error && result->status == 200)
		self = json_loadb(result->body, result->body_size, 0, NULL);
	http_end(call);
	own = json_object_get(json_object_get(self, "Stats"), "svcdns");
	zone = cli_text(own, "zone");
	if (!cli->zone)
		cli->zone = *zone ? arena_strdup(cli->arena, zone) : "service.local";
	if (cli->dns.size > 0)
		return;
	if (net_addr_parse(cli_text(own, "dns"), DNS_PORT, &cli->dns) == 0)
		cli->dns = seen_from_here(cli, cli->dns);
	else
		(void)net_addr_parse(DNS_DEFAULT, DNS_PORT, &cli->dns);
}

const char *cli_zone(struct cli *cli)
{
	if (!cli->zone)
		ask_server(cli);
	return cli->zone;
}

const struct net_addr *cli_dns(struct cli *cli)
{
	if (cli->dns.size == 0)
		ask_server(cli);
	return &cli->dns;
}

/* --- Names and output ----------------------------------------------------------------------------------- */

/* Does the name, of `size` bytes and without a dot at its end, lie in the zone or is it the zone itself? */
static bool in_zone(struct cli *cli, const char *name, size_t size)
{
	size_t zone_size = strlen(cli_zone(cli));

	return size >= zone_size && strncasecmp(name + size - zone_size, cli->zone, zone_size) == 0 &&
	       (size == zone_size || name[size - zone_size - 1] == '.');
}

const char *cli_full_name(struct cli *cli, const char *name)
{
	size_t size = strlen(name);

	if ((size > 0 && name[size - 1] == '.') || in_zone(cli, name, size))
		return name;
	return arena_printf(cli->arena, "%s.%s", name, cli->zone);
}

const char *cli_service_name(struct cli *cli, const char *name)
{
	size_t size = strlen(name), zone_size;

	if (!strchr(name, '.'))
		return name; /* without asking for the zone */
	size -= name[size - 1] == '.';
	zone_size = strlen(cli_zone(cli));
	if (size < zone_size + 2 || !in_zone(cli, name, size))
		return name;
	return arena_copy(cli->arena, name, size - zone_size - 1);
}

void cli_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	putchar('\n');
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_int_t cli_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
