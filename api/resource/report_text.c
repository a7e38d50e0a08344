/*
 * The retention report as JSON and as CSV, and the links behind its rows.
 */
#include "resource/report_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/csv.h"
#include "base/json_text.h"

/* -------------------------------------------------------------------- links */

/* A filter of the link; the values that get here are codes, days and numbers, which need no encoding. */
struct link {
	struct arena *arena;
	const char *url;
};

static void
link_add(struct link *link, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		link->url = arena_printf(link->arena, "%s%s%s=%s", link->url,
		    strchr(link->url, '?') == NULL ? "?" : "&", name, value);
}

static const char *
list_add(struct arena *arena, const char *list, const char *name)
{
	return name_listed(list, name)
		   ? list
		   : arena_printf(arena, "%s%s%s", list, *list != '\0' ? "," : "", name);
}

/* The last day of the week or month that begins on this day. */
static const char *
last_day(struct arena *arena, int number, const char *first)
{
	struct tm tm = { 0 };
	char day[32];

	strptime(first, "%Y-%m-%d", &tm);
	if (number == WEEK)
		tm.tm_mday += 6;
	if (number == MONTH) {
		tm.tm_mon++;
		tm.tm_mday = 0;
	}
	timegm(&tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	return arena_copy(arena, day, strlen(day));
}

/* The key that a row has for a filter by choices. Several levels of one choice: the exact one, or the deepest. */
struct choice {
	bool grouped; /* by a dimension of this filter */
	const char *code; /* NULL: the row takes those without */
	bool exact;
};

static struct choice
choice_of(const struct report *r, int row, const struct choice_filter *f)
{
	struct choice choice = { false, NULL, false };

	for (int i = 0; i < r->ndimensions; i++) {
		const struct report_key *key = r->rows[row].keys[i];
		const char *code = key != NULL ? key->code : NULL;
		const bool exact = key != NULL && key->exact;

		if (r->dimensions[i].filter != f)
			continue;
		choice.grouped = true;
		if (code != NULL && (choice.code == NULL || exact ||
					(!choice.exact && strlen(code) > strlen(choice.code))))
			choice.code = code;
		choice.exact |= exact;
	}
	return choice;
}

/* Whether a code is that of an item below another one. */
static bool
is_below(const char *code, const char *above)
{
	const size_t n = strlen(above);

	return strncmp(code, above, n) == 0 && code[n] == '.';
}

/* What a row of this code takes of the codes that were asked for: those below it, or all of its own if one of them has it. */
static const char *
narrowed(struct arena *arena, const char *asked, bool asked_exact, const char *code)
{
	const char *list = "";

	for (const char *at = asked, *next; at != NULL; at = *next == ',' ? next + 1 : NULL) {
		const char *one = arena_copy(arena, at, strcspn(at, ","));
		const bool same = strcmp(one, code) == 0;

		next = at + strlen(one);
		if (!asked_exact && (same || is_below(code, one)))
			return code;
		if (same || is_below(one, code))
			list = list_add(arena, list, one);
	}
	return *list != '\0' ? list : code;
}

static void
link_choices(const struct report *r, int row, struct link *link)
{
	const char *exact = "", *named = request_query_value(r->rq, "exact");

	for (const struct choice_filter *f = choice_filters; f->name != NULL; f++) {
		const char *asked = request_query_value(r->rq, f->name);
		const bool asked_exact = asked != NULL && name_listed(named, f->name);
		struct choice c = choice_of(r, row, f);

		if (!c.grouped) {
			c.code = asked;
			c.exact = asked_exact;
		} else if (c.code == NULL) {
			c.code = "none";
		} else if (!c.exact) {
			c.code = narrowed(link->arena, asked, asked_exact, c.code);
			c.exact = asked_exact;
		}
		link_add(link, f->name, c.code);
		if (c.exact)
			exact = list_add(link->arena, exact, f->name);
	}
	link_add(link, "exact", exact);
}

const char *
report_link(const struct report *r, int row)
{
	struct link link = { &r->rq->arena, "/v1/opportunities" };
	const bool closed = strcmp(r->by, "closed") == 0;
	const int window = closed ? FILTER_CLOSED_FROM : FILTER_CREATED_FROM,
		  other = closed ? FILTER_CREATED_FROM : FILTER_CLOSED_FROM;
	const char *from = r->filters[window], *to = r->filters[window + 1],
		   *advisor = r->filters[FILTER_ADVISOR], *hour = r->filters[FILTER_HOUR],
		   *weekday = r->filters[FILTER_WEEKDAY];

	for (int i = 0; i < r->ndimensions; i++) {
		const char *key = r->rows[row].keys[i] != NULL ? r->rows[row].keys[i]->code : NULL,
			   *last;
		int number = r->dimensions[i].number;

		if (number == HOUR)
			hour = key;
		else if (number == WEEKDAY)
			weekday = key;
		else if (number == ADVISOR)
			advisor = key;
		if (number > MONTH)
			continue;
		last = last_day(link.arena, number, key);
		from = strcmp(key, from) > 0 ? key : from;
		to = strcmp(last, to) < 0 ? last : to;
	}
	link_add(&link, closed ? "closed_from" : "created_from", from);
	link_add(&link, closed ? "closed_to" : "created_to", to);
	link_add(&link, closed ? "created_from" : "closed_from", r->filters[other]);
	link_add(&link, closed ? "created_to" : "closed_to", r->filters[other + 1]);
	link_add(&link, "updated_from", r->filters[FILTER_UPDATED_FROM]);
	link_add(&link, "updated_to", r->filters[FILTER_UPDATED_TO]);
	link_add(&link, "advisor", advisor);
	link_add(&link, "client", r->filters[FILTER_CLIENT]);
	link_choices(r, row, &link);
	link_add(&link, "hour", hour);
	link_add(&link, "weekday", weekday);
	if ((hour != NULL || weekday != NULL) && closed)
		link_add(&link, "by", r->by);
	if (r->now)
		link_add(&link, "tree", "now");
	link_add(&link, "voided", r->filters[FILTER_VOIDED]);
	return link.url;
}

/* --------------------------------------------------------------------- JSON */

static json_t *
number(const struct report *r, int row, enum figure figure)
{
	const int64_t value = r->rows[row].figures[figure];

	return value != REPORT_NONE ? json_integer(value) : json_null();
}

/* Retained of those that were decided, with six digits; NULL: none was. */
static const char *
rate(const struct report *r, int row)
{
	const int64_t retained = r->rows[row].figures[REPORT_RETAINED],
		      decided = retained + r->rows[row].figures[REPORT_LOST];

	return decided > 0 ? arena_printf(&r->rq->arena, "%.6f", (double)retained / (double)decided)
			   : NULL;
}

static const struct {
	const char *name;
	enum figure figure;
} figures[] = { { "opened", REPORT_OPENED }, { "closed", REPORT_CLOSED },
	{ "retained", REPORT_RETAINED }, { "lost", REPORT_LOST },
	{ "in_process", REPORT_IN_PROCESS }, { "voided", REPORT_VOIDED },
	{ "contacts", REPORT_CONTACTS } };

static void
add_figures(const struct report *r, int row, json_t *to)
{
	const char *share = rate(r, row);

	for (size_t i = 0; i < NITEMS(figures); i++)
		json_object_set_new(to, figures[i].name, number(r, row, figures[i].figure));
	json_object_set_new(
	    to, "rate", share != NULL ? json_real(strtod(share, NULL)) : json_null());
	json_object_set_new(to, "contact_to_opportunity_s",
	    json_pack(
		"{s:o,s:o}", "p50", number(r, row, REPORT_P50), "p90", number(r, row, REPORT_P90)));
}

static json_t *
key_json(const struct report *r, int row, int i)
{
	const struct report_key *key = r->rows[row].keys[i];
	int n = r->dimensions[i].number;

	if (key == NULL)
		return json_null();
	if (n == HOUR || n == WEEKDAY)
		return json_integer(key->id);
	if (n <= MONTH)
		return json_string(key->code);
	if (n == ADVISOR)
		return json_pack("{s:s,s:s?,s:s}", "id", key->code, "username", key->username,
		    "full_name", key->label);
	return json_pack("{s:s,s:s}", "code", key->code, "label", key->label);
}

static json_t *
row_json(const struct report *r, int row)
{
	json_t *item = json_object(), *keys = json_object();

	for (int i = 0; i < r->ndimensions; i++)
		json_object_set_new(keys, r->dimensions[i].name, key_json(r, row, i));
	json_object_set_new(item, "keys", keys);
	add_figures(r, row, item);
	json_object_set_new(item, "opportunities", json_string(report_link(r, row)));
	return item;
}

const char *
report_json(const struct report *r, size_t *ret_length)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "definition", "retention.v1",
		   "from", r->from, "to", r->to, "timezone", "America/Lima", "by", r->by, "as_of",
		   r->rq->as_of, "tree", r->now ? "now" : "then"),
	       *totals = json_object(), *rows = json_array();
	char *text;

	add_figures(r, 0, totals);
	for (int row = 1; row < r->nrows; row++)
		json_array_append_new(rows, row_json(r, row));
	json_object_set_new(body, "totals", totals);
	json_object_set_new(body, "rows", rows);
	text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6));
	*ret_length = strlen(text);
	const char *copy = arena_copy(&r->rq->arena, text, *ret_length);

	free(text);
	json_decref(body);
	return copy;
}

/* ---------------------------------------------------------------------- CSV */

static void
put_key(FILE *f, const struct report *r, int row, int i)
{
	static const struct report_key none;
	const struct report_key *key = r->rows[row].keys[i] != NULL ? r->rows[row].keys[i] : &none;

	csv_put_cell(f, key->code, ",");
	if (r->dimensions[i].number < ADVISOR)
		return;
	if (r->dimensions[i].number == ADVISOR)
		csv_put_cell(f, key->username, ",");
	csv_put_cell(f, key->label, ",");
}

static void
put_number(FILE *f, const struct report *r, int row, enum figure figure)
{
	const int64_t value = r->rows[row].figures[figure];

	/* Not csv_put_cell(): a wait below 0 is a number, and no formula. */
	if (value != REPORT_NONE)
		fprintf(f, "%lld", (long long)value);
	fputc(',', f);
}

static void
put_head(FILE *f, const struct report *r)
{
	for (int i = 0; i < r->ndimensions; i++) {
		const char *name = r->dimensions[i].name;

		if (r->dimensions[i].number < ADVISOR)
			fprintf(f, "%s,", name);
		else if (r->dimensions[i].number == ADVISOR)
			fprintf(f, "%s.id,%s.username,%s.full_name,", name, name, name);
		else
			fprintf(f, "%s.code,%s.label,", name, name);
	}
	for (size_t i = 0; i < NITEMS(figures); i++)
		fprintf(f, "%s,", figures[i].name);
	fputs("rate,contact_to_opportunity_s.p50,contact_to_opportunity_s.p90,opportunities\n", f);
}

const char *
report_csv(const struct report *r, size_t *ret_length)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_length);
	const char *copy;

	put_head(f, r);
	for (int row = 1; row < r->nrows; row++) {
		for (int i = 0; i < r->ndimensions; i++)
			put_key(f, r, row, i);
		for (size_t i = 0; i < NITEMS(figures); i++)
			put_number(f, r, row, figures[i].figure);
		csv_put_cell(f, rate(r, row), ",");
		put_number(f, r, row, REPORT_P50);
		put_number(f, r, row, REPORT_P90);
		csv_put_cell(f, report_link(r, row), "\n");
	}
	fclose(f);
	copy = arena_copy(&r->rq->arena, text, *ret_length);
	free(text);
	return copy;
}
