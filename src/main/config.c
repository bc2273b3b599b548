/* config.c -- reads the config file by inih, and checks what was read. */
#include "main/config.h"

#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "main/wiring.h"
#include "net/addr.h"
#include "sidecar/sidecar.h"

/* Where the parser stands; inih tells neither line numbers to its handler nor lines that were too long. */
struct parse {
	FILE *file;
	const char *name;
	struct main_config *config;
	struct buf *errors;
	struct buf seen; /* "key\n" of each key that was set, to find doubles */
	int line;
	bool partial; /* the last read ended inside a line */
	int errors_told;
};

static void tell(struct parse *p, const char *key, const char *message)
{
	buf_printf(p->errors, "%s:%d: %s%s%s\n", p->name, p->line, key, *key ? ": " : "", message);
	p->errors_told++;
}

/* fgets that counts lines and notices those that are longer than inih's buffer, which inih would cut in two.
 */
static char *read_line(char *ret, int size, void *ctx)
{
	struct parse *p = ctx;
	char *line = fgets(ret, size, p->file);
	if (!line)
		return NULL;
	if (!p->partial)
		p->line++;
	size_t length = strlen(line);
	bool whole = length > 0 && line[length - 1] == '\n';
	if (!whole && !p->partial && length + 1 == (size_t)size)
		tell(p, "", "the line is too long");
	p->partial = !whole;
	return line;
}

static int handle_pair(void *ctx, const char *section, const char *name, const char *value)
{
	struct parse *p = ctx;
	char key[160], mark[170], message[256];
	snprintf(key, sizeof(key), "%.70s%s%.70s", section, *section ? "." : "", name);
	snprintf(mark, sizeof(mark), "\n%s\n", key);
	if (p->seen.size && strstr(p->seen.data, mark)) {
		tell(p, key, "the key was given before; a list is written with commas");
		return 1;
	}
	buf_printf(&p->seen, "%s%s\n", p->seen.size ? "" : "\n", key);
	if (options_set(p->config, key, value ? value : "", message) < 0)
		tell(p, key, message);
	return 1;
}

static void load_file(const char *name, struct main_config *config, struct buf *errors)
{
	struct parse p = {.name = name, .config = config, .errors = errors, .file = fopen(name, "re")};
	if (!p.file) {
		buf_printf(errors, "%s: %s\n", name, err_str(errno));
		return;
	}
	int line = ini_parse_stream(read_line, &p, handle_pair, &p);
	if (line > 0) {
		p.line = line;
		if (p.errors_told == 0)
			tell(&p, "", "expected [section] or key = value");
	}
	fclose(p.file);
	buf_finish(&p.seen);
}

static void load_flags(const struct config_sources *sources, struct main_config *config, struct buf *errors)
{
	char message[256], key[80];
	for (size_t i = 0; i < sources->flag_count; i++) {
		const char *flag = sources->flags[i], *equals = strchr(flag, '=');
		if (!equals || (size_t)(equals - flag) >= sizeof(key)) {
			buf_printf(errors, "--%s: expected --section.key=value\n", flag);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(equals - flag), flag);
		if (options_set(config, key, equals + 1, message) < 0)
			buf_printf(errors, "--%s: %s\n", key, message);
	}
}

static void check_listen(const char *key, const struct main_list *list, struct buf *errors)
{
	struct net_addr addr;
	if (list->count == 0)
		buf_printf(errors, "%s: at least one address is needed\n", key);
	if (list->count > 16)
		buf_printf(errors, "%s: more than 16 addresses\n", key);
	for (size_t i = 0; i < list->count; i++)
		if (net_addr_parse(list->items[i], 0, &addr) < 0)
			buf_printf(errors,
				"%s: '%s' is not an address with a port, such as 127.0.0.1:53 or [::1]:53\n",
				key, list->items[i]);
}

static void check_whole(const struct main_config *config, struct buf *errors)
{
	char message[512];
	enum log_level level;
	check_listen("dns.listen", &config->dns.listen, errors);
	check_listen("http.listen", &config->http.listen, errors);
	if (log_parse_level(config->log.level, &level) < 0)
		buf_printf(
			errors, "log.level: '%s' is none of debug, info, warn, error\n", config->log.level);
	if (config->process.user[0] && !getpwnam(config->process.user))
		buf_printf(errors, "process.user: there is no user '%s'\n", config->process.user);
	if (config->http.wait_default > config->http.wait_max)
		buf_printf(errors, "http.wait_default: longer than http.wait_max\n");
	if (errors->size)
		return;
	struct wiring_zones zones;
	wiring_zones(config, &zones);
	if (view_check_zones(&zones.view, message) < 0)
		buf_printf(errors, "%s\n", message);
	struct net_addr addrs[16];
	for (size_t i = 0; i < config->http.listen.count; i++)
		net_addr_parse(config->http.listen.items[i], 0, &addrs[i]);
	if (sidecar_check_bind(
		    addrs, config->http.listen.count, config->http.token_file[0] != '\0', message) < 0)
		buf_printf(errors, "http.listen: %s\n", message);
}

int config_load(const struct config_sources *sources, struct main_config *ret, struct buf *ret_errors)
{
	struct main_config config;
	options_defaults(&config);
	if (sources->file)
		load_file(sources->file, &config, ret_errors);
	load_flags(sources, &config, ret_errors);
	if (ret_errors->size == 0)
		check_whole(&config, ret_errors);
	if (ret_errors->size) {
		options_finish(&config);
		return -EINVAL;
	}
	*ret = config;
	return 0;
}
