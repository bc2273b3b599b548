/* cli.h -- what every verb works with: where the server is, what was asked for, and how to say it.
 *
 * One thread, one struct cli for the life of the program. Its arena holds what lives as long; JSON belongs to
 * whoever got it. Functions that return `int` return an exit status and have told the user what went wrong.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "net/addr.h"
#include "svcdns/args.h"
#include "svcdns/http.h"

enum cli_status {
	CLI_YES = 0,     /* done */
	CLI_NO = 1,      /* not found, refused, not healthy */
	CLI_TROUBLE = 2, /* wrong usage, or the server cannot be reached */
};

#define CLI_TIMEOUT_MS 10000L /* for a request that is answered at once */

struct cli {
	struct arena *arena;
	struct args args;
	const char *http_url; /* "http://127.0.0.1:8500" */
	const char *token;    /* NULL for none */
	const char *zone;     /* by --zone, or once the server was asked; NULL before */
	struct net_addr dns;  /* by --dns, or likewise; its size is 0 before */
	bool json;
	struct http *http;
};

/* Fills in the addresses and the token from flags, then the environment, then defaults, and opens the HTTP
 * client. 0, or CLI_TROUBLE. End with cli_finish() in either case. */
int cli_init(struct cli *cli, struct arena *arena, const struct args *args);

/* Frees what cli_init() made. */
void cli_finish(struct cli *cli);

/* Prints "svcdns: ..." on stderr, control characters escaped, and returns `status`. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints a line on stdout, control characters escaped. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a result that is no 200 means to the user: prints it, and returns the exit status. `what` says what
 * was asked for ("web"), for a 404; NULL if nothing was. */
int cli_refused(const struct cli *cli, const struct http_result *result, const char *what);

/* A path: `prefix`, then `name` escaped, then `suffix` as it is ("" for none); in the arena. */
const char *cli_path(struct cli *cli, const char *prefix, const char *name, const char *suffix);

/* GET of JSON. 0 with *ret (json_decref() it), else the exit status. */
int cli_get(struct cli *cli, const char *path, json_t **ret);

/* A request without a body whose reply is told from others by its status: 0 with the status and the body (in
 * the arena), else the exit status because there was no reply. */
int cli_send(struct cli *cli, const char *method, const char *path, long *ret_status, const char **ret_body);

/* PUT; `body` may be NULL. 0 for a 200, else the exit status; `what` as for cli_refused(). */
int cli_put(struct cli *cli, const char *path, json_t *body, const char *what);

/* From now on whoever interrupts us (SIGINT, SIGTERM, SIGHUP) is told of by a descriptor that can be read. It
 * is the caller's; -1 if there is none, and the signals wait. */
int cli_watch_signals(void);

/* From now on whoever interrupts us (likewise) ends us with status 0, on the spot: for a verb that goes on
 * until it is ended, prints whole lines, and leaves nothing behind. A signal that is ignored stays so. */
void cli_end_by_signal(void);

/* The zone in which the services are: --zone, or what the server says, or "service.local" if it cannot be
 * asked. */
const char *cli_zone(struct cli *cli);

/* Where DNS is: --dns, or what the server says (at the host where HTTP is, if it says loopback or any), or
 * 127.0.0.1:8600 if it cannot be asked. */
const struct net_addr *cli_dns(struct cli *cli);

/* `name` with the zone behind it, unless it ends in it or in a dot; in the arena. */
const char *cli_full_name(struct cli *cli, const char *name);

/* The service's own name: "web" for "web.service.local" (or with a dot at its end), any other as it is; in
 * the arena. */
const char *cli_service_name(struct cli *cli, const char *name);

/* Prints `json` on stdout, indented, ASCII only. */
void cli_print_json(const json_t *json);

/* The text of a member, "" if it is not there. */
const char *cli_text(const json_t *object, const char *key);

/* The number of a member, 0 if it is not there. */
json_int_t cli_number(const json_t *object, const char *key);
