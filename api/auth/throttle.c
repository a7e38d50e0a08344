#include "auth/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"

/* 4096 refusals of 24 bytes, set-associative: a new one replaces that of its set that ends first. */
#define SETS 1024
#define WAYS 4

/*
 * A sign-in through another process may free the buckets, of which this process
 * is not notified: so it asks the database again after this time at the latest.
 */
#define HOLD_MS 5000

struct refusal {
	uint64_t key;
	int64_t ask_ms; /* clock_ms() from which on the database is asked again */
	int64_t free_ms; /* clock_ms() at which the database will allow an attempt */
};

/* A Bloom filter of known addresses, 128 KiB: 10,000 entries give 1 false positive in 2,500. */
#define KNOWN_BITS 1048576U

static _Atomic uint32_t known[KNOWN_BITS / 32];

static struct {
	pthread_mutex_t lock; /* never held while waiting for anything */
	struct refusal set[SETS][WAYS];
	unsigned char key[crypto_generichash_KEYBYTES];
} memory = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
throttle_init(void)
{
	randombytes_buf(memory.key, sizeof(memory.key));
	memset(memory.set, 0, sizeof(memory.set));
}

/* Keyed, so that an attacker cannot find names that share a set. */
static uint64_t
key_of(enum throttle_bucket bucket, const char *username, const char *address)
{
	unsigned char hash[crypto_generichash_BYTES_MIN], kind = (unsigned char)bucket;
	crypto_generichash_state state;
	uint64_t key;

	crypto_generichash_init(&state, memory.key, sizeof(memory.key), sizeof(hash));
	crypto_generichash_update(&state, &kind, 1);
	if (bucket == THROTTLE_PAIR || bucket == THROTTLE_ADDRESS)
		crypto_generichash_update(
		    &state, (const unsigned char *)address, strlen(address) + 1);
	if (bucket != THROTTLE_ADDRESS) {
		for (const char *p = username; *p != '\0'; p++) {
			unsigned char c = (unsigned char)*p;

			/* ASCII only: other letters just get an entry for each case. */
			if (c >= 'a' && c <= 'z')
				c = (unsigned char)(c - 'a' + 'A');
			crypto_generichash_update(&state, &c, 1);
		}
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(&key, hash, sizeof(key));
	return key;
}

static struct refusal *
find(uint64_t key)
{
	struct refusal *set = memory.set[key % SETS];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
	}
	return NULL;
}

static struct refusal *
place_for(uint64_t key)
{
	struct refusal *set = memory.set[key % SETS], *place = find(key);

	if (place != NULL)
		return place;
	place = &set[0];
	for (int i = 1; i < WAYS; i++) {
		if (set[i].ask_ms < place->ask_ms)
			place = &set[i];
	}
	return place;
}

/* The two bits of the Bloom filter for a hash: from its first 8 bytes. */
static void
bits_of(const unsigned char hash[static 8], uint32_t ret_bits[static 2])
{
	memcpy(ret_bits, hash, 2 * sizeof(*ret_bits));
	ret_bits[0] %= KNOWN_BITS;
	ret_bits[1] %= KNOWN_BITS;
}

/* The same as known_address_hash() in SQL. */
static void
hash_pair(const char *username, const char *address,
    unsigned char ret_hash[static crypto_hash_sha256_BYTES])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)"account ", 8);
	for (const char *p = username; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 'a' && c <= 'z')
			c = (unsigned char)(c - 'a' + 'A');
		crypto_hash_sha256_update(&state, &c, 1);
	}
	crypto_hash_sha256_update(&state, (const unsigned char *)" address ", 9);
	crypto_hash_sha256_update(&state, (const unsigned char *)address, strlen(address));
	crypto_hash_sha256_final(&state, ret_hash);
}

static void
know(const unsigned char hash[static 8])
{
	uint32_t bits[2];

	bits_of(hash, bits);
	for (int i = 0; i < 2; i++)
		atomic_fetch_or_explicit(
		    &known[bits[i] / 32], 1U << bits[i] % 32, memory_order_relaxed);
}

void
throttle_know(const char *username, const char *address)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	hash_pair(username, address, hash);
	know(hash);
}

void
throttle_know_hash(const char *hex)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	size_t length;

	if (sodium_hex2bin(hash, sizeof(hash), hex, strlen(hex), NULL, &length, NULL) == 0 &&
	    length == sizeof(hash))
		know(hash);
}

/* Whether the filter has the hash. */
static bool
has(const unsigned char hash[static 8])
{
	uint32_t bits[2];

	bits_of(hash, bits);
	for (int i = 0; i < 2; i++) {
		if ((atomic_load_explicit(&known[bits[i] / 32], memory_order_relaxed) &
			1U << bits[i] % 32) == 0)
			return false;
	}
	return true;
}

static bool
is_known(const char *username, const char *address)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	hash_pair(username, address, hash);
	return has(hash);
}

bool
throttle_knows_hash(const char *hex)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	size_t length;

	return sodium_hex2bin(hash, sizeof(hash), hex, strlen(hex), NULL, &length, NULL) == 0 &&
	       length == sizeof(hash) && has(hash);
}

int64_t
throttle_wait_ms(const char *username, const char *address)
{
	int64_t now = clock_ms(), wait = 0;

	for (int b = THROTTLE_PAIR; b <= THROTTLE_SIGN_INS && wait == 0; b++) {
		uint64_t key = key_of((enum throttle_bucket)b, username, address);
		const struct refusal *r;

		pthread_mutex_lock(&memory.lock);
		r = find(key);
		if (r != NULL && r->ask_ms > now)
			wait = r->free_ms - now;
		pthread_mutex_unlock(&memory.lock);
		/* At a known address, attempts of other accounts and from other addresses do not count. */
		if (wait > 0 && (b == THROTTLE_ADDRESS || b == THROTTLE_ACCOUNT) &&
		    is_known(username, address))
			wait = 0;
	}
	return wait;
}

void
throttle_refused(enum throttle_bucket bucket, const char *username, const char *address,
    int64_t asked_ms, int64_t wait_ms)
{
	uint64_t key = key_of(bucket, username, address);
	int64_t hold_ms = wait_ms < HOLD_MS ? wait_ms : HOLD_MS;

	pthread_mutex_lock(&memory.lock);
	*place_for(key) = (struct refusal){ key, asked_ms + hold_ms, asked_ms + wait_ms };
	pthread_mutex_unlock(&memory.lock);
}

void
throttle_forget(const char *username, const char *address)
{
	for (int b = THROTTLE_PAIR; b <= THROTTLE_ACCOUNT; b++) {
		uint64_t key = key_of((enum throttle_bucket)b, username, address);
		struct refusal *r;

		pthread_mutex_lock(&memory.lock);
		r = find(key);
		if (r != NULL)
			r->ask_ms = 0;
		pthread_mutex_unlock(&memory.lock);
	}
}
