#include "http/authenticate.h"

#include <string.h>
#include <strings.h>

#include "auth/revoked.h"
#include "http/route.h"

int
authenticate(struct request *rq, const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (rq->route->auth == AUTH_NONE)
		return 0;
	if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return reply_problem(rq, "token_missing");
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	if (!token_verify(authorization, &rq->who) || revoked_has(rq->who.session_id)) {
		memset(&rq->who, 0, sizeof(rq->who));
		return reply_problem(rq, "token_invalid");
	}
	rq->advisor_id = arena_printf(&rq->arena, "%lld", (long long)rq->who.advisor_id);
	rq->may_change_all = rq->who.role >= ROLE_SUPERVISOR ? "true" : "false";
	if (rq->route->auth == AUTH_SUPERVISOR && rq->who.role < ROLE_SUPERVISOR)
		return reply_problem(rq, "role_forbidden");
	return 0;
}
