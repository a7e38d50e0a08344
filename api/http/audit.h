/*
 * audit - the context that the database's audit stores beside each row that a request changes.
 */
#ifndef HTTP_AUDIT_H
#define HTTP_AUDIT_H

#include "http/request.h"

/*
 * audit_context - the call that precedes a transaction's writes: advisor, session, client
 * address, request id and operationId. Its argument is in rq->arena.
 */
struct call audit_context(struct request *rq);

#endif
