/* siphash.h -- SipHash-1-3 of short byte strings: a keyed hash that a stranger cannot collide.
 *
 * Our own because it sits on the query path (one call a query, no allocation): OpenSSL's SIPHASH goes through
 * EVP_MAC contexts. Checked against OpenSSL on the authors' key and inputs. Aumasson and Bernstein,
 * "SipHash", 2012. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* A key from getrandom(2). */
struct siphash_key siphash_key_random(void);

/* The SipHash-1-3 of `size` bytes under `key`. */
uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size);
