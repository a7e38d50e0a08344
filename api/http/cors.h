/*
 * cors - tells browsers which other origins' pages may read the answers.
 * source   the Fetch standard, "HTTP extensions"; RFC 9110, 12.5.5 (Vary)
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/request.h"

/*
 * cors_headers - adds the CORS headers to the finished reply.
 *
 * origins    the configured list (base/origin.h); if empty, no header is added
 * origin     the request's Origin, or NULL; one that is not listed gets Vary only
 * preflight  the request is OPTIONS with Access-Control-Request-Method
 */
void cors_headers(struct request *rq, const char *origins, const char *origin, bool preflight);

#endif
