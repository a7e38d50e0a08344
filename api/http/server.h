/*
 * server - the HTTP front: civetweb, and a request's way from its first byte
 * to its one write, one log line and one free.
 *
 * The only user of civetweb.h, with guard.c.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/base.h"

struct app;

/*
 * server_start - listens and serves; returns at once.
 * returns 0; or -1, said on standard error (the address is taken, no threads)
 */
int server_start(struct app *app) MUSTCHECK;

/*
 * server_stop - ends politely: readiness fails, every answer closes its
 * connection, and only when none is in flight any more (or after drain_ms,
 * said in the log) does the library stop, for that throws away what it has.
 */
void server_stop(struct app *app);

#endif
