#include "resource/held.h"

#include <string.h>

#include "http/route.h"
#include "http/run.h"
#include "sql.h"

int
held_take(struct request *rq)
{
	bool of_client = rq->shows == ENTITY_CLIENT;
	auto_result struct result *row = NULL;

	/* A POST creates a record, which has no choices yet. */
	if (rq->param[0] == NULL || rq->reads || strcmp(rq->route->method, "POST") == 0)
		return 0;
	row = request_query(rq, &sql_choices_held, of_client ? NULL : rq->param[0],
	    of_client ? rq->param[0] : NULL);
	if (row == NULL)
		return rq->reply.status;
	rq->held = arena_copy(&rq->arena, result_text(row, 0, 0), result_length(row, 0, 0));
	return 0;
}
