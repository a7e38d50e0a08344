/*
 * log_writer - what log.c does with a line that is made: see log.h.
 */
#ifndef BASE_LOG_WRITER_H
#define BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* log_write - a line with its end; an urgent one, and those before it, need not wait for others. */
void log_write(const char *line, size_t length, bool urgent);

#endif
