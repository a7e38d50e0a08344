/*
 * held - the choices that a record holds: a change may keep them even if they were retired since.
 */
#ifndef RESOURCE_HELD_H
#define RESOURCE_HELD_H

#include "http/request.h"

/*
 * held_take - sets rq->held to the choices of the record that the request changes; it stays NULL if
 * the request changes none. The record is not locked: the change itself checks again.
 * returns  0, or the status of the reply: the query failed
 */
int held_take(struct request *rq) MUSTCHECK;

#endif
