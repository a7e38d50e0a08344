/*
 * GET /v1/reports/retention: the request, and the days and dimensions that it asks for.
 */
#include "resource/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/run.h"
#include "sql.h"

/* The desk's clock is UTC-5 all year. */
#define LIMA_S (5 * 3600)
#define DAY_S  86400

/* A report reads the rows of its days, so its days are limited: a leap year's. */
#define DAYS_MAX 366

/* Longer answers help nobody; the statement returns one row more, and the totals. */
#define ROWS_MAX 10000

#define DAY_SIZE sizeof("2025-05-03")

const char *
report_key(const struct report *r, int row, int dimension, int column)
{
	return result_text(r->rows, row, REPORT_KEYS + KEY_COLUMNS * dimension + column);
}

/* The levels that a dimension can be asked for; 0: only the whole choice. */
static int
levels_of(const char *name)
{
	return strcmp(name, "reason") == 0 ? 5 : strcmp(name, "action") == 0 ? 3 : 0;
}

/* Those of the filters, in the order of the numbers of fragment report_key. */
static const struct choice_filter *
choice_dimension(const char *name, size_t length, int *ret_number)
{
	static const char *const order[] = { "campaign", "sub_campaign", "stage", "reason",
		"operator", "plan", "offer", "channel", "advertising_acceptance", "action",
		"final_state" };

	for (int i = 0; i < (int)NITEMS(order); i++) {
		if (strlen(order[i]) != length || memcmp(order[i], name, length) != 0)
			continue;
		*ret_number = CHOICES + i;
		for (const struct choice_filter *f = choice_filters; f->name != NULL; f++)
			if (strcmp(f->name, order[i]) == 0)
				return f;
	}
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
	ret->filter = choice_dimension(name, length, &ret->number);
	if (ret->filter == NULL)
		return false;
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

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		size_t length = strcspn(at += *at == ',', ",");
		const char *name = arena_copy(&rq->arena, at, length);
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
	if (r->to == NULL)
		r->to = day_of(rq, (time_t)clock_epoch_s() - LIMA_S);
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

static struct result *
run(struct report *r)
{
	struct request *rq = r->rq;
	struct call call = { .st = &sql_report_retention };
	struct result *rows;
	int n = FILTERS;

	memcpy(call.args, r->filters, sizeof(r->filters));
	for (int i = 0; i < REPORT_DIMENSIONS_MAX; i++) {
		const struct dimension *d = &r->dimensions[i];

		if (d->filter != NULL && (strcmp(d->filter->name, "action") == 0 ||
					     strcmp(d->filter->name, "final_state") == 0))
			call.st = &sql_report_retention_actions;
		call.args[n++] = request_number(rq, d->number);
		call.args[n++] = request_number(rq, d->level);
	}
	call.args[n++] = r->now ? "true" : "false";
	/* Labels are those at the end of the last day. */
	call.args[n++] =
	    arena_printf(&rq->arena, "%sT05:00:00Z", day_of(rq, seconds_of(r->to) + DAY_S));
	call.args[n] = opportunity_filter_ids(rq, "stage", "retenido", false, false);
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
	r.rows = rows;
	if (result_rows(rows) > ROWS_MAX + 1) {
		faults_add(&rq->faults, "#/group_by", TEXT_report_rows,
		    arena_printf(&rq->arena, "%d", ROWS_MAX));
		return reply_faults(rq);
	}
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
