#include "base/siphash.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct siphash_key siphash_key_random(void)
{
	struct siphash_key key;

	/* Up to 256 bytes come whole once the pool is ready, but a signal may interrupt the wait for that. */
	while (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		if (errno != EINTR)
			abort();
	return key;
}

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void compress(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	siphash_round(v);
	v[0] ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t size)
{
	uint64_t v[4] = {
		key->k0 ^ UINT64_C(0x736f6d6570736575),
		key->k1 ^ UINT64_C(0x646f72616e646f6d),
		key->k0 ^ UINT64_C(0x6c7967656e657261),
		key->k1 ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *p = bytes;
	uint64_t word, last = (uint64_t)size << 56;
	size_t i, left = size;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		compress(v, le64toh(word));
	}
	for (i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	compress(v, last);
	v[2] ^= 0xff;
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
