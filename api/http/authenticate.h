/*
 * authenticate - who asks, and whether the route is for them.
 */
#ifndef HTTP_AUTHENTICATE_H
#define HTTP_AUTHENTICATE_H

#include "http/request.h"

/*
 * authenticate - the bearer of the token in Authorization (NULL: not there) into rq->who.
 * returns  0; or the status of the reply: 401; 503 while nobody knows yet which sessions ended before this process began
 */
int authenticate(struct request *rq, const char *authorization) MUSTCHECK;

/*
 * authorize - whether the route is for rq->who.
 * returns  0; or the status of the reply: 403 that names the missing right, or the roles that have it
 */
int authorize(struct request *rq) MUSTCHECK;

#endif
