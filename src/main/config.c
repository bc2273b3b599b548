/* config.c -- reads the config file by inih, and checks what was read. */
#include "main/config.h"

#include <errno.h>
#include <ini.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "main/inherit.h"
#include "main/relay_checks.h"
#include "main/wiring.h"
#include "net/addr.h"
#include "sidecar/sidecar.h"

#define LISTEN_MAX 16                           /* addresses of one key */
#define CONFIG_MAX (INHERIT_MESSAGE_MAX - 8192) /* in one message; some values grow when they are chosen */

/* Where a key was set. */
struct place {
	char key[80];
	int line; /* in the file; 0 for a flag */
};

struct load {
	const char *name; /* of the file */
	struct main_config *config;
	struct buf *errors;
	struct place *places; /* place_count of them, in the order in which they were set */
	size_t place_count;

	/* Where the parser stands; inih tells its handler no line numbers. */
	FILE *file;
	int line;
	bool indented;    /* the line starts with a blank: inih takes it for more of the value before it */
	bool failed;      /* the last value was refused, so what continues it is not looked at */
	struct buf value; /* the last value, to which an indented line may add */
};

/* One error about the line that is being read. */
__attribute__((format(printf, 3, 4))) static void tell_line(
	struct load *l, const char *key, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	buf_printf(l->errors, "%s:%d: %s%s%s\n", l->name, l->line, key, *key ? ": " : "", message);
}

/* One error about a key, with the place where it was set last; a default has none. */
__attribute__((format(printf, 3, 4))) static void tell_key(
	struct load *l, const char *key, const char *format, ...)
{
	const struct place *place = NULL;
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	for (size_t i = 0; i < l->place_count; i++)
		if (str_eq(l->places[i].key, key))
			place = &l->places[i];
	if (place && place->line)
		buf_printf(l->errors, "%s:%d: ", l->name, place->line);
	buf_printf(l->errors, "%s%s: %s\n", place && !place->line ? "--" : "", key, message);
}

static void add_place(struct load *l, const char *key, int line)
{
	l->places = mem_resize(l->places, l->place_count + 1, sizeof(*l->places));
	struct place *place = &l->places[l->place_count++];
	str_copy(place->key, sizeof(place->key), key);
	place->line = line;
}

/* inih tells of the first line only that is neither a section nor a pair. */
static bool is_nonsense(const char *line)
{
	const char *p = line + strspn(line, " \t\r\n");
	if (*p == '\0' || *p == ';' || *p == '#')
		return false;
	if (*p == '[')
		return !strchr(p, ']');
	return p == line && !strpbrk(p, "=:");
}

/* fgets that counts lines. A line that is longer than inih's buffer, which inih would cut in two, is told and
 * left out. */
static char *read_line(char *ret, int size, void *ctx)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct load *l = ctx;
	if (!fgets(ret, size, l->file))
		return NULL;
	l->line++;
	l->indented = *ret == ' ' || *ret == '\t';
	if (!strchr(ret, '\n') && strlen(ret) + 1 == (size_t)size) {
		int c;
		while ((c = getc(l->file)) != EOF && c != '\n')
			;
		tell_line(l, "",
			"the line is longer than %d bytes; a list may go on in the next line, indented",
			size - 2);
		l->failed = true;
		memcpy(ret, "\n", sizeof("\n"));
	}
	if (is_nonsense(l->line == 1 && str_starts(ret, byte_order_mark) ? ret + 3 : ret))
		tell_line(l, "", "expected [section] or key = value");
	return ret;
}

/* Puts the key's whole value into l->value. False if it may not stand here. */
static bool take_value(struct load *l, const char *key, const char *value)
{
	const char *last = l->place_count ? l->places[l->place_count - 1].key : "";
	if (l->indented && str_eq(last, key)) {
		if (l->failed)
			return false;
		if (l->value.size && l->value.data[l->value.size - 1] == ',') {
			buf_str(&l->value, value);
			return true;
		}
		tell_line(l, key,
			"an indented line goes on with the list before it, which must end with a comma");
		return false;
	}
	buf_clear(&l->value);
	buf_str(&l->value, value);
	for (size_t i = 0; i < l->place_count; i++) {
		if (!str_eq(l->places[i].key, key))
			continue;
		tell_line(l, key, "the key was given before; a list is written with commas");
		return false;
	}
	add_place(l, key, l->line);
	return true;
}

static int handle_pair(void *ctx, const char *section, const char *name, const char *value)
{
	struct load *l = ctx;
	char key[80], message[256];
	snprintf(key, sizeof(key), "%.*s%s%.*s", 38, section, *section ? "." : "", 38, name);
	l->failed = !take_value(l, key, value);
	if (l->failed)
		return 1;
	l->failed = options_set(l->config, key, l->value.data, message) < 0;
	if (l->failed)
		tell_line(l, key, "%s", message);
	return 1;
}

static void load_file(struct load *l)
{
	size_t told = l->errors->size;
	l->file = fopen(l->name, "re");
	if (!l->file) {
		buf_printf(l->errors, "%s: %s\n", l->name, err_str(errno));
		return;
	}
	int line = ini_parse_stream(read_line, l, handle_pair, l);
	if (line > 0 && l->errors->size == told) {
		l->line = line;
		tell_line(l, "", "expected [section] or key = value");
	}
	if (ferror(l->file))
		buf_printf(l->errors, "%s: cannot be read\n", l->name);
	fclose(l->file);
}

static void load_flags(struct load *l, const struct config_sources *sources)
{
	char message[256], key[80];
	for (size_t i = 0; i < sources->flag_count; i++) {
		const char *flag = sources->flags[i], *equals = strchr(flag, '=');
		if (!equals || (size_t)(equals - flag) >= sizeof(key)) {
			buf_printf(l->errors, "--%s: expected --section.key=value\n", flag);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(equals - flag), flag);
		add_place(l, key, 0);
		if (options_set(l->config, key, equals + 1, message) < 0)
			tell_key(l, key, "%s", message);
	}
}

static void check_listen(struct load *l, const char *key, const struct main_list *list)
{
	struct net_addr addr;
	if (list->count == 0)
		tell_key(l, key, "at least one address is needed");
	if (list->count > LISTEN_MAX)
		tell_key(l, key, "more than %d addresses", LISTEN_MAX);
	for (size_t i = 0; i < list->count; i++)
		if (net_addr_parse(list->items[i], 0, &addr) < 0)
			tell_key(l, key,
				"'%.200s' is not an address with a port, such as 127.0.0.1:53 or [::1]:53",
				list->items[i]);
}

/* What the table cannot say about the value of one key. */
static void check_values(struct load *l)
{
	const struct main_config *config = l->config;
	enum log_level level;
	enum log_format format;
	char message[256];
	check_listen(l, "dns.listen", &config->dns.listen);
	check_listen(l, "http.listen", &config->http.listen);
	if (log_parse_level(config->log.level, &level) < 0)
		tell_key(l, "log.level", "'%s' is none of debug, info, warn, error", config->log.level);
	if (log_parse_format(config->log.format, &format) < 0)
		tell_key(l, "log.format", "'%s' is neither logfmt nor json", config->log.format);
	if (config->process.user[0] && !getpwnam(config->process.user))
		tell_key(l, "process.user", "there is no user '%s'", config->process.user);
	if (config->http.token_file[0] && sidecar_check_token(config->http.token_file, message) < 0)
		tell_key(l, "http.token_file", "%s", message);
	if (config->http.wait_default > config->http.wait_max)
		tell_key(l, "http.wait_default", "longer than http.wait_max");
}

/* Notes which zone a file names. In a list, so a comma in the name is written as its number. */
static void note_zone(size_t at, const uint8_t *name, size_t size, void *ctx)
{
	struct main_config *config = ctx;
	char text[WIRE_NAME_TEXT];
	struct buf item = {0};
	if (at < config->zone.name.count)
		return;
	for (const char *p = wire_name_format(name, size, text); *p; p++)
		buf_add(&item, *p == ',' ? "\\044" : p, *p == ',' ? 4 : 1);
	config->zone.of_file.items[at - config->zone.name.count] = mem_strdup(item.data);
	buf_finish(&item);
}

/* Reads the zone files, and notes what a child must know of them even when they cannot be read any more. */
static void check_zones(struct load *l)
{
	struct main_config *config = l->config;
	struct wiring_zones zones;
	char message[512];
	if (config->zone.name.count + config->zone.file.count > WIRING_ZONES_MAX) {
		tell_key(l, config->zone.file.count ? "zone.file" : "zone.name",
			"more than %d zones and zone files", WIRING_ZONES_MAX);
		return;
	}
	options_list_finish(&config->zone.of_file);
	wiring_zones(config, &zones);
	config->zone.of_file =
		(struct main_list){.items = mem_alloc(config->zone.file.count * sizeof(char *)),
			.count = config->zone.file.count};
	if (view_check_zones(&zones.view, note_zone, config, message) < 0)
		buf_printf(l->errors, "%s\n", message);
}

/* Whether good values fit together; the zone files are read for it. */
static void check_whole(struct load *l)
{
	const struct main_config *config = l->config;
	char message[512];
	struct buf text = {0};
	check_zones(l);
	if (l->errors->size == 0)
		options_serialize(config, &text);
	if (text.size > CONFIG_MAX)
		buf_printf(l->errors, "the config is larger than %d bytes\n", CONFIG_MAX);
	buf_finish(&text);
	struct net_addr addrs[LISTEN_MAX];
	for (size_t i = 0; i < config->http.listen.count; i++)
		net_addr_parse(config->http.listen.items[i], 0, &addrs[i]);
	if (sidecar_check_bind(
		    addrs, config->http.listen.count, config->http.token_file[0] != '\0', message) < 0)
		tell_key(l, "http.listen", "%s", message);
	const char *key;
	if (relay_check(config, &key, message) < 0)
		tell_key(l, key, "%s", message);
}

int config_load(const struct config_sources *sources, struct main_config *ret, struct buf *ret_errors)
{
	struct main_config config;
	struct load l = {.name = sources->file, .config = &config, .errors = ret_errors};
	options_defaults(&config);
	if (sources->file)
		load_file(&l);
	load_flags(&l, sources);
	check_values(&l);
	if (ret_errors->size == 0)
		check_whole(&l);
	free(l.places);
	buf_finish(&l.value);
	if (ret_errors->size) {
		options_finish(&config);
		return -EINVAL;
	}
	*ret = config;
	return 0;
}

/* What would be in force: `fresh` as far as it needs no restart. */
static void make_candidate(
	const struct main_config *in_force, const struct main_config *fresh, struct main_config *ret)
{
	options_copy(in_force, ret);
	options_take_live(ret, fresh);
}

/* Names were judged by the longest zone when they were registered, so no zone may come that is longer. */
static void check_longest(struct load *l, const struct main_config *in_force)
{
	int longest = (int)wiring_zone_size(in_force);
	uint8_t wire[WIRE_NAME_MAX];
	for (size_t i = 0; i < l->config->zone.of_file.count; i++)
		if (wire_name_parse(l->config->zone.of_file.items[i], wire) > longest)
			buf_printf(l->errors,
				"%s: zone %s has a longer name than all zones so far; that needs a restart\n",
				l->config->zone.file.items[i], l->config->zone.of_file.items[i]);
}

int config_reload(const struct config_sources *sources, const struct main_config *started,
	const struct main_config *in_force, struct main_config *ret, struct buf *ret_restart,
	struct buf *ret_errors)
{
	struct main_config fresh, candidate;
	struct load l = {.config = &candidate, .errors = ret_errors};
	if (config_load(sources, &fresh, ret_errors) < 0)
		return -EINVAL;
	options_need_restart(started, &fresh, ret_restart);
	make_candidate(in_force, &fresh, &candidate);
	options_finish(&fresh);
	/* What is good by itself may be none with the old values; without those it is what was checked. */
	if (ret_restart->size)
		check_whole(&l);
	if (ret_restart->size && ret_errors->size)
		buf_printf(ret_errors, "these need a restart, so their old values count: %s\n",
			ret_restart->data);
	if (ret_errors->size == 0)
		check_longest(&l, in_force);
	if (ret_errors->size) {
		options_finish(&candidate);
		return -EINVAL;
	}
	*ret = candidate;
	return 0;
}
