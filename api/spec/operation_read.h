/*
 * operation_read - reads the operations of the document: parameters, bodies and answers.
 * Private to api/spec.
 */
#ifndef SPEC_OPERATION_READ_H
#define SPEC_OPERATION_READ_H

#include "base/base.h"

struct loader;

/* operations_read - reads all operations into l->doc, sorted by id. -1: failed, error written. */
int operations_read(struct loader *l) MUSTCHECK;

#endif
