#include "auth/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"

/* 4096 refusals of 24 bytes. A key has one set of places, of which the one that is over first is taken. */
#define SETS 1024
#define WAYS 4

/*
 * Another process may give tokens back (a right password), of which nobody tells
 * this one: so the database is asked again after a while, though not at every attempt.
 */
#define HOLD_MS 5000

struct refusal {
	uint64_t key;
	int64_t ask_ms; /* clock_ms() from when on the database is asked again */
	int64_t free_ms; /* when it said that it will let in */
};

static struct {
	pthread_mutex_t lock; /* never held over anything that waits */
	struct refusal set[SETS][WAYS];
	unsigned char key[crypto_generichash_KEYBYTES];
} memory = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
throttle_init(void)
{
	randombytes_buf(memory.key, sizeof(memory.key));
	memset(memory.set, 0, sizeof(memory.set));
}

/* Keyed, so that nobody can look for names that share a place. */
static uint64_t
key_of(enum throttle_bucket bucket, const char *username, const char *address)
{
	unsigned char hash[crypto_generichash_BYTES_MIN], kind = (unsigned char)bucket;
	crypto_generichash_state state;
	uint64_t key;

	crypto_generichash_init(&state, memory.key, sizeof(memory.key), sizeof(hash));
	crypto_generichash_update(&state, &kind, 1);
	if (bucket != THROTTLE_ACCOUNT)
		crypto_generichash_update(
		    &state, (const unsigned char *)address, strlen(address) + 1);
	if (bucket != THROTTLE_ADDRESS) {
		for (const char *p = username; *p != '\0'; p++) {
			unsigned char c = (unsigned char)*p;

			/* Other letters have two entries, one for each case. */
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

int64_t
throttle_wait_ms(const char *username, const char *address)
{
	int64_t now = clock_ms(), wait = 0;

	for (int b = THROTTLE_PAIR; b <= THROTTLE_ACCOUNT && wait == 0; b++) {
		uint64_t key = key_of((enum throttle_bucket)b, username, address);
		const struct refusal *r;

		pthread_mutex_lock(&memory.lock);
		r = find(key);
		if (r != NULL && r->ask_ms > now)
			wait = r->free_ms - now;
		pthread_mutex_unlock(&memory.lock);
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
