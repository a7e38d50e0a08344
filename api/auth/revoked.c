#include "auth/revoked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Entries outlive tokens by this, for tokens of a process whose clock is a little off. */
#define MARGIN_MS 60000

struct entry {
	int64_t id; /* a session's or an account's */
	int64_t until_ms; /* clock_ms() at which the entry may be dropped */
	int64_t epoch, ended; /* accounts only */
};

struct set {
	struct entry *entries; /* ascending by id */
	size_t count, room;
};

static struct {
	pthread_rwlock_t lock;
	struct set sessions, accounts;
	int64_t ttl_ms;
	bool ready; /* read and written with __atomic builtins */
} self = { .lock = PTHREAD_RWLOCK_INITIALIZER };

void
revoked_init(int ttl_s)
{
	self.ttl_ms = (int64_t)ttl_s * 1000 + MARGIN_MS;
}

void
revoked_loaded(void)
{
	__atomic_store_n(&self.ready, true, __ATOMIC_RELEASE);
}

bool
revoked_ready(void)
{
	return __atomic_load_n(&self.ready, __ATOMIC_ACQUIRE);
}

/* The index of the first entry whose id is not less than this one. */
static size_t
place_of(const struct set *set, int64_t id)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->entries[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *
find(const struct set *set, int64_t id)
{
	size_t at = place_of(set, id);

	return at < set->count && set->entries[at].id == id ? &set->entries[at] : NULL;
}

static void
drop_expired(struct set *set, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->entries[i].until_ms > now_ms)
			set->entries[kept++] = set->entries[i];
	}
	set->count = kept;
}

/* The entry of this id; made if there is none. The caller holds the lock. */
static struct entry *
entry_for(struct set *set, int64_t id, int64_t now_ms)
{
	struct entry *e = find(set, id);
	size_t at;

	if (e != NULL)
		return e;
	if (set->count == set->room)
		drop_expired(set, now_ms);
	if (set->count == set->room) {
		set->room = set->room == 0 ? 64 : set->room * 2;
		set->entries = realloc(set->entries, set->room * sizeof(*set->entries));
		/* A restart is better than a lost sign-out. */
		if (set->entries == NULL)
			abort();
	}
	at = place_of(set, id);
	memmove(
	    set->entries + at + 1, set->entries + at, (set->count - at) * sizeof(*set->entries));
	set->entries[at] = (struct entry){ .id = id, .until_ms = now_ms + self.ttl_ms };
	set->count++;
	return &set->entries[at];
}

void
revoked_add(int64_t session_id)
{
	pthread_rwlock_wrlock(&self.lock);
	entry_for(&self.sessions, session_id, clock_ms());
	pthread_rwlock_unlock(&self.lock);
}

void
revoked_add_account(int64_t advisor_id, int64_t epoch, int64_t ended)
{
	int64_t now_ms = clock_ms();
	struct entry *e;

	pthread_rwlock_wrlock(&self.lock);
	e = entry_for(&self.accounts, advisor_id, now_ms);
	/* Notices may arrive out of order: an older one must not lower the epoch. */
	if (epoch > e->epoch) {
		e->epoch = epoch;
		e->until_ms = now_ms + self.ttl_ms;
	}
	if (ended > e->ended)
		e->ended = ended;
	pthread_rwlock_unlock(&self.lock);
}

bool
revoked_has(int64_t session_id)
{
	bool has;

	pthread_rwlock_rdlock(&self.lock);
	has = find(&self.sessions, session_id) != NULL;
	pthread_rwlock_unlock(&self.lock);
	return has;
}

bool
revoked_token(const struct claims *claims)
{
	const struct entry *account;
	bool over;

	pthread_rwlock_rdlock(&self.lock);
	account = find(&self.accounts, claims->advisor_id);
	over = find(&self.sessions, claims->session_id) != NULL ||
	       (account != NULL &&
		   (claims->epoch >= 0 ? claims->epoch < account->epoch
				       : claims->issued <= account->ended + REVOKED_SKEW_S));
	pthread_rwlock_unlock(&self.lock);
	return over;
}
