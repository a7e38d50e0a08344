#include "event/ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/rooms.h"

/* A claim asks for the free slots and ROOMS_AHEAD, less those that wait. When fewer slots became free for a webhook, some more wait for a moment. */
#define MAX	(2 * SLOTS + ROOMS_AHEAD)
#define ID_SIZE 20

enum { ID, WEBHOOK, LEASE, EVENT_ID, URL, SECRET, SECRET_PREVIOUS, BODY };

/* The rows of a claim, freed with the last one that waits. */
struct batch {
	struct result *rows;
	int left;
};

static struct {
	int n;
	/* The oldest first. */
	int64_t webhook[MAX];
	struct {
		struct batch *batch;
		int row;
		int64_t at_ms;
	} from[MAX];
} self;

static void
forget(struct batch *b)
{
	if (--b->left > 0)
		return;
	result_free(b->rows);
	free(b);
}

void
ahead_add(struct result *rows, int64_t now_ms)
{
	struct batch *b = malloc(sizeof(*b));

	if (b == NULL)
		abort();
	*b = (struct batch){ .rows = rows, .left = 1 };
	for (int i = 0; i < result_rows(rows) && self.n < MAX; i++, self.n++, b->left++) {
		self.webhook[self.n] = strtoll(result_text(rows, i, WEBHOOK), NULL, 10);
		self.from[self.n].batch = b;
		self.from[self.n].row = i;
		self.from[self.n].at_ms = now_ms;
	}
	forget(b);
}

void
ahead_begin(void (*begin)(int64_t webhook, const struct claimed *c))
{
	int kept = 0;

	for (int i = 0; i < self.n; i++) {
		const struct result *rows = self.from[i].batch->rows;
		int row = self.from[i].row;

		if (!rooms_take(self.webhook[i])) {
			self.webhook[kept] = self.webhook[i];
			self.from[kept++] = self.from[i];
			continue;
		}
		begin(self.webhook[i],
		    &(struct claimed){ .id = result_text(rows, row, ID),
			.lease = result_text(rows, row, LEASE),
			.event_id = result_text(rows, row, EVENT_ID),
			.url = result_text(rows, row, URL),
			.body = result_text(rows, row, BODY),
			.body_length = result_length(rows, row, BODY),
			.secret = result_text(rows, row, SECRET),
			.secret_previous = result_text(rows, row, SECRET_PREVIOUS) });
		forget(self.from[i].batch);
	}
	self.n = kept;
}

bool
ahead_give_back(int64_t until_ms, char **ret_ids, char **ret_leases)
{
	int n = 0;
	char *ids, *leases, *p, *q;

	while (n < self.n && self.from[n].at_ms <= until_ms)
		n++;
	if (n == 0)
		return false;
	p = ids = malloc((size_t)n * (ID_SIZE + 1) + 3);
	q = leases = malloc((size_t)n * (LEASE_SIZE + 3) + 3);
	if (ids == NULL || leases == NULL)
		abort();
	for (int i = 0; i < n; i++) {
		const struct result *rows = self.from[i].batch->rows;

		p +=
		    sprintf(p, "%c%s", i == 0 ? '{' : ',', result_text(rows, self.from[i].row, ID));
		q += sprintf(
		    q, "%c\"%s\"", i == 0 ? '{' : ',', result_text(rows, self.from[i].row, LEASE));
		forget(self.from[i].batch);
	}
	strcpy(p, "}");
	strcpy(q, "}");
	self.n -= n;
	memmove(self.webhook, self.webhook + n, (size_t)self.n * sizeof(*self.webhook));
	memmove(self.from, self.from + n, (size_t)self.n * sizeof(*self.from));
	*ret_ids = ids;
	*ret_leases = leases;
	return true;
}

int64_t
ahead_due(void)
{
	return self.n > 0 ? self.from[0].at_ms + AHEAD_MS : INT64_MAX;
}

int
ahead_waiting(const int64_t **ret_webhooks)
{
	*ret_webhooks = self.webhook;
	return self.n;
}
