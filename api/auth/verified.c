#include "auth/verified.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

/* Some 100 bytes each. Two tokens that share a slot evict each other and are verified in full. */
#define SLOTS 4096
#define LOCKS 64

struct entry {
	unsigned char hash[VERIFIED_HASH_BYTES];
	struct claims claims;
	int64_t from;
};

static struct entry slots[SLOTS];
static pthread_mutex_t locks[LOCKS];
static unsigned char key[crypto_generichash_KEYBYTES];

void
verified_init(void)
{
	memset(slots, 0, sizeof(slots));
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&locks[i], NULL);
	randombytes_buf(key, sizeof(key));
}

void
verified_hash(const char *token, size_t length, unsigned char ret_hash[static VERIFIED_HASH_BYTES])
{
	crypto_generichash(
	    ret_hash, VERIFIED_HASH_BYTES, (const unsigned char *)token, length, key, sizeof(key));
}

static size_t
slot_of(const unsigned char *hash)
{
	return (size_t)(hash[0] | hash[1] << 8) % SLOTS;
}

bool
verified_find(
    const unsigned char hash[static VERIFIED_HASH_BYTES], int64_t now, struct claims *ret_claims)
{
	size_t slot = slot_of(hash);
	const struct entry *e = &slots[slot];
	bool valid;

	pthread_mutex_lock(&locks[slot % LOCKS]);
	valid = memcmp(e->hash, hash, VERIFIED_HASH_BYTES) == 0 && e->from <= now &&
		now < e->claims.expires;
	if (valid)
		*ret_claims = e->claims;
	pthread_mutex_unlock(&locks[slot % LOCKS]);
	return valid;
}

void
verified_keep(
    const unsigned char hash[static VERIFIED_HASH_BYTES], const struct claims *claims, int64_t from)
{
	size_t slot = slot_of(hash);
	struct entry *e = &slots[slot];

	pthread_mutex_lock(&locks[slot % LOCKS]);
	memcpy(e->hash, hash, VERIFIED_HASH_BYTES);
	e->claims = *claims;
	e->from = from;
	pthread_mutex_unlock(&locks[slot % LOCKS]);
}
