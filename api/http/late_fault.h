/*
 * late_fault - replies about values that only the database can judge.
 */
#ifndef HTTP_LATE_FAULT_H
#define HTTP_LATE_FAULT_H

#include "http/request.h"

/* late_fault - 422 with the fault that this code of the SQL function refuse() stands for; returns the status. 0: it is no such code. */
int late_fault(struct request *rq, const char *code);

#endif
