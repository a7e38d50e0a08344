/*
 * result - the rows that a statement gave.
 */
#ifndef DB_RESULT_H
#define DB_RESULT_H

#include <stdbool.h>
#include <stddef.h>

struct result;

int result_columns(const struct result *r);
int result_rows(const struct result *r);

/* result_text - the value as text, valid as long as the result; NULL for SQL NULL. */
const char *result_text(const struct result *r, int row, int col);
size_t result_length(const struct result *r, int row, int col);

/* result_true - the value is SQL true. */
bool result_true(const struct result *r, int row, int col);

void result_free(struct result *r);
static inline void
result_cleanup(struct result **r)
{
	result_free(*r);
}
#define auto_result __attribute__((cleanup(result_cleanup)))

#endif
