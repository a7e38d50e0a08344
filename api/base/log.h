/*
 * log - writes one JSON object per line to standard error.
 *
 * Between log_start and log_stop a writer thread does the writing: it collects
 * the lines of LOG_BATCH_MS and writes them with one write(2), so no request
 * waits for the reader of the log. When that reader falls behind by more than
 * LOG_BUFFER_BYTES, new lines are dropped and counted; a later line reports
 * how many. A killed process loses the lines of its last LOG_BATCH_MS.
 * Outside log_start and log_stop the caller writes its line itself.
 *
 * Log ids, codes and durations. Never log names, phones, document numbers,
 * e-mail addresses, tokens, query strings or bodies.
 *
 * All functions but log_start and log_stop are safe from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>
#include "base/base.h"

#define LOG_BUFFER_BYTES (256U * 1024)
#define LOG_BATCH_MS	 10

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* log_set_level - discards lines below this level from now on (default LOG_INFO). */
void log_set_level(enum log_level level);

/*
 * log_msg - logs {"time":…,"level":…,"msg":…} with a printf-formatted message.
 * The message is cut at 1 KiB.
 */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/*
 * log_fields - the same, with further members: `fields` is JSON text without
 * its braces (`"status":200,"bytes":12`). The caller escapes its values with
 * log_escape where needed. A line over 2 KiB is written without `fields` and
 * with "cut":true.
 */
void log_fields(enum log_level level, const char *msg, const char *fields);

/* log_escape - escapes s for the inside of a JSON string, cut to size-1 bytes. */
void log_escape(char *ret_buf, size_t size, const char *s);

/* log_start - starts the writer thread. Returns -1 when it cannot be created. */
int log_start(void) MUSTCHECK;

/* log_stop - ends the writer thread after it has written all lines; gives up after 2 seconds. */
void log_stop(void);

/* log_lost - returns how many lines were lost since the start: buffer full, or write(2) failed. */
uint64_t log_lost(void);

#endif
