#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

/* The grid of the desk's screen has a handful; a bound keeps an opportunity's answer small. */
#define ACTIONS_MAX "20"

int
action_list(struct request *rq)
{
	return reply_list_of(rq, &sql_action_list);
}

int
action_get(struct request *rq)
{
	return reply_read(rq, &sql_action_get);
}

int
action_create(struct request *rq)
{
	struct call change = { &sql_action_create, { [4] = rq->body_text, [5] = ACTIONS_MAX } };
	auto_result struct result *row = NULL;

	if (opportunity_write(rq, &change, 1, "actions_full", &row) != 0)
		return rq->reply.status;
	return reply_created(rq, &row);
}

int
action_update(struct request *rq)
{
	struct call change = { &sql_action_update, { [4] = rq->param[1], [5] = rq->body_text } };

	return reply_written(rq, &change, 1, "not_found");
}

int
action_delete(struct request *rq)
{
	struct call change = { &sql_action_delete, { [4] = rq->param[1] } };
	auto_result struct result *row = NULL;

	if (opportunity_write(rq, &change, 1, "not_found", &row) != 0)
		return rq->reply.status;
	return reply_empty(rq);
}
