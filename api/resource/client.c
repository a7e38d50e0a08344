#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "base/clock.h"
#include "http/authenticate.h"
#include "http/condition.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/change.h"
#include "resource/client_shown.h"
#include "resource/read.h"
#include "resource/rules.h"
#include "sql.h"

/* What the rows of client_stored show, in the arena; NULL: some must be rendered. */
static struct span *
all_shown(struct request *rq, const struct result *rows)
{
	int n = result_rows(rows);
	struct span *shown = arena_alloc(&rq->arena, (size_t)n * sizeof(*shown));
	char today[CLOCK_DAY_SIZE];

	clock_desk_day(today);
	for (int i = 0; i < n; i++) {
		if (!client_shown(&rq->arena, rows, i, today, &shown[i]))
			return NULL;
	}
	return shown;
}

/* Bytes of a text in UTF-8 that are part of a letter or digit, or may be. */
static bool
in_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

/* Whether a text has three characters of a word one after another, by which the index finds names. */
static bool
has_letters(const char *text)
{
	int run = 0;

	for (; *text != '\0' && run < 3; text++) {
		if (!in_word(*text))
			run = 0;
		else if (((unsigned char)*text & 0xC0) != 0x80)
			run++;
	}
	return run >= 3;
}

/* Clients by a part of their name, for those who may look over the whole desk. */
static int
search_name(struct request *rq, const char *name)
{
	auto_result struct result *rows = NULL;
	struct page page;

	if (authorize_also(rq, MAY_DESK_REVIEW) != 0)
		return rq->reply.status;
	if (!has_letters(name)) {
		faults_add(&rq->faults, "#/name", TEXT_name_part);
		return reply_faults(rq);
	}
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	rows =
	    request_query(rq, &sql_client_search_name, name, page.created_at, page.id, page.limit);
	return rows != NULL ? reply_page(rq, &page, &rows) : rq->reply.status;
}

/* What a search asks for: one of the three is given. */
struct search {
	const char *phone, *external_id, *number;
	const char *type; /* of the number; NULL: any */
};

/* Replies with a page of several, or of clients whose documents must be rendered. */
static int
search_rendered(struct request *rq, const struct page *page, const struct search *s)
{
	auto_result struct result *rows = NULL;

	if (s->phone != NULL)
		rows = request_query(rq, &sql_client_search_phone_rendered, s->phone,
		    page->created_at, page->id, page->limit);
	else if (s->external_id != NULL)
		rows = request_query(rq, &sql_client_search_external_rendered, s->external_id,
		    page->created_at, page->id, page->limit);
	else
		rows = request_query(rq, &sql_client_search_document_rendered, s->number, s->type,
		    page->created_at, page->id, page->limit);
	return rows != NULL ? reply_page(rq, page, &rows) : rq->reply.status;
}

static struct result *
search_stored(struct request *rq, const struct search *s)
{
	if (s->phone != NULL)
		return request_query(rq, &sql_client_search_phone, s->phone);
	if (s->external_id != NULL)
		return request_query(rq, &sql_client_search_external, s->external_id);
	return request_query(rq, &sql_client_search_document, s->number, s->type);
}

int
client_search(struct request *rq)
{
	static const char *const ways[] = { "phone", "document_number", "external_id", "name",
		NULL };
	const struct search s = { request_query_value(rq, "phone"),
		request_query_value(rq, "external_id"), request_query_value(rq, "document_number"),
		request_query_value(rq, "document_type") };
	auto_result struct result *rows = NULL;
	struct span *shown;
	const char *ids, *name = request_query_value(rq, "name");
	struct page page;

	if (request_query_value(rq, "ids") != NULL) {
		if (!request_ids(rq, &ids))
			return reply_faults(rq);
		page = (struct page){ .limit = IDS_LIMIT };
		rows = request_query(rq, &sql_client_search_ids, ids);
		return rows != NULL ? reply_page(rq, &page, &rows) : rq->reply.status;
	}
	if ((s.phone != NULL) + (s.external_id != NULL) + (s.number != NULL) + (name != NULL) != 1)
		faults_add(&rq->faults, "#", TEXT_search_one_of)->allowed = ways;
	if (s.type != NULL && s.number == NULL)
		faults_add(&rq->faults, "#/document_type", TEXT_goes_with,
		    faults_label(&rq->faults, "client.document_type"),
		    faults_label(&rq->faults, "client.document_number"));
	/* A number that does not fit the type is a fault, as in a write: no client can have it. */
	if (s.type != NULL && s.number != NULL)
		rule_document(s.type, s.number, "#/document_number", &rq->faults);
	if (rq->faults.count > 0)
		return reply_faults(rq);
	if (name != NULL)
		return search_name(rq, name);
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	if (page.id != NULL)
		return search_rendered(rq, &page, &s);
	rows = search_stored(rq, &s);
	if (rows == NULL)
		return rq->reply.status;
	shown = all_shown(rq, rows);
	/* All on one page. */
	if (shown != NULL && result_rows(rows) <= strtol(page.limit, NULL, 10) &&
	    clients_sort(shown, result_rows(rows)))
		return reply_page_of(rq, &page, rows, shown);
	return search_rendered(rq, &page, &s);
}

int
client_create(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_client_create, rq->body_text);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}

int
client_get(struct request *rq)
{
	auto_result struct result *row = request_query(rq, &sql_client_get, rq->param[0]);
	const struct span *shown;

	if (row == NULL)
		return rq->reply.status;
	if (result_rows(row) == 0)
		return reply_problem(rq, "not_found");
	shown = all_shown(rq, row);
	if (shown == NULL)
		return reply_read(rq, &sql_client_get_rendered);
	reply_json(rq, 200, shown->at, shown->length);
	return reply_tagged(rq);
}

/* A change of the type alone would reveal to a masked caller whether the hidden number fits it. */
static bool
reveals_hidden_number(const struct request *rq)
{
	return rq->masked && json_object_get(rq->body, "document_type") != NULL &&
	       json_object_get(rq->body, "document_number") == NULL;
}

int
client_update(struct request *rq)
{
	const struct call update = { &sql_client_update, { rq->param[0], rq->body_text } };
	const struct change change = {
		.lock = { &sql_client_lock, { rq->param[0] } },
		.match = { &sql_client_match, { rq->param[0], condition_of(rq, 0) } },
		.calls = &update,
		.ncalls = 1,
	};

	if (reveals_hidden_number(rq)) {
		faults_add(&rq->faults, "#/document_type", TEXT_goes_with,
		    faults_label(&rq->faults, "client.document_type"),
		    faults_label(&rq->faults, "client.document_number"));
		return reply_faults(rq);
	}
	return change_reply(rq, &change);
}

int
client_consent_list(struct request *rq)
{
	return reply_list_of(rq, &sql_client_consent_list);
}

int
client_consent_create(struct request *rq)
{
	auto_result struct result *row = request_query(
	    rq, &sql_client_consent_create, rq->param[0], rq->advisor_id, rq->body_text);

	return row != NULL ? reply_created(rq, &row) : rq->reply.status;
}
