/*
 * operation_read - reads the operations of the document: their parameters and bodies. Private to api/spec.
 */
#ifndef SPEC_OPERATION_READ_H
#define SPEC_OPERATION_READ_H

#include "base/base.h"

struct loader;

/* operations_read - reads all operations of the document, sorted by id: 0, or -1. */
int operations_read(struct loader *l) MUSTCHECK;

#endif
