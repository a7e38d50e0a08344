#include <string.h>

#include "catalog/catalog.h"
#include "http/authenticate.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/opportunity_filter.h"
#include "resource/opportunity_shown.h"
#include "resource/read.h"
#include "resource/rules.h"
#include "sql.h"

/* The ids of the choices in the query parameter `name`, which was validated; NULL: not given. */
static const char *
choice_ids(struct request *rq, const char *catalog, const char *name)
{
	const char *code = request_query_value(rq, name);

	return code != NULL ? catalog_ids(rq->catalogs, catalog, code, &rq->arena) : NULL;
}

/* What the lists' statements call $1 to $20, in their order. */
static const struct filter {
	const char *name; /* of the query parameter */
	const char *catalog; /* whose codes it has; NULL: the statement takes it as it is */
} filters[] = {
	{ "advisor", NULL },
	{ "stage", "stage" },
	{ "campaign", "campaign" },
	{ "sub_campaign", "sub_campaign" },
	{ "reason", "cancellation_reason" },
	{ "operator", "operator" },
	{ "plan", "competitor_plan" },
	{ "offer", "competitor_offer" },
	{ "channel", "offer_channel" },
	{ "advertising_acceptance", "advertising_acceptance" },
	{ "action", "retention_action" },
	{ "final_state", "final_state" },
	{ "client", NULL },
	{ "created_from", NULL },
	{ "created_to", NULL },
	{ "closed_from", NULL },
	{ "closed_to", NULL },
	{ "updated_from", NULL },
	{ "updated_to", NULL },
	{ "voided", NULL },
};
enum {
	ADVISOR = 0,
	REASON = 4,
	OPERATOR = 5, /* and plan, offer, channel, advertising_acceptance */
	ACTION = 10,
	FINAL_STATE = 11,
	CLIENT = 12,
	CREATED_FROM = 13,
	CREATED_TO = 14,
	CLOSED_TO = 16,
	UPDATED_TO = 18,
	VOIDED = 19
};

/* The orders of the list, and the statements for each: of any, of those whose grid has certain choices, of those that were created or ended until a day,
 * and of open ones with a choice: of all of them, of those of an advisor, a client or some days, and of those created until a day. */
static const struct order {
	const char *name;
	const struct statement *any, *acting, *of_days, *of_ends, *open, *open_narrow,
	    *open_of_days;
} orders[] = {
	{ "created_at", &sql_opportunity_list, &sql_opportunity_list_acting, NULL, NULL,
	    &sql_opportunity_list_open, &sql_opportunity_list_open_narrow, NULL },
	{ "closed_at", &sql_opportunity_list_closed, &sql_opportunity_list_closed_acting,
	    &sql_opportunity_list_closed_of_days, NULL, NULL, NULL, NULL },
	{ "updated_at", &sql_opportunity_list_updated, &sql_opportunity_list_updated_acting,
	    &sql_opportunity_list_updated_of_days, &sql_opportunity_list_updated_of_ends,
	    &sql_opportunity_list_updated_open, &sql_opportunity_list_updated_open_narrow,
	    &sql_opportunity_list_updated_open_of_days },
};

static const struct order *
order_of(const struct request *rq)
{
	const char *sort = request_query_value(rq, "sort");

	for (size_t i = 0; sort != NULL && i < NITEMS(orders); i++) {
		if (strcmp(orders[i].name, sort) == 0)
			return &orders[i];
	}
	return &orders[0];
}

/* Whether no other query parameter is given than these. */
static bool
nothing_but(const struct request *rq, const char *const names[])
{
	for (int i = 0; i < rq->nquery; i++) {
		const char *const *n = names;

		if (rq->query_value[i] == NULL)
			continue;
		while (*n != NULL && strcmp(*n, rq->query_name[i]) != 0)
			n++;
		if (*n == NULL)
			return false;
	}
	return true;
}

/* Whether only stages of open opportunities are asked for. */
static bool
only_open(const struct request *rq)
{
	const char *stage = request_query_value(rq, "stage");
	bool open = stage != NULL;

	for (; open && stage != NULL; stage = strchr(stage, ',')) {
		stage += *stage == ',';
		open = !rule_is_final(stage);
	}
	return open;
}

/* Whether ids name choices, and not the records without one. */
static bool
names_choices(const char *ids)
{
	return ids != NULL && strstr(ids, "{0") == NULL && strstr(ids, ",0") == NULL;
}

/* The one id of "{7}"; NULL: there are several, or none is named. */
static const char *
only_id(struct request *rq, const char *ids)
{
	return ids != NULL && strchr(ids, ',') == NULL
		   ? arena_copy(&rq->arena, ids + 1, strlen(ids) - 2)
		   : NULL;
}

/*
 * Replies with a first page that needs no filter but one, if all of it is stored. Returns the reply's status; 0: there is no reply yet, the
 * list is of other statements.
 */
static int
first_page(struct request *rq, const struct page *page)
{
	static const char *const may_have[] = { "advisor", "stage", "reason", "limit", NULL };
	const char *advisor = request_query_value(rq, "advisor"),
		   *stages = choice_ids(rq, "stage", "stage"), *stage = only_id(rq, stages),
		   *reasons = choice_ids(rq, "cancellation_reason", "reason");
	auto_result struct result *rows = NULL;
	const struct span *shown;

	if (!nothing_but(rq, may_have) ||
	    (advisor != NULL) + (stages != NULL) + (reasons != NULL) > 1)
		return 0;
	if (advisor != NULL)
		rows = request_query(rq, &sql_opportunity_list_advisor, advisor, page->limit);
	else if (stage != NULL)
		rows = request_query(rq, &sql_opportunity_list_stage, stage, page->limit);
	else if (names_choices(reasons))
		rows = request_query(rq, &sql_opportunity_list_reason, reasons, page->limit);
	else if (stages == NULL && reasons == NULL)
		rows = request_query(rq, &sql_opportunity_list_newest, page->limit);
	else
		return 0;
	if (rows == NULL)
		return rq->reply.status;
	shown = opportunities_shown(&rq->arena, rows);
	return shown != NULL ? reply_page_of(rq, page, rows, shown) : 0;
}

/* The columns of page_rows_beside. */
enum { CLIENT_BESIDE = 3, CONTACT_BESIDE };

static const char *
sql_bool(bool b)
{
	return b ? "true" : "false";
}

/*
 * Reads the query parameter include.
 * ret_with    whether the client, and the contact, is asked for
 * ret_beside  what the items show inside
 * returns     0, or 403: the account may not read such records
 */
static int
include_take(struct request *rq, bool ret_with[static 2], struct beside ret_beside[static 3])
{
	const char *include = request_query_value(rq, "include");
	unsigned needs = 0;
	int n = 0;

	ret_with[0] = include != NULL && strstr(include, "client") != NULL;
	ret_with[1] = include != NULL && strstr(include, "contact") != NULL;
	if (ret_with[0]) {
		needs |= route_needs("client_get");
		ret_beside[n++] = (struct beside){ "client", ENTITY_CLIENT, CLIENT_BESIDE };
	}
	if (ret_with[1]) {
		needs |= route_needs("contact_get");
		ret_beside[n++] = (struct beside){ "contact", ENTITY_CONTACT, CONTACT_BESIDE };
	}
	ret_beside[n] = (struct beside){ NULL, ENTITY_OTHER, 0 };
	return authorize_also(rq, needs);
}

/* Replies with a page of what a row of the report takes. */
static int
list_taken(struct request *rq, struct page *page, const bool with[static 2])
{
	const struct order *order = order_of(rq);
	struct call list = { .st = &sql_opportunity_list_taken },
		    count = { .st = &sql_opportunity_count_taken };
	int n = FILTERS;

	if (opportunity_filter_take(rq, list.args) != 0)
		return rq->reply.status;
	memcpy(count.args, list.args, FILTERS * sizeof(*list.args));
	count.args[FILTERS] = sql_bool(order->any == &sql_opportunity_list_closed);
	if (order != orders) {
		list.st = &sql_opportunity_list_taken_sorted;
		list.args[n++] = order->name;
	}
	list.args[n++] = page->created_at;
	list.args[n++] = page->id;
	list.args[n++] = page->limit;
	list.args[n++] = sql_bool(with[0]);
	list.args[n] = sql_bool(with[1]);
	return reply_listed(rq, page, &list, &count);
}

/* Whether a filter by one of the opportunity's own choices is given: a choice, or `none`. */
static bool
choice_given(const char *const args[])
{
	bool given = args[REASON] != NULL;

	for (int i = OPERATOR; i < ACTION; i++)
		given = given || args[i] != NULL;
	return given;
}

/* Whether a filter names a choice, by which the index opportunity_open_choices finds open ones. It has no entries for `none`. */
static bool
choice_named(const char *const args[])
{
	bool named = names_choices(args[REASON]);

	for (int i = OPERATOR; i <= FINAL_STATE; i++)
		named = named || names_choices(args[i]);
	return named;
}

/* Whether a filter by an advisor, a client or days is given: an index of these may find a page sooner than that of the choices. */
static bool
is_narrow(const char *const args[])
{
	bool narrow = args[ADVISOR] != NULL || args[CLIENT] != NULL;

	for (int i = CREATED_FROM; i <= UPDATED_TO; i++)
		narrow = narrow || args[i] != NULL;
	return narrow;
}

/*
 * Returns the statement that finds a page of these filters soonest.
 * args    the filters
 * acting  whether the filters name choices of the grid, and not `none`
 * open    whether only open ones are asked for
 */
static const struct statement *
list_statement(const struct order *order, const char *const args[], bool acting, bool open)
{
	const bool voided = args[VOIDED] != NULL && strcmp(args[VOIDED], "true") == 0;

	if (open && !voided && order->open != NULL && choice_named(args) && !is_narrow(args))
		return order->open;
	open = open && choice_given(args);
	if (open && order->open_of_days != NULL && args[CREATED_TO] != NULL)
		return order->open_of_days;
	if (order->of_days != NULL && args[CREATED_TO] != NULL)
		return order->of_days;
	if (order->of_ends != NULL && args[CLOSED_TO] != NULL)
		return order->of_ends;
	if (open && order->open_narrow != NULL)
		return order->open_narrow;
	if (acting)
		return order->acting;
	/* Of several reasons, the newest of each are found by the index. */
	if (order == orders && names_choices(args[REASON]) && strchr(args[REASON], ',') != NULL)
		return &sql_opportunity_list_reasons;
	if (order == orders && args[ADVISOR] == NULL && args[CLIENT] == NULL &&
	    (args[CLOSED_TO] != NULL || args[UPDATED_TO] != NULL))
		return &sql_opportunity_list_ended;
	return order->any;
}

/*
 * Replies with a page of any filters, and their count.
 * page  its cursor and limit
 * with  whether the client, and the contact, is asked for
 */
static int
list_filtered(struct request *rq, struct page *page, const bool with[static 2])
{
	struct call list = { 0 }, count = { 0 };
	const char **args = list.args;
	const bool open = only_open(rq);
	bool acting;

	for (size_t i = 0; i < NITEMS(filters); i++)
		args[i] = filters[i].catalog != NULL
			      ? choice_ids(rq, filters[i].catalog, filters[i].name)
			      : request_query_value(rq, filters[i].name);
	acting = (args[ACTION] != NULL || args[FINAL_STATE] != NULL) &&
		 (args[ACTION] == NULL || names_choices(args[ACTION])) &&
		 (args[FINAL_STATE] == NULL || names_choices(args[FINAL_STATE]));
	list.st = list_statement(order_of(rq), args, acting, open);
	count.st = acting ? &sql_opportunity_count_acting : &sql_opportunity_count;
	memcpy(count.args, args, NITEMS(filters) * sizeof(*args));
	memcpy(count.args + NITEMS(filters),
	    (const char *[]){
		sql_bool(order_of(rq)->any == &sql_opportunity_list_closed), sql_bool(open) },
	    2 * sizeof(*args));
	memcpy(args + NITEMS(filters),
	    (const char *[]){ page->created_at, page->id, page->limit, sql_bool(with[0]),
		sql_bool(with[1]), sql_bool(open) },
	    6 * sizeof(*args));
	return reply_listed(rq, page, &list, &count);
}

int
opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;
	struct beside beside[3];
	const char *ids;
	bool with[2];
	int status;

	if (!opportunity_filter_days(rq) || !request_ids(rq, &ids))
		return reply_faults(rq);
	if (include_take(rq, with, beside) != 0 || request_page(rq, &page) != 0)
		return rq->reply.status;
	page.beside = beside[0].member != NULL ? beside : NULL;
	if (ids != NULL) {
		page.limit = IDS_LIMIT;
		row = request_query(
		    rq, &sql_opportunity_list_ids, ids, sql_bool(with[0]), sql_bool(with[1]));
		return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
	}
	if (opportunity_filter_given(rq))
		return list_taken(rq, &page, with);
	status = first_page(rq, &page);
	return status != 0 ? status : list_filtered(rq, &page, with);
}

int
client_opportunity_list(struct request *rq)
{
	auto_result struct result *row = NULL, *newest = NULL;
	const struct span *shown;
	struct page page;

	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (page.id == NULL && request_query_value(rq, "voided") == NULL) {
		newest = request_query(
		    rq, &sql_client_opportunity_list_newest, rq->param[0], page.limit);
		if (newest == NULL)
			return rq->reply.status;
		shown = opportunities_shown(&rq->arena, newest);
		if (shown != NULL)
			return reply_page_of(rq, &page, newest, shown);
	}
	row = request_query(rq, &sql_client_opportunity_list, rq->param[0], page.created_at,
	    page.id, page.limit, request_query_value(rq, "voided"));
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}
