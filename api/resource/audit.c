#include "base/text.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/run.h"
#include "http/route.h"
#include "resource/read.h"
#include "sql.h"

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
	if (text_days_reversed(from, to))
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

	if (text_days_reversed(from, to)) {
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
