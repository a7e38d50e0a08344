#include "auth/fair_share.h"

#include <pthread.h>
#include <stddef.h>

#include "base/base.h"

/* An account can only be in NEIGHBOURS slots, so a look-up costs the same however many there are. */
#define SHARDS	   16
#define SLOTS	   512 /* in each shard */
#define NEIGHBOURS 8

struct bucket {
	int64_t advisor_id; /* 0: unused */
	int64_t at_us; /* when `tokens` was last computed */
	double tokens;
	int64_t slot_us; /* when the last paused request goes on, or went on */
	int paused; /* requests that pause now */
};

static struct shard {
	pthread_mutex_t lock;
	struct bucket buckets[SLOTS];
} shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

/* Fibonacci hashing (2^64 / golden ratio) spreads consecutive ids over the table. */
static uint64_t
hash_of(int64_t id)
{
	return (uint64_t)id * 0x9e3779b97f4a7c15U;
}

/* The account's bucket; a new one is full and replaces the neighbour that was idle for longest. */
static struct bucket *
bucket_of(struct shard *shard, int64_t advisor_id, double quota, int64_t now_us)
{
	size_t first = (size_t)(hash_of(advisor_id) >> 40) % SLOTS;
	struct bucket *idlest = NULL;

	for (size_t i = 0; i < NEIGHBOURS; i++) {
		struct bucket *b = &shard->buckets[(first + i) % SLOTS];

		if (b->advisor_id == advisor_id)
			return b;
		if (idlest == NULL || b->at_us < idlest->at_us)
			idlest = b;
	}
	*idlest = (struct bucket){ advisor_id, now_us, quota, 0, 0 };
	return idlest;
}

/* Seconds to refill that many tokens, rounded up. */
static int
seconds_for(double tokens, int rate_per_s)
{
	double s = tokens / rate_per_s;

	return (int)s + (s > (double)(int)s);
}

/*
 * Takes the next free slot and returns the microseconds until it. Requests that find no free slot
 * within FAIR_SHARE_PAUSE_MS share the last one.
 */
static int
take_slot(struct bucket *b, int rate_per_s, int64_t now_us)
{
	int64_t last_us = now_us + FAIR_SHARE_PAUSE_MS * 1000;

	if (b->slot_us < now_us)
		b->slot_us = now_us;
	b->slot_us += 1000000 / rate_per_s;
	if (b->slot_us > last_us)
		b->slot_us = last_us;
	return (int)(b->slot_us - now_us);
}

bool
fair_share_take(int64_t advisor_id, int rate_per_s, int64_t now_us, struct fair_share *ret_share)
{
	struct shard *shard = &shards[hash_of(advisor_id) >> 60];
	int quota = rate_per_s * FAIR_SHARE_WINDOW_S;
	struct bucket *b;
	double tokens;
	bool taken, pauses;

	pthread_mutex_lock(&shard->lock);
	b = bucket_of(shard, advisor_id, quota, now_us);
	/* A thread that read the clock later may have been here before. */
	if (now_us > b->at_us) {
		b->tokens += (double)(now_us - b->at_us) / 1e6 * rate_per_s;
		b->at_us = now_us;
	}
	if (b->tokens > quota)
		b->tokens = quota;
	pauses = quota - b->tokens >= FAIR_SHARE_BURST || b->tokens < 1;
	taken = b->tokens >= 1 && !(pauses && b->paused >= FAIR_SHARE_PAUSED);
	b->tokens -= taken;
	tokens = b->tokens;
	ret_share->pause_us = 0;
	if (pauses && b->paused < FAIR_SHARE_PAUSED) {
		b->paused++;
		ret_share->pause_us =
		    taken ? take_slot(b, rate_per_s, now_us) : FAIR_SHARE_PAUSE_MS * 1000;
	}
	pthread_mutex_unlock(&shard->lock);
	ret_share->quota = quota;
	ret_share->left = (int)tokens;
	ret_share->full_s = seconds_for(quota - tokens, rate_per_s);
	ret_share->wait_s = taken ? 0 : tokens >= 1 ? 1 : seconds_for(1 - tokens, rate_per_s);
	return taken;
}

void
fair_share_paused(int64_t advisor_id)
{
	struct shard *shard = &shards[hash_of(advisor_id) >> 60];
	size_t first = (size_t)(hash_of(advisor_id) >> 40) % SLOTS;

	pthread_mutex_lock(&shard->lock);
	for (size_t i = 0; i < NEIGHBOURS; i++) {
		struct bucket *b = &shard->buckets[(first + i) % SLOTS];

		/* The bucket may be a new one, if the account's was forgotten meanwhile. */
		if (b->advisor_id == advisor_id && b->paused > 0)
			b->paused--;
	}
	pthread_mutex_unlock(&shard->lock);
}
