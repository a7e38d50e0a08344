#include "http/authenticate.h"

#include <string.h>
#include <strings.h>

#include "auth/revoked.h"
#include "http/problem.h"
#include "http/reply.h"
#include "http/route.h"

static const enum text role_words[ROLES] = {
	[ROLE_ADVISOR] = TEXT_an_advisor,
	[ROLE_INTEGRATION] = TEXT_an_integration,
	[ROLE_SUPERVISOR] = TEXT_a_supervisor,
	[ROLE_ADMIN] = TEXT_an_admin,
};

/* 403 with the permissions that the bearer lacks (RFC 6750, 3.1). */
static int
refuse_permission(struct request *rq, unsigned lacking)
{
	char rights[RIGHTS_SIZE];
	enum role roles[ROLES];
	const char *who = "";
	int nroles = roles_with(lacking, roles);

	rights_text(lacking, " ", rights);
	reply_header(rq, "WWW-Authenticate",
	    arena_printf(&rq->arena,
		"Bearer realm=\"gestor\", error=\"insufficient_scope\", scope=\"%s\"", rights));
	if (rq->who.role == ROLE_INTEGRATION && rights_grantable(lacking))
		return reply_problem_text(rq, TEXT_right_missing, rights);
	for (int i = 0; i < nroles; i++)
		who = arena_printf(&rq->arena, "%s%s%s", who,
		    message_words(i == 0	   ? TEXT_NONE
				  : i < nroles - 1 ? TEXT_comma
						   : TEXT_or,
			rq->language),
		    message_words(role_words[roles[i]], rq->language));
	if (nroles == 0)
		return reply_problem(rq, "role_forbidden");
	return reply_problem_text(rq, TEXT_role_missing, who);
}

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
	rq->advisor_id = request_number(rq, rq->who.advisor_id);
	may = permissions_of(rq->who.role, rq->who.rights);
	rq->masked = (may & MAY_PERSONAL_DATA) == 0;
	rq->may_change_all = (may & MAY_OPPORTUNITY_WRITE_ALL) != 0 ? "true" : "false";
	rq->on_behalf =
	    rq->who.role == ROLE_INTEGRATION && (may & MAY_CONTACT_WRITE) != 0 ? "true" : "false";
	return 0;
}

int
authorize(struct request *rq)
{
	unsigned lacking = rq->route->needs & ~permissions_of(rq->who.role, rq->who.rights);

	if (rq->route->needs == ANYONE)
		return 0;
	if (rq->who.must_change && rq->route->needs != MAY_SESSION)
		return reply_problem(rq, "password_change_required");
	if (lacking != 0)
		return refuse_permission(rq, lacking);
	/* Until the ended sessions are loaded, nobody can tell whether this session is still open. */
	return revoked_ready() ? 0 : reply_problem(rq, "not_ready");
}

int
authorize_also(struct request *rq, unsigned needs)
{
	unsigned lacking = needs & ~permissions_of(rq->who.role, rq->who.rights);

	return lacking != 0 ? refuse_permission(rq, lacking) : 0;
}
