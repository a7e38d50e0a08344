/*
 * authenticate - the bearer of the access token, and whether the bearer may use the route.
 */
#ifndef HTTP_AUTHENTICATE_H
#define HTTP_AUTHENTICATE_H

#include "http/request.h"

/*
 * authenticate - verifies the bearer token and sets rq->who and what follows from it: advisor_id,
 * masked, may_change_all, on_behalf. A route that needs no token changes nothing.
 *
 * authorization  value of the header; NULL: absent
 * returns  0; or the status of the reply: 401
 * source   RFC 6750
 */
int authenticate(struct request *rq, const char *authorization) MUSTCHECK;

/*
 * authorize - checks that rq->who has the permissions that the route needs.
 * returns  0; or the status of the reply: 403, which names the missing right or the roles that have
 *          it; 503 until this process has loaded which sessions ended before it started
 */
int authorize(struct request *rq) MUSTCHECK;

/*
 * authorize_also - checks that the bearer has further permissions, which a parameter asks for.
 * returns  0; or the status of the reply: 403
 */
int authorize_also(struct request *rq, unsigned needs) MUSTCHECK;

#endif
