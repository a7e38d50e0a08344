/*
 * exchange - handles one request: from civetweb's callbacks through guard, route, body and check to
 * the handler, and back in one write. civetweb calls these functions on its worker threads.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

struct mg_connection;

/*
 * Size of civetweb's buffer for a head. It exceeds GUARD_HEAD_MAX, so that guard.c sees a head that
 * is too long and says which bound it exceeds.
 */
#define EXCHANGE_BUFFER_BYTES 32768

/* exchange_request - civetweb's callback begin_request: answers the request. returns the status. */
int exchange_request(struct mg_connection *conn);

/*
 * exchange_refused - civetweb's callback http_error: answers a request that civetweb refuses, with
 * problem JSON.
 *
 * status, message  civetweb's reason
 * returns          0: the answer is sent
 */
int exchange_refused(struct mg_connection *conn, int status, const char *message);

/*
 * exchange_dropped - civetweb's callback connection_close. civetweb closes without an answer if the
 * target is "*", or is in absolute form with a port other than the listener's. The request is
 * complete and the connection still open, so this answers it.
 */
void exchange_dropped(const struct mg_connection *conn);

#endif
