/* proof.h -- a registered name, looked up as every program does it, beside what svcdns answers itself. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct cli;

enum proof_verdict {
	PROOF_NO_SERVER,  /* svcdns does not answer */
	PROOF_NO_SERVICE, /* nothing healthy is registered that could be looked up */
	PROOF_NOT_FOUND,  /* getaddrinfo finds nothing */
	PROOF_OTHER,      /* it finds addresses, none of which svcdns has */
	PROOF_YES,        /* it finds addresses of svcdns, but for what a cache may hold for a TTL */
};

struct proof {
	enum proof_verdict verdict;
	const char *name;  /* what was looked up; NULL if nothing was */
	json_t *direct;    /* addresses, an array of text, as svcdns answers; the caller's to free */
	json_t *found;     /* as getaddrinfo finds them */
	const char *error; /* of getaddrinfo, "" for none; static */
};

/* Looks up `name` (with the zone or without), or a healthy service for NULL. What cannot be asked is told on
 * stderr. End with proof_finish(). */
void proof_make(struct cli *cli, const char *name, struct proof *ret);

/* Frees the arrays. */
void proof_finish(struct proof *proof);
