/*
 * own - whose webhooks a request may see and change.
 */
#ifndef EVENT_OWN_H
#define EVENT_OWN_H

#include "auth/permission.h"
#include "http/request.h"

/* sees_all - an argument of statements: administrators see every webhook, integrations their own. */
static inline const char *
sees_all(const struct request *rq)
{
	return rq->who.role == ROLE_ADMIN ? "true" : "false";
}

#endif
