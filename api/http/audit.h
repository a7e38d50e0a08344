/*
 * audit - what the audit is told of a request whose write it records.
 */
#ifndef HTTP_AUDIT_H
#define HTTP_AUDIT_H

#include "http/request.h"

/* audit_context - the statement that goes before the writes of a transaction: who, from where, for what. */
struct call audit_context(struct request *rq);

#endif
