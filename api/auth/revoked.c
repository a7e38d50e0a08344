#include "auth/revoked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Tokens issued by a process whose clock is a little off. */
#define MARGIN_MS 60000

struct entry {
	int64_t session_id;
	int64_t until_ms;
};

static struct {
	pthread_rwlock_t lock;
	struct entry *entries; /* ascending by session_id */
	size_t count, room;
	int64_t ttl_ms;
} set = { .lock = PTHREAD_RWLOCK_INITIALIZER };

void
revoked_init(int ttl_s)
{
	set.ttl_ms = (int64_t)ttl_s * 1000 + MARGIN_MS;
}

/* The first entry whose session is not below id. */
static size_t
place_of(int64_t id)
{
	size_t low = 0, high = set.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set.entries[middle].session_id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
forget_the_old(int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < set.count; i++) {
		if (set.entries[i].until_ms > now_ms)
			set.entries[kept++] = set.entries[i];
	}
	set.count = kept;
}

void
revoked_add(int64_t session_id)
{
	int64_t now_ms = clock_ms();
	size_t at;

	pthread_rwlock_wrlock(&set.lock);
	at = place_of(session_id);
	if (at == set.count || set.entries[at].session_id != session_id) {
		if (set.count == set.room) {
			forget_the_old(now_ms);
			at = place_of(session_id);
		}
		if (set.count == set.room) {
			set.room = set.room == 0 ? 64 : set.room * 2;
			set.entries = realloc(set.entries, set.room * sizeof(*set.entries));
			/* To forget a sign-out would be worse than to start again. */
			if (set.entries == NULL)
				abort();
		}
		memmove(set.entries + at + 1, set.entries + at,
		    (set.count - at) * sizeof(*set.entries));
		set.entries[at] = (struct entry){ session_id, now_ms + set.ttl_ms };
		set.count++;
	}
	pthread_rwlock_unlock(&set.lock);
}

bool
revoked_has(int64_t session_id)
{
	size_t at;
	bool has;

	pthread_rwlock_rdlock(&set.lock);
	at = place_of(session_id);
	has = at < set.count && set.entries[at].session_id == session_id;
	pthread_rwlock_unlock(&set.lock);
	return has;
}
