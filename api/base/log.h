/*
 * log - one JSON object a line on standard error, one write(2) a line.
 *
 * Never put into it: names, phones, document numbers, e-mails, tokens,
 * query strings, bodies. Ids, codes and durations are what it is for.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* log_set_level - lines below this level are not written (default LOG_INFO). */
void log_set_level(enum log_level level);

/*
 * log_msg - {"time":…,"level":…,"msg":…} with a printf-formatted message.
 * A line is cut at 2 KiB. Safe from any thread.
 */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/*
 * log_fields - the same, with further members: `fields` is JSON text without
 * its braces (`"status":200,"bytes":12`), made by the caller of values that
 * need no escaping or were escaped by log_escape.
 */
void log_fields(enum log_level level, const char *msg, const char *fields);

/* log_escape - s as the inside of a JSON string, cut to size-1 bytes. */
void log_escape(char *ret_buf, size_t size, const char *s);

#endif
