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
#define ID_SIZE	 20

struct enabled {
	int64_t id;
	bool failing;
	bool hangs; /* one of its attempts */
	int under_way;
};

static struct {
	struct enabled *enabled; /* in the order of their ids */
	int n;
	int turn; /* where the next call begins */
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

static void
count_under_way(const struct attempt *attempts)
{
	const int64_t before_us = clock_us() - HANGS_US;

	for (int i = 0; i < self.n; i++) {
		self.enabled[i].under_way = 0;
		self.enabled[i].hangs = false;
	}
	for (int i = 0; i < SLOTS; i++) {
		const struct enabled key = { .id = attempts[i].webhook };
		struct enabled *e = NULL;

		if (attempts[i].busy && self.n > 0)
			e = bsearch(&key, self.enabled, (size_t)self.n, sizeof(key), by_id);
		if (e != NULL) {
			e->under_way++;
			e->hangs |= attempts[i].began_us < before_us;
		}
	}
}

/* How many more attempts of a webhook may begin while so many slots are free. */
static int
room_of(const struct enabled *e, int left, bool scarce)
{
	int few = ROOM_FEW - e->under_way,
	    n = e->failing || (e->hangs && scarce) ? few : ROOM - e->under_way;

	if (n > left - RESERVED)
		n = few > left - RESERVED ? few : left - RESERVED;
	return n < left ? n : left;
}

bool
rooms_text(const struct attempt *attempts, int busy, char **ret_webhooks, char **ret_rooms)
{
	size_t size = (size_t)self.n * (ID_SIZE + 1) + 3;
	char *ids = malloc(size), *room = malloc(size), *p = ids, *q = room;
	int left = SLOTS - busy;
	const bool scarce = busy >= SLOTS / 2;

	if (ids == NULL || room == NULL)
		abort();
	count_under_way(attempts);
	for (int i = 0; i < self.n && left > 0; i++) {
		const struct enabled *e = &self.enabled[(self.turn + i) % self.n];
		int n = room_of(e, left, scarce);

		if (n <= 0)
			continue;
		left -= n;
		p += sprintf(p, "%c%lld", p == ids ? '{' : ',', (long long)e->id);
		q += sprintf(q, "%c%d", q == room ? '{' : ',', n);
	}
	self.turn = self.n > 0 ? (self.turn + SLOTS / ROOM) % self.n : 0;
	if (p == ids) {
		free(ids);
		free(room);
		return false;
	}
	memcpy(p, "}", 2);
	memcpy(q, "}", 2);
	*ret_webhooks = ids;
	*ret_rooms = room;
	return true;
}

void
rooms_free(void)
{
	free(self.enabled);
	self.enabled = NULL;
	self.n = 0;
}
