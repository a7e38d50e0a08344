#include "catalog/catalog.h"

#include "http/route.h"

static bool
hold(struct request *rq)
{
	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	return rq->catalogs != NULL;
}

int
catalog_list(struct request *rq)
{
	const char *json;
	size_t length;

	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	json = catalog_list_json(rq->catalogs, &length);
	return reply_json(rq, 200, json, length);
}

int
catalog_get(struct request *rq)
{
	const char *json;
	size_t length = 0;

	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	json = catalog_json(rq->catalogs, rq->param[0], &length);
	return json != NULL ? reply_json(rq, 200, json, length) : reply_problem(rq, "not_found");
}
