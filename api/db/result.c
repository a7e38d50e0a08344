#include <libpq-fe.h>

#include "db/result.h"

/* struct result is never defined: it is libpq's PGresult, hidden from the users of db/. */
static const PGresult *
result_pg(const struct result *r)
{
	return (const PGresult *)r;
}

int
result_columns(const struct result *r)
{
	return PQnfields(result_pg(r));
}

int
result_rows(const struct result *r)
{
	return PQntuples(result_pg(r));
}

const char *
result_text(const struct result *r, int row, int col)
{
	return PQgetisnull(result_pg(r), row, col) ? NULL : PQgetvalue(result_pg(r), row, col);
}

size_t
result_length(const struct result *r, int row, int col)
{
	return (size_t)PQgetlength(result_pg(r), row, col);
}

bool
result_true(const struct result *r, int row, int col)
{
	const char *s = result_text(r, row, col);

	return s != NULL && *s == 't' && s[1] == '\0';
}

int64_t
result_number(const struct result *r, int row, int col)
{
	const unsigned char *bytes = (const unsigned char *)PQgetvalue(result_pg(r), row, col);
	size_t n = result_length(r, row, col);
	/* The first bit is the sign. */
	uint64_t number = n > 1 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		number = number << 8 | bytes[i];
	return (int64_t)number;
}

void
result_free(struct result *r)
{
	PQclear((PGresult *)r);
}
