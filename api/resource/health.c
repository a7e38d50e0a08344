#include <string.h>

#include "auth/revoked.h"
#include "catalog/catalog.h"
#include "db/pool.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/route.h"

int
livez(struct request *rq)
{
	static const char ok[] = "{\"status\":\"ok\"}";

	return reply_json(rq, 200, ok, sizeof(ok) - 1);
}

int
readyz(struct request *rq)
{
	static const char ready[] = "{\"status\":\"ready\"}";

	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	if (__atomic_load_n(&rq->app->draining, __ATOMIC_SEQ_CST))
		return reply_problem_text(rq, TEXT_stopping);
	if (!pool_ready(rq->app->pool) || rq->catalogs == NULL)
		return reply_problem_text(rq, TEXT_database_not_ready);
	/* The sessions that ended before the start are not loaded, so no token can be judged. */
	if (!revoked_ready())
		return reply_problem(rq, "not_ready");
	return reply_json(rq, 200, ready, sizeof(ready) - 1);
}

int
openapi_yaml(struct request *rq)
{
	return reply_static(
	    rq, "application/yaml", openapi_yaml_text, openapi_yaml_length, openapi_yaml_tag);
}

int
openapi_json(struct request *rq)
{
	return reply_static(
	    rq, "application/json", openapi_json_text, openapi_json_length, openapi_json_tag);
}
