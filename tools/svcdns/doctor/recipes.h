/* recipes.h -- the files of doc/recipes, built into the program, and where each goes.
 *
 * One row a recipe. The texts are static, with placeholders; recipes_fill() puts addresses and zone in. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "net/addr.h"

#define RECIPE_PIECES 2

struct recipe_piece {
	const char *path; /* where it goes; NULL ends the list */
	const char *how;  /* what to do there: "write" or "add to" ... */
	const char *text;
};

struct recipe {
	const char *name;   /* as --print takes it */
	const char *title;  /* what it is for */
	const char *reload; /* the command after which it holds; NULL if none is needed */
	bool port_53;       /* it cannot name a port: svcdns must listen on 53 */
	struct recipe_piece pieces[RECIPE_PIECES + 1];
};

/* The recipe after `previous`, the first one for NULL; NULL at the end. */
const struct recipe *recipes_next(const struct recipe *previous);

/* The recipe of that name, NULL if there is none. */
const struct recipe *recipes_find(const char *name);

/* The text of a piece for a zone and a DNS server, in the arena. */
const char *recipes_fill(
	struct arena *arena, const struct recipe_piece *piece, const char *zone, const struct net_addr *dns);
