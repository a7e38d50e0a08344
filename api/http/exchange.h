/*
 * exchange - one request and its answer: the way from civetweb's callbacks
 * through guard, route, body and check to the handler, and back in one write.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

struct mg_connection;

/*
 * More than guard.h's bound on a head, so that it is the guard that says which
 * bound was passed.
 */
#define EXCHANGE_BUFFER_BYTES 32768

/* exchange_request - civetweb's begin_request: answers. returns the status. */
int exchange_request(struct mg_connection *conn);

/* exchange_refused - civetweb's http_error: what the library refuses by itself is a problem too. */
int exchange_refused(struct mg_connection *conn, int status, const char *message);

/*
 * exchange_dropped - civetweb's connection_close. The library closes without an
 * answer when the target is "*" or, in absolute form, has not the port that it
 * listens on. But the request is whole, and its connection open: it is answered.
 */
void exchange_dropped(const struct mg_connection *conn);

#endif
