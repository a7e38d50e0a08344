/*
 * server - starts and stops civetweb, which calls exchange.c for each request.
 *
 * Only server.c, exchange.c and guard.c include civetweb.h.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/base.h"

struct app;

/*
 * server_start - starts civetweb's threads, which listen and serve, and returns.
 * app      must live until server_stop() has returned
 * returns  0; or -1 with a message on standard error (address in use, no threads)
 */
int server_start(struct app *app) MUSTCHECK;

/*
 * server_stop - stops without losing requests. For drain_delay_ms readiness fails and every answer
 * closes its connection; then new requests are refused. When no request is in flight, or after
 * drain_ms (logged), it stops civetweb, which drops the requests that it still has.
 */
void server_stop(struct app *app);

#endif
