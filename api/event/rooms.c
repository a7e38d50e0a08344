#include "event/rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM	     8
#define ROOM_FAILING 2
#define ID_SIZE	     20

struct enabled {
	int64_t id;
	bool failing;
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
		self.enabled[i] = (struct enabled){ strtoll(result_text(rows, i, 0), NULL, 10),
			result_true(rows, i, 1), 0 };
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
	for (int i = 0; i < self.n; i++)
		self.enabled[i].under_way = 0;
	for (int i = 0; i < SLOTS; i++) {
		const struct enabled key = { .id = attempts[i].webhook };
		struct enabled *e = NULL;

		if (attempts[i].busy && self.n > 0)
			e = bsearch(&key, self.enabled, (size_t)self.n, sizeof(key), by_id);
		if (e != NULL)
			e->under_way++;
	}
}

bool
rooms_text(const struct attempt *attempts, int busy, char **ret_webhooks, char **ret_rooms)
{
	size_t size = (size_t)self.n * (ID_SIZE + 1) + 3;
	char *ids = malloc(size), *room = malloc(size), *p = ids, *q = room;
	int left = SLOTS - busy;

	if (ids == NULL || room == NULL)
		abort();
	count_under_way(attempts);
	for (int i = 0; i < self.n && left > 0; i++) {
		const struct enabled *e = &self.enabled[(self.turn + i) % self.n];
		int n = (e->failing ? ROOM_FAILING : ROOM) - e->under_way;

		if (n <= 0)
			continue;
		n = n < left ? n : left;
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
