#include "resource/report_count.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Like an arena's, allocations do not fail: base/arena.h says why. */
static void *
enough(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

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

struct group *
group_of(struct report_count *c, const int64_t keys[REPORT_DIMENSIONS_MAX])
{
	size_t slot = hash_of(keys) & (c->nslots - 1);
	struct group *g;

	for (; (g = c->slots[slot]) != NULL; slot = (slot + 1) & (c->nslots - 1))
		if (memcmp(g->keys, keys, sizeof(g->keys)) == 0)
			return g;
	if (c->ngroups == REPORT_ROWS_MAX)
		return NULL;
	g = enough(calloc(1, sizeof(*g)));
	memcpy(g->keys, keys, sizeof(g->keys));
	c->slots[slot] = c->groups[c->ngroups++] = g;
	g->number = (uint32_t)c->ngroups;
	return g;
}

void
group_add(struct report_count *c, struct group *g, enum state state, int64_t seconds, int64_t n)
{
	g->states[state] += n;
	if (state == STATE_VOIDED || seconds == REPORT_NONE)
		return;
	g->contacts += n;
	if (seconds >= 0 && seconds < GROUP_WAITS) {
		if (g->waits == NULL)
			g->waits = enough(calloc(GROUP_WAITS, sizeof(*g->waits)));
		g->waits[seconds] += (uint32_t)n;
		return;
	}
	if (c->nwaits == c->waits_size) {
		c->waits_size = c->waits_size != 0 ? 2 * c->waits_size : 1024;
		c->waits = enough(realloc(c->waits, c->waits_size * sizeof(*c->waits)));
	}
	c->waits[c->nwaits++] = (struct long_wait){ g->number, seconds, n };
}

/* The totals of dimensions that an opportunity has one value of. */
static void
add_totals(struct report_count *c)
{
	size_t waits = c->nwaits;

	for (size_t i = 0; i < c->ngroups; i++) {
		const struct group *g = c->groups[i];

		for (int s = 0; s < STATES; s++)
			c->totals.states[s] += g->states[s];
		c->totals.contacts += g->contacts;
		if (g->waits == NULL)
			continue;
		if (c->totals.waits == NULL)
			c->totals.waits = enough(calloc(GROUP_WAITS, sizeof(*c->totals.waits)));
		for (int s = 0; s < GROUP_WAITS; s++)
			c->totals.waits[s] += g->waits[s];
	}
	c->waits = waits == 0 ? NULL : enough(realloc(c->waits, 2 * waits * sizeof(*c->waits)));
	for (size_t i = 0; i < waits; i++) {
		c->waits[waits + i] = c->waits[i];
		c->waits[waits + i].group = 0;
	}
	c->nwaits = c->waits_size = 2 * waits;
}

/* -------------------------------------------------------------- percentiles */

static int
by_group_and_seconds(const void *a, const void *b)
{
	const struct long_wait *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

/* A percentile that is looked for: the first second that is not exceeded by `tenths` of the group. */
struct percentile {
	int64_t tenths, value;
};

/* Takes n waits more, of the next seconds. */
static void
step(struct percentile found[2], int64_t *upto, int64_t of, int64_t seconds, int64_t n)
{
	*upto += n;
	for (int i = 0; i < 2; i++)
		if (found[i].value == REPORT_NONE && *upto * 10 >= of * found[i].tenths)
			found[i].value = seconds;
}

/* Fills the two percentiles of a group, whose long waits begin at `wait`, sorted. Returns those behind them. */
static const struct long_wait *
percentiles(const struct group *g, const struct long_wait *wait, const struct long_wait *end,
    int64_t figures[REPORT_FIGURES])
{
	struct percentile found[2] = { { 5, REPORT_NONE }, { 9, REPORT_NONE } };
	int64_t upto = 0;

	for (; wait < end && wait->group == g->number && wait->seconds < 0; wait++)
		step(found, &upto, g->contacts, wait->seconds, wait->n);
	for (int s = 0; g->waits != NULL && s < GROUP_WAITS; s++)
		if (g->waits[s] != 0)
			step(found, &upto, g->contacts, s, g->waits[s]);
	for (; wait < end && wait->group == g->number; wait++)
		step(found, &upto, g->contacts, wait->seconds, wait->n);
	figures[REPORT_P50] = found[0].value;
	figures[REPORT_P90] = found[1].value;
	return wait;
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
fill(const struct report_count *c, const struct group *g, int64_t figures[REPORT_FIGURES])
{
	const int64_t retained = g->states[STATE_RETAINED], lost = g->states[STATE_LOST],
		      in_process = g->states[STATE_IN_PROCESS];

	figures[REPORT_OPENED] = retained + lost + in_process;
	figures[REPORT_CLOSED] = retained + lost;
	figures[REPORT_RETAINED] = retained;
	figures[REPORT_LOST] = lost;
	figures[REPORT_IN_PROCESS] = in_process;
	figures[REPORT_VOIDED] =
	    c->only_voided ? retained + lost + in_process : g->states[STATE_VOIDED];
	figures[REPORT_CONTACTS] = g->contacts;
}

static void
make_rows(struct report_count *c, struct report *r)
{
	struct report_row *rows = arena_alloc(&r->rq->arena, (c->ngroups + 1) * sizeof(*rows));
	const struct long_wait *wait = c->waits, *end = c->waits + c->nwaits;

	if (c->nwaits > 0)
		qsort(c->waits, c->nwaits, sizeof(*c->waits), by_group_and_seconds);
	memset(rows, 0, (c->ngroups + 1) * sizeof(*rows));
	fill(c, &c->totals, rows[0].figures);
	wait = percentiles(&c->totals, wait, end, rows[0].figures);
	for (size_t i = 0; i < c->ngroups; i++) {
		const struct group *g = c->groups[i];

		fill(c, g, rows[i + 1].figures);
		wait = percentiles(g, wait, end, rows[i + 1].figures);
		for (int d = 0; d < r->ndimensions; d++)
			rows[i + 1].keys[d] = key_of(c, d, g->keys[d]);
	}
	qsort(rows + 1, c->ngroups, sizeof(*rows), by_rank);
	r->rows = rows;
	r->nrows = (int)c->ngroups + 1;
}

/* Adds what PostgreSQL counted. */
static bool
add_loose(struct report_count *c)
{
	const struct result *p = c->pieces;

	for (int row = 0; row < result_rows(p); row++) {
		int64_t keys[REPORT_DIMENSIONS_MAX], n = result_number(p, row, PIECE_N);
		const char *seconds = result_text(p, row, PIECE_T1);
		struct group *g = &c->totals;

		if (result_number(p, row, PIECE_KIND) != LOOSE || n < 0 || n % 10 >= STATES)
			continue;
		for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++)
			keys[i] = result_text(p, row, PIECE_A + i) != NULL
				      ? result_number(p, row, PIECE_A + i)
				      : REPORT_NONE;
		if (result_number(p, row, PIECE_D) == 0 && (g = group_of(c, keys)) == NULL)
			return false;
		group_add(c, g, (enum state)(n % 10),
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
		/* Twice as many as groups, so that few of them meet. */
		.nslots = 32768 };
	bool fits;

	_Static_assert(32768 >= 2 * REPORT_ROWS_MAX, "room");
	for (int i = 0; i < r->ndimensions; i++)
		c.of_actions |=
		    r->dimensions[i].number == ACTION || r->dimensions[i].number == FINAL_STATE;
	c.slots = enough(calloc(c.nslots, sizeof(*c.slots)));
	c.groups = enough(calloc(REPORT_ROWS_MAX, sizeof(*c.groups)));
	take_keys(&c);
	fits = add_loose(&c) && report_packed(&c);
	if (fits) {
		if (!c.of_actions)
			add_totals(&c);
		make_rows(&c, r);
	}
	for (size_t i = 0; i < c.ngroups; i++) {
		free(c.groups[i]->waits);
		free(c.groups[i]);
	}
	free(c.totals.waits);
	free(c.groups);
	free(c.slots);
	free(c.waits);
	return c.broken ? REPORT_BROKEN : fits ? REPORT_COUNTED : REPORT_TOO_MANY_ROWS;
}
