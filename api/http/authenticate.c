#include "http/authenticate.h"

#include <string.h>
#include <strings.h>

#include "auth/revoked.h"
#include "http/route.h"

int
authenticate(struct request *rq, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	unsigned may;

	if (rq->route->needs == ANYONE)
		return 0;
	if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return reply_problem(rq, "token_missing");
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	if (!token_verify(authorization, &rq->who) || revoked_token(&rq->who)) {
		memset(&rq->who, 0, sizeof(rq->who));
		return reply_problem(rq, "token_invalid");
	}
	/* Its session may have ended before this process began, and nobody here knows yet. */
	if (!revoked_ready()) {
		memset(&rq->who, 0, sizeof(rq->who));
		return reply_problem(rq, "not_ready");
	}
	rq->advisor_id = arena_printf(&rq->arena, "%lld", (long long)rq->who.advisor_id);
	may = permissions_of(rq->who.role, rq->who.rights);
	rq->masked = (may & MAY_PERSONAL_DATA) == 0;
	rq->may_change_all = (may & MAY_OPPORTUNITY_WRITE_ALL) != 0 ? "true" : "false";
	if (rq->who.must_change && rq->route->needs != MAY_SESSION)
		return reply_problem(rq, "password_change_required");
	if ((rq->route->needs & ~may) != 0)
		return reply_problem(rq, "role_forbidden");
	return 0;
}
