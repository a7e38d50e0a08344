/*
 * held - the choices that a record holds already, which it may keep though they were retired since.
 */
#ifndef RESOURCE_HELD_H
#define RESOURCE_HELD_H

#include "http/request.h"

/*
 * held_take - looks up the choices of the record that the request changes, into rq->held. The change itself
 * looks again, at the locked row.
 * returns  0; rq->held stays NULL where the request changes no record. Or the status of the reply
 */
int held_take(struct request *rq) MUSTCHECK;

#endif
