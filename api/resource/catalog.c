#include "catalog/catalog.h"
#include "http/problem.h"

#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"

static bool
hold(struct request *rq)
{
	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	return rq->catalogs != NULL;
}

/* Catalogues hold no personal data, so clients may cache them and revalidate with If-None-Match. */
static int
reply_catalog(struct request *rq, const char *json, size_t length, const char *tag)
{
	reply_json(rq, 200, json, length);
	rq->reply.cache = "private, no-cache";
	return reply_tag(rq, tag);
}

int
catalog_list(struct request *rq)
{
	const char *json, *tag;
	size_t length;

	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	json = catalog_list_json(rq->catalogs, &length, &tag);
	return reply_catalog(rq, json, length, tag);
}

int
catalog_get(struct request *rq)
{
	const char *json, *tag;
	size_t length;

	if (!hold(rq))
		return reply_problem(rq, "not_ready");
	json = catalog_json(rq->catalogs, rq->param[0], &length, &tag);
	return json != NULL ? reply_catalog(rq, json, length, tag) : reply_problem(rq, "not_found");
}
