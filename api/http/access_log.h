/*
 * access_log - one log line for each request: ids, codes and durations, nothing personal.
 */
#ifndef HTTP_ACCESS_LOG_H
#define HTTP_ACCESS_LOG_H

#include "http/request.h"

/*
 * access_log - logs {"time", "level", "msg": "request", "request_id", "operation_id",
 * "status", "duration_ms", "bytes"} and, where known, "advisor_id", "trace_id",
 * "span_id" and the "code" of a problem.
 *
 * bytes  size of the whole answer, head included
 * threads  any
 */
void access_log(const struct request *rq, size_t bytes);

#endif
