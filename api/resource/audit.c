#include <string.h>

#include "base/text.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/read.h"
#include "sql.h"

/*
 * Whether `to` is before `from`. Compares two days or two instants (to the second); a day and an
 * instant are not compared.
 */
static bool
is_reversed(const char *from, const char *to)
{
	if (from == NULL || to == NULL || text_is_date(from) != text_is_date(to))
		return false;
	return strncmp(from, to, strlen("YYYY-MM-DDTHH:MM:SS")) > 0;
}

int
audit_list(struct request *rq)
{
	auto_result struct result *row = NULL;
	struct page page;
	const char *type = request_query_value(rq, "object_type"),
		   *id = request_query_value(rq, "object_id"),
		   *from = request_query_value(rq, "from"), *to = request_query_value(rq, "to");

	if (id != NULL && type == NULL)
		faults_add(&rq->faults, "#/object_id", TEXT_goes_with,
		    faults_label(&rq->faults, "object_id"),
		    faults_label(&rq->faults, "object_type"));
	if (is_reversed(from, to))
		faults_add(&rq->faults, "#/to", TEXT_days_reversed);
	if (rq->faults.count > 0)
		return reply_faults(rq);
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = request_query(rq, &sql_audit_list, request_query_value(rq, "advisor"), type, id,
	    request_query_value(rq, "operation"), from, to, page.created_at, page.id, page.limit);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
audit_read_list(struct request *rq)
{
	const char *client = request_query_value(rq, "client_id"),
		   *advisor = request_query_value(rq, "advisor"),
		   *operation = request_query_value(rq, "operation"),
		   *guesses = request_query_value(rq, "guesses");
	auto_result struct result *row = NULL;
	struct page page;
	const char *from = request_query_value(rq, "from"), *to = request_query_value(rq, "to");

	if (is_reversed(from, to)) {
		faults_add(&rq->faults, "#/to", TEXT_days_reversed);
		return reply_faults(rq);
	}
	if (request_page(rq, &page) != 0)
		return rq->reply.status;
	row = client != NULL
		  ? request_query(rq, &sql_audit_read_list_client, client, advisor, operation, from,
			to, page.created_at, page.id, page.limit, guesses)
		  : request_query(rq, &sql_audit_read_list, advisor, operation, from, to,
			page.created_at, page.id, page.limit, guesses);
	return row != NULL ? reply_page(rq, &page, &row) : rq->reply.status;
}

int
client_read_list(struct request *rq)
{
	return reply_list_of(rq, &sql_client_read_list);
}

int
client_audit_list(struct request *rq)
{
	return reply_list_of(rq, &sql_client_audit_list);
}

int
opportunity_audit_list(struct request *rq)
{
	return reply_list_of(rq, &sql_opportunity_audit_list);
}
