#include "resource/report_count.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Twice as many as groups, so that few of them meet. */
#define SLOTS 32768
_Static_assert(SLOTS >= 2 * REPORT_ROWS_MAX, "room");

/* ------------------------------------------------------------------- groups */

static size_t
hash_of(const int64_t keys[REPORT_DIMENSIONS_MAX])
{
	uint64_t hash = 0;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		hash = (hash ^ (uint64_t)keys[i]) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	return (size_t)hash;
}

uint16_t
group_of(struct report_count *c, const int64_t keys[REPORT_DIMENSIONS_MAX])
{
	size_t slot = hash_of(keys) & (SLOTS - 1);

	for (; c->slots[slot] != 0; slot = (slot + 1) & (SLOTS - 1))
		if (memcmp(c->groups[c->slots[slot]].keys, keys, sizeof(c->groups[0].keys)) == 0)
			return c->slots[slot];
	if (c->ngroups > REPORT_ROWS_MAX)
		return 0;
	memcpy(c->groups[c->ngroups].keys, keys, sizeof(c->groups[0].keys));
	return c->slots[slot] = (uint16_t)c->ngroups++;
}

int64_t
group_contacts(const struct report_count *c, uint32_t group)
{
	const uint32_t *states = c->tally.states[group];

	return (int64_t)states[STATE_RETAINED] + states[STATE_LOST] + states[STATE_IN_PROCESS] -
	       c->tally.without[group];
}

/* The totals of dimensions that an opportunity has one value of. */
static void
add_totals(struct report_count *c)
{
	for (uint32_t group = 1; group < c->ngroups; group++) {
		for (int s = 0; s < STATES; s++)
			c->tally.states[0][s] += c->tally.states[group][s];
		c->tally.without[0] += c->tally.without[group];
	}
}

/* --------------------------------------------------------------------- keys */

struct tm
report_calendar(int64_t day)
{
	/* From 1970-01-01 to 2000-01-01 are 10957 days. */
	const time_t at = (time_t)(day + 10957) * 86400;
	struct tm tm;

	gmtime_r(&at, &tm);
	return tm;
}

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}
_Static_assert(
    offsetof(struct report_key, id) == 0 && offsetof(struct map_entry, id) == 0, "by_id");

int64_t
report_item_for(const struct report_count *c, int dimension, int64_t item)
{
	const struct map_entry *found =
	    c->maps[dimension].n == 0
		? NULL
		: bsearch(&item, c->maps[dimension].of, (size_t)c->maps[dimension].n,
		      sizeof(struct map_entry), by_id);

	return found != NULL ? found->to : item;
}

static void
take_keys(struct report_count *c)
{
	struct arena *arena = &c->r->rq->arena;
	const int rows = result_rows(c->pieces);

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		int keys = 0, maps = 0;

		for (int row = 0; row < rows; row++) {
			int64_t kind = result_number(c->pieces, row, PIECE_KIND);

			keys += kind == KEY && result_number(c->pieces, row, PIECE_A) == i;
			maps += kind == MAP && result_number(c->pieces, row, PIECE_A) == i;
		}
		c->keys[i].of = arena_alloc(arena, (size_t)(keys + 1) * sizeof(struct report_key));
		c->maps[i].of = arena_alloc(arena, (size_t)(maps + 1) * sizeof(struct map_entry));
	}
	for (int row = 0; row < rows; row++) {
		const struct result *p = c->pieces;
		int64_t kind = result_number(p, row, PIECE_KIND),
			of = result_number(p, row, PIECE_A);

		if (of < 0 || of >= REPORT_DIMENSIONS_MAX)
			continue;
		if (kind == MAP)
			c->maps[of].of[c->maps[of].n++] =
			    (struct map_entry){ result_number(p, row, PIECE_B),
				    result_number(p, row, PIECE_C) };
		if (kind == KEY)
			c->keys[of].of[c->keys[of].n++] =
			    (struct report_key){ .id = result_number(p, row, PIECE_B),
				    .rank = result_number(p, row, PIECE_C),
				    .exact = result_number(p, row, PIECE_D) != 0,
				    .code = result_text(p, row, PIECE_T1),
				    .label = result_text(p, row, PIECE_T2),
				    .username = result_text(p, row, PIECE_T3) };
	}
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		qsort(c->keys[i].of, (size_t)c->keys[i].n, sizeof(struct report_key), by_id);
		qsort(c->maps[i].of, (size_t)c->maps[i].n, sizeof(struct map_entry), by_id);
	}
}

static const struct report_key *
key_of(const struct report_count *c, int dimension, int64_t id)
{
	struct arena *arena = &c->r->rq->arena;
	const int number = c->r->dimensions[dimension].number;
	struct report_key *key;

	if (id == REPORT_NONE)
		return NULL;
	key = arena_alloc(arena, sizeof(*key));
	*key = (struct report_key){ .id = id, .rank = id };
	if (number <= MONTH) {
		const struct tm tm = report_calendar(id);
		char day[16];

		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
		key->code = arena_copy(arena, day, strlen(day));
	} else if (number < ADVISOR) {
		key->code = arena_printf(arena, "%lld", (long long)id);
	} else {
		/* NULL cannot happen: the statement lists all items and advisors. */
		return bsearch(
		    &id, c->keys[dimension].of, (size_t)c->keys[dimension].n, sizeof(*key), by_id);
	}
	return key;
}

/* --------------------------------------------------------------------- rows */

static int
by_rank(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		int64_t k = x->keys[i] != NULL ? x->keys[i]->rank : INT64_MAX,
			l = y->keys[i] != NULL ? y->keys[i]->rank : INT64_MAX;

		if (k != l)
			return k < l ? -1 : 1;
	}
	return 0;
}

static void
fill(const struct report_count *c, uint32_t group, int64_t figures[REPORT_FIGURES])
{
	const uint32_t *states = c->tally.states[group];
	const int64_t retained = states[STATE_RETAINED], lost = states[STATE_LOST],
		      in_process = states[STATE_IN_PROCESS];

	figures[REPORT_OPENED] = retained + lost + in_process;
	figures[REPORT_CLOSED] = retained + lost;
	figures[REPORT_RETAINED] = retained;
	figures[REPORT_LOST] = lost;
	figures[REPORT_IN_PROCESS] = in_process;
	figures[REPORT_VOIDED] =
	    c->only_voided ? retained + lost + in_process : states[STATE_VOIDED];
	figures[REPORT_CONTACTS] = group_contacts(c, group);
	figures[REPORT_P50] = c->percentiles[group][0];
	figures[REPORT_P90] = c->percentiles[group][1];
}

static void
make_rows(struct report_count *c, struct report *r)
{
	struct report_row *rows = arena_alloc(&r->rq->arena, c->ngroups * sizeof(*rows));

	memset(rows, 0, c->ngroups * sizeof(*rows));
	for (uint32_t group = 0; group < c->ngroups; group++) {
		fill(c, group, rows[group].figures);
		for (int d = 0; group > 0 && d < r->ndimensions; d++)
			rows[group].keys[d] = key_of(c, d, c->groups[group].keys[d]);
	}
	qsort(rows + 1, c->ngroups - 1, sizeof(*rows), by_rank);
	r->rows = rows;
	r->nrows = (int)c->ngroups;
	r->keys = c->keys[0].of;
	r->nkeys = c->keys[0].n;
}

/* Adds what PostgreSQL counted. */
static bool
add_loose(struct report_count *c)
{
	const struct result *p = c->pieces;

	for (int row = 0; row < result_rows(p); row++) {
		int64_t keys[REPORT_DIMENSIONS_MAX], n = result_number(p, row, PIECE_N);
		const char *seconds = result_text(p, row, PIECE_T1);
		uint32_t group = 0;

		if (result_number(p, row, PIECE_KIND) != LOOSE || n < 0 || n % 10 >= STATES)
			continue;
		for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
			keys[i] = result_text(p, row, PIECE_A + i) != NULL
				      ? result_number(p, row, PIECE_A + i)
				      : REPORT_NONE;
		if (result_number(p, row, PIECE_D) == 0 && (group = group_of(c, keys)) == 0)
			return false;
		c->tally.states[group][n % 10] += (uint32_t)(n / 10);
		if (n % 10 != STATE_VOIDED)
			tally_wait(&c->tally, group,
			    seconds != NULL ? strtoll(seconds, NULL, 10) : REPORT_NONE, n / 10);
	}
	return true;
}

enum report_counted
report_count(struct report *r, const struct result *pieces)
{
	struct report_count c = { .r = r,
		.pieces = pieces,
		.only_voided = r->filters[FILTER_VOIDED] != NULL &&
			       strcmp(r->filters[FILTER_VOIDED], "true") == 0,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ngroups = 1 };
	bool fits;

	for (int i = 0; i < r->ndimensions; i++)
		c.of_actions |=
		    r->dimensions[i].number == ACTION || r->dimensions[i].number == FINAL_STATE;
	arena_init(&c.arena);
	c.slots = report_zeros(&c.arena, SLOTS, sizeof(*c.slots));
	c.groups = report_zeros(&c.arena, GROUPS_MAX, sizeof(*c.groups));
	tally_make(&c.tally, &c.arena);
	for (int i = 0; i < REPORT_THREADS; i++)
		arena_init(&c.of_threads[i]);
	take_keys(&c);
	fits = add_loose(&c) && report_days(&c);
	if (fits) {
		if (!c.of_actions)
			add_totals(&c);
		report_waits(&c);
		make_rows(&c, r);
	}
	tally_free(&c.tally);
	arena_free(&c.arena);
	for (int i = 0; i < REPORT_THREADS; i++)
		arena_free(&c.of_threads[i]);
	return c.broken ? REPORT_BROKEN : fits ? REPORT_COUNTED : REPORT_TOO_MANY_ROWS;
}
