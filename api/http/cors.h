/*
 * cors - which pages of other origins a browser lets read our answers.
 * source   the Fetch standard, "HTTP extensions"; RFC 9110, 12.5.5 (Vary)
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/request.h"

/*
 * cors_headers - adds to the reply, which is set, what a browser asks for.
 *
 * origins    the configured list; "" adds nothing at all
 * origin     the request's Origin, or NULL; one that is not listed gets nothing
 * preflight  the request is OPTIONS with Access-Control-Request-Method
 */
void cors_headers(struct request *rq, const char *origins, const char *origin, bool preflight);

#endif
