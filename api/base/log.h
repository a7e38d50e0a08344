/*
 * log - one JSON object a line on standard error.
 *
 * A line is written at once, or, between log_start and log_stop, by a thread
 * of the log's own: together with those of the next few milliseconds, in one
 * write(2). So no request waits for whoever reads the log; when he falls
 * behind by more than LOG_ROOM_BYTES, lines are left out and counted, and a
 * line says how many as soon as there is room. A process that is killed takes
 * its last LOG_BATCH_MS with it.
 *
 * Never put into it: names, phones, document numbers, e-mails, tokens,
 * query strings, bodies. Ids, codes and durations are what it is for.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>
#include "base/base.h"

#define LOG_ROOM_BYTES (256U * 1024)
#define LOG_BATCH_MS   10

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

/* log_start - lines are the thread's from here on; -1: there is no thread. */
int log_start(void) MUSTCHECK;

/* log_stop - returns when all is written; lines are written at once again. */
void log_stop(void);

/* log_lost - lines that were left out since the start, for want of room or because writing failed. */
uint64_t log_lost(void);

#endif
