/*
 * GET /v1/reports/retention: the request, and the days and dimensions that it asks for.
 */
#include "resource/report_shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/run.h"
#include "resource/report_count.h"
#include "sql.h"

#define DAY_S 86400

/* A report may have to read the rows of its days, so these are limited: a leap year's. */
#define DAYS_MAX 366

#define DAY_SIZE sizeof("2025-05-03")

/* The levels that a dimension can be asked for; 0: only the whole choice. */
static int
levels_of(const char *name)
{
	return strcmp(name, "reason") == 0 ? 5 : strcmp(name, "action") == 0 ? 3 : 0;
}

static const struct choice_filter *
choice_named(const char *name, size_t length)
{
	for (const struct choice_filter *f = choice_filters; f->name != NULL; f++)
		if (strlen(f->name) == length && memcmp(f->name, name, length) == 0)
			return f;
	return NULL;
}

/* Reads one name of group_by. Returns false for one that does not exist. */
static bool
dimension_named(const char *name, struct dimension *ret)
{
	static const char *const plain[] = { [DAY] = "day",
		[WEEK] = "week",
		[MONTH] = "month",
		[HOUR] = "hour",
		[WEEKDAY] = "weekday",
		[ADVISOR] = "advisor" };
	size_t length = strcspn(name, ":");

	*ret = (struct dimension){ .name = name };
	for (int i = DAY; i <= ADVISOR; i++) {
		if (strcmp(plain[i], name) == 0) {
			ret->number = i;
			return true;
		}
	}
	ret->filter = choice_named(name, length);
	if (ret->filter == NULL)
		return false;
	ret->number = ret->filter->dimension;
	if (name[length] == '\0')
		return true;
	ret->level = name[length + 1] - '0';
	return ret->level >= 1 && ret->level <= levels_of(ret->filter->name) &&
	       name[length + 2] == '\0';
}

static void
take_dimensions(struct report *r)
{
	struct request *rq = r->rq;
	const char *list = request_query_value(rq, "group_by");

	for (const char *at = list, *next; at != NULL; at = *next == ',' ? next + 1 : NULL) {
		const char *name = arena_copy(&rq->arena, at, strcspn(at, ","));

		next = at + strlen(name);

		bool known = r->ndimensions < REPORT_DIMENSIONS_MAX &&
			     dimension_named(name, &r->dimensions[r->ndimensions]);

		for (int i = 0; known && i < r->ndimensions; i++)
			known = strcmp(r->dimensions[i].name, name) != 0;
		if (!known) {
			faults_add(&rq->faults, "#/group_by", TEXT_report_group_by,
			    faults_label(&rq->faults, "group_by"));
			return;
		}
		r->ndimensions++;
	}
}

static time_t
seconds_of(const char *day)
{
	struct tm tm = { 0 };

	return strptime(day, "%Y-%m-%d", &tm) != NULL ? timegm(&tm) : 0;
}

static const char *
day_of(struct request *rq, time_t seconds)
{
	char day[DAY_SIZE + 4];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	return arena_copy(&rq->arena, day, strlen(day));
}

/* By default the month so far of the last day, and the last day is today. */
static void
take_days(struct report *r)
{
	struct request *rq = r->rq;

	r->from = request_query_value(rq, "from");
	r->to = request_query_value(rq, "to");
	if (r->to == NULL) {
		char *today = arena_alloc(&rq->arena, CLOCK_DAY_SIZE);

		clock_desk_day(today);
		r->to = today;
	}
	if (r->from == NULL)
		r->from = arena_printf(&rq->arena, "%.8s01", r->to);
	if (strcmp(r->from, r->to) > 0)
		faults_add(&rq->faults, "#/to", TEXT_days_reversed);
	else if (seconds_of(r->to) - seconds_of(r->from) >= DAYS_MAX * (time_t)DAY_S)
		faults_add(&rq->faults, "#/from", TEXT_report_days,
		    arena_printf(&rq->arena, "%d", DAYS_MAX));
}

/* The later, or the earlier, of a day and one that may be absent. */
static const char *
later(const char *a, const char *b)
{
	return b != NULL && strcmp(b, a) > 0 ? b : a;
}

static const char *
earlier(const char *a, const char *b)
{
	return b != NULL && strcmp(b, a) < 0 ? b : a;
}

/* Returns 0, or the status of the reply with all faults. */
static int
take(struct report *r)
{
	struct request *rq = r->rq;
	const char *by = request_query_value(rq, "by"), *tree = request_query_value(rq, "tree");
	bool closed = by != NULL && strcmp(by, "closed") == 0;
	int first = closed ? FILTER_CLOSED_FROM : FILTER_CREATED_FROM;

	r->by = closed ? "closed" : "created";
	r->now = tree != NULL && strcmp(tree, "now") == 0;
	take_dimensions(r);
	take_days(r);
	if (opportunity_filter_take(rq, r->filters) != 0)
		return rq->reply.status;
	if (rq->answers_svg && r->ndimensions != 1) {
		faults_add(&rq->faults, "#/group_by", TEXT_report_picture,
		    faults_label(&rq->faults, "group_by"));
		return reply_faults(rq);
	}
	r->filters[first] = later(r->from, r->filters[first]);
	r->filters[first + 1] = earlier(r->to, r->filters[first + 1]);
	return 0;
}

/* Whether the request asks for nothing that columns of days cannot tell. */
static bool
columns_tell(const struct report *r)
{
	const int other = strcmp(r->by, "closed") == 0 ? FILTER_CREATED_FROM : FILTER_CLOSED_FROM;

	return r->filters[FILTER_CLIENT] == NULL && r->filters[FILTER_UPDATED_FROM] == NULL &&
	       r->filters[FILTER_UPDATED_TO] == NULL && r->filters[other] == NULL &&
	       r->filters[other + 1] == NULL;
}

/* The columns that are needed, as an array. */
static const char *
columns(const struct report *r, bool grid)
{
	const char *list = arena_printf(&r->rq->arena, "{%d,%d", RUNS, WAITS);

	if (grid)
		list = arena_printf(&r->rq->arena, "%s,%d", list, ACTIONS);
	for (int i = 0; i < r->ndimensions; i++)
		list = arena_printf(&r->rq->arena, "%s,%d", list, r->dimensions[i].number);
	if (r->filters[FILTER_HOUR] != NULL)
		list = arena_printf(&r->rq->arena, "%s,%d", list, HOUR);
	if (r->filters[FILTER_ADVISOR] != NULL)
		list = arena_printf(&r->rq->arena, "%s,%d", list, ADVISOR);
	for (int i = 0; choice_filters[i].name != NULL; i++)
		if (r->filters[FILTER_STAGE + i] != NULL)
			list =
			    arena_printf(&r->rq->arena, "%s,%d", list, choice_filters[i].dimension);
	return arena_printf(&r->rq->arena, "%s}", list);
}

static struct result *
run(struct report *r)
{
	struct request *rq = r->rq;
	struct call call = { .st = &sql_report_retention };
	struct result *rows;
	bool grid = r->filters[FILTER_STAGE + ACTION_FILTER] != NULL ||
		    r->filters[FILTER_STAGE + FINAL_STATE_FILTER] != NULL;
	int n = FILTERS;

	memcpy(call.args, r->filters, sizeof(r->filters));
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const struct dimension *d = &r->dimensions[i];

		if (d->number == ACTION || d->number == FINAL_STATE) {
			call.st = &sql_report_retention_actions;
			grid = true;
		}
		call.args[n++] = request_number(rq, d->number);
		call.args[n++] = request_number(rq, d->level);
	}
	call.args[n++] = r->now ? "true" : "false";
	/* Labels are those at the end of the last day. */
	call.args[n++] =
	    arena_printf(&rq->arena, "%sT05:00:00Z", day_of(rq, seconds_of(r->to) + DAY_S));
	call.args[n++] = opportunity_filter_ids(rq, "stage", "retenido", false, false);
	call.args[n++] = columns_tell(r) ? "true" : "false";
	call.args[n] = columns(r, grid);
	return request_run(rq, &call, 1, &rows) == 0 ? rows : NULL;
}

int
report_retention(struct request *rq)
{
	struct report r = { .rq = rq };
	const char *body;
	size_t length;

	if (take(&r) != 0)
		return rq->reply.status;
	auto_result struct result *rows = run(&r);

	if (rows == NULL)
		return rq->reply.status;
	switch (report_count(&r, rows)) {
	case REPORT_TOO_MANY_ROWS:
		faults_add(&rq->faults, "#/group_by", TEXT_report_rows,
		    arena_printf(&rq->arena, "%d", REPORT_ROWS_MAX));
		return reply_faults(rq);
	case REPORT_BROKEN:
		log_msg(LOG_ERROR, "the report's columns of a day do not belong together: run "
				   "`gestor report rebuild`");
		return reply_problem(rq, "internal");
	case REPORT_COUNTED:
		break;
	}
	/* The totals alone: nothing was found. */
	if (r.nrows == 1 && opportunity_filter_advisor(rq) != 0)
		return rq->reply.status;
	body = rq->answers_svg	 ? report_svg(&r, &length)
	       : rq->answers_csv ? report_csv(&r, &length)
				 : report_json(&r, &length);
	reply_json_as_is(rq, 200, body, length);
	if (rq->answers_svg)
		rq->reply.type = "image/svg+xml";
	else if (rq->answers_csv)
		rq->reply.type = "text/csv; charset=utf-8";
	reply_header(rq, "Vary", "Accept");
	return 200;
}
