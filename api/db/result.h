/*
 * result - the rows that a statement returned. Rows and columns count from 0.
 */
#ifndef DB_RESULT_H
#define DB_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result;

int result_columns(const struct result *r);
int result_rows(const struct result *r);

/* result_text - returns the value as text, NUL-terminated and owned by r; NULL for SQL NULL. */
const char *result_text(const struct result *r, int row, int col);
/* result_length - returns the bytes of result_text, without the NUL; 0 for SQL NULL. */
size_t result_length(const struct result *r, int row, int col);

/* result_true - returns whether the value is SQL true. */
bool result_true(const struct result *r, int row, int col);

/*
 * result_number - returns an integer or boolean (1, 2, 4 or 8 bytes, big-endian) of a statement that is marked
 * `-- binary`; 0 for SQL NULL.
 */
int64_t result_number(const struct result *r, int row, int col);

/* result_free - frees r; NULL is allowed. auto_result does so at the end of a variable's scope. */
void result_free(struct result *r);
static inline void
result_cleanup(struct result **r)
{
	result_free(*r);
}
#define auto_result __attribute__((cleanup(result_cleanup)))

#endif
