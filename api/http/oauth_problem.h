/*
 * oauth_problem - how an operation of the OAuth protocol refuses a request: {"error",
 * "error_description"} in place of a problem document.
 * source   RFC 6749, 5.2
 */
#ifndef HTTP_OAUTH_PROBLEM_H
#define HTTP_OAUTH_PROBLEM_H

#include "http/request.h"

/*
 * oauth_problem - sets body, type and status of the reply, and WWW-Authenticate of a 401.
 *
 * detail   for error_description; its characters that the RFC does not allow there become '
 * returns  the status of the reply
 */
int oauth_problem(struct request *rq, const struct problem *p, const char *detail);

#endif
