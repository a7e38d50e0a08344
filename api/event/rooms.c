#include "event/rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ROOM 8
/* Of a webhook whose attempts fail or hang, and of others when few slots are left. */
#define ROOM_FEW 2
/* So many slots nobody takes beyond ROOM_FEW. */
#define RESERVED 64
/* While half of the slots are in use, an attempt that takes longer hangs. */
#define HANGS_US 1000000
/* Of a webhook so many are claimed ahead, when the last attempts of its slots and those under way took less time. */
#define AHEAD	 8
#define QUICK_US 100000
#define ID_SIZE	 20

struct enabled {
	int64_t id;
	bool failing;
	bool hangs; /* one of its attempts */
	bool quick, slow; /* one of its slots' last attempts, or slow: one under way */
	int under_way;
	int waiting; /* claimed, and not under way yet */
};

static struct {
	struct enabled *enabled; /* in the order of their ids */
	int n;
	int turn; /* where the next call begins */
	int left; /* free slots */
	bool scarce;
} self;

int
rooms_learn(const struct result *rows, bool *ret_more)
{
	int n = result_rows(rows);

	self.enabled = realloc(self.enabled, (size_t)(n > 0 ? n : 1) * sizeof(*self.enabled));
	if (self.enabled == NULL)
		abort();
	*ret_more = false;
	for (int i = 0; i < n; i++) {
		self.enabled[i] =
		    (struct enabled){ .id = strtoll(result_text(rows, i, 0), NULL, 10),
			    .failing = result_true(rows, i, 1) };
		*ret_more = result_true(rows, i, 2);
	}
	self.n = n;
	return n;
}

static int
by_id(const void *a, const void *b)
{
	const struct enabled *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* NULL: it is not enabled. */
static struct enabled *
enabled_of(int64_t webhook)
{
	const struct enabled key = { .id = webhook };

	return self.n > 0 ? bsearch(&key, self.enabled, (size_t)self.n, sizeof(key), by_id) : NULL;
}

void
rooms_count(const struct attempt *attempts, int busy)
{
	const int64_t now_us = clock_us();

	self.left = SLOTS - busy;
	self.scarce = busy >= SLOTS / 2;
	for (int i = 0; i < self.n; i++) {
		struct enabled *e = &self.enabled[i];

		e->under_way = 0;
		e->hangs = e->quick = e->slow = false;
	}
	for (int i = 0; i < SLOTS; i++) {
		const struct attempt *a = &attempts[i];
		struct enabled *e = a->webhook != 0 ? enabled_of(a->webhook) : NULL;

		if (e == NULL)
			continue;
		e->under_way += a->busy;
		e->hangs |= a->busy && now_us - a->began_us > HANGS_US;
		e->quick |= a->took_us > 0;
		e->slow |= a->took_us > QUICK_US || (a->busy && now_us - a->began_us > QUICK_US);
	}
}

/* How many more attempts of a webhook may begin while so many slots are free. */
static int
room_of(const struct enabled *e, int left)
{
	int few = ROOM_FEW - e->under_way,
	    n = e->failing || (e->hangs && self.scarce) ? few : ROOM - e->under_way;

	if (n > left - RESERVED)
		n = few > left - RESERVED ? few : left - RESERVED;
	return n < left ? n : left;
}

bool
rooms_take(int64_t webhook)
{
	struct enabled *e = enabled_of(webhook);

	if (e == NULL || room_of(e, self.left) <= 0)
		return false;
	e->under_way++;
	self.left--;
	return true;
}

static void
count_waiting(const int64_t *waiting, int n)
{
	for (int i = 0; i < self.n; i++)
		self.enabled[i].waiting = 0;
	for (int i = 0; i < n; i++) {
		struct enabled *e = enabled_of(waiting[i]);

		if (e != NULL)
			e->waiting++;
	}
}

/* How many deliveries of a webhook may be claimed ahead. */
static int
ahead_of(const struct enabled *e, int left)
{
	if (!e->quick || e->slow || e->failing)
		return 0;
	return left < AHEAD ? left : AHEAD;
}

bool
rooms_text(const int64_t *waiting, int n, char **ret_webhooks, char **ret_rooms)
{
	size_t size = (size_t)self.n * (ID_SIZE + 1) + 3;
	char *ids = malloc(size), *counts = malloc(size), *p = ids, *q = counts;
	int left = self.left, ahead = ROOMS_AHEAD;

	if (ids == NULL || counts == NULL)
		abort();
	count_waiting(waiting, n);
	for (int i = 0; i < self.n && left > 0; i++) {
		const struct enabled *e = &self.enabled[(self.turn + i) % self.n];
		int room = room_of(e, left), more = ahead_of(e, ahead);

		left -= room > 0 ? room : 0;
		ahead -= more;
		more += (room > 0 ? room : 0) - e->waiting;
		/* Few at once cost as much as many: a claim passes over all that are leased. */
		if (more <= 0 || e->waiting > AHEAD / 2)
			continue;
		p += sprintf(p, "%c%lld", p == ids ? '{' : ',', (long long)e->id);
		q += sprintf(q, "%c%d", q == counts ? '{' : ',', more);
	}
	self.turn = self.n > 0 ? (self.turn + SLOTS / ROOM) % self.n : 0;
	if (p == ids) {
		free(ids);
		free(counts);
		return false;
	}
	memcpy(p, "}", 2);
	memcpy(q, "}", 2);
	*ret_webhooks = ids;
	*ret_rooms = counts;
	return true;
}

void
rooms_free(void)
{
	free(self.enabled);
	self.enabled = NULL;
	self.n = 0;
}
