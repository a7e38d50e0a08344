/*
 * access_log - one line a request: ids, codes and durations, nothing personal.
 */
#ifndef HTTP_ACCESS_LOG_H
#define HTTP_ACCESS_LOG_H

#include "http/request.h"

/*
 * access_log - {"time", "level", "msg": "request", "request_id", "operation_id",
 * "status", "duration_ms", "bytes"} and, where known, "advisor_id", "trace_id",
 * "span_id" and a problem's "code".
 *
 * bytes  of the answer, its head among them
 */
void access_log(const struct request *rq, size_t bytes);

#endif
