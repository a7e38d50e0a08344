#include "auth/fair_share.h"

#include <pthread.h>
#include <stddef.h>

#include "base/base.h"

/* An account's bucket is one of a few neighbours, so that a look costs the same however many there are. */
#define SHARDS	   16
#define SLOTS	   512 /* of a shard */
#define NEIGHBOURS 8

struct bucket {
	int64_t advisor_id; /* 0: free */
	int64_t at_us; /* when `tokens` was right */
	double tokens;
	int64_t slot_us; /* the last that a paused request took; it may be over */
};

static struct shard {
	pthread_mutex_t lock;
	struct bucket buckets[SLOTS];
} shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

/* Ids follow each other; their neighbours should not. (Fibonacci hashing: 2^64 by the golden ratio.) */
static uint64_t
hash_of(int64_t id)
{
	return (uint64_t)id * 0x9e3779b97f4a7c15U;
}

/* The account's bucket, or a full one in place of the neighbour that was quiet for longest. */
static struct bucket *
bucket_of(struct shard *shard, int64_t advisor_id, double quota, int64_t now_us)
{
	size_t first = (size_t)(hash_of(advisor_id) >> 40) % SLOTS;
	struct bucket *quietest = NULL;

	for (size_t i = 0; i < NEIGHBOURS; i++) {
		struct bucket *b = &shard->buckets[(first + i) % SLOTS];

		if (b->advisor_id == advisor_id)
			return b;
		if (quietest == NULL || b->at_us < quietest->at_us)
			quietest = b;
	}
	*quietest = (struct bucket){ advisor_id, now_us, quota, 0 };
	return quietest;
}

static int
seconds_for(double tokens, int rate_per_s)
{
	double s = tokens / rate_per_s;

	return (int)s + (s > (double)(int)s);
}

/* Until the next free slot, which is taken; the last that there may be serves any number. */
static int
pause_of(struct bucket *b, int rate_per_s, int64_t now_us)
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
	bool taken;

	pthread_mutex_lock(&shard->lock);
	b = bucket_of(shard, advisor_id, quota, now_us);
	/* Another thread may have read the clock later and come first. */
	if (now_us > b->at_us) {
		b->tokens += (double)(now_us - b->at_us) / 1e6 * rate_per_s;
		b->at_us = now_us;
	}
	if (b->tokens > quota)
		b->tokens = quota;
	taken = b->tokens >= 1;
	b->tokens -= taken;
	tokens = b->tokens;
	ret_share->pause_us = 0;
	if (!taken)
		ret_share->pause_us = FAIR_SHARE_PAUSE_MS * 1000;
	else if (quota - tokens > FAIR_SHARE_BURST)
		ret_share->pause_us = pause_of(b, rate_per_s, now_us);
	pthread_mutex_unlock(&shard->lock);
	ret_share->quota = quota;
	ret_share->left = (int)tokens;
	ret_share->full_s = seconds_for(quota - tokens, rate_per_s);
	ret_share->wait_s = taken ? 0 : seconds_for(1 - tokens, rate_per_s);
	return taken;
}
