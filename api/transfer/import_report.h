/*
 * import_report - the report of an import, piece by piece: a piece for each batch of rows.
 */
#ifndef TRANSFER_IMPORT_REPORT_H
#define TRANSFER_IMPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "db/result.h"

struct import_report {
	/* returns the rows of sql_import_report_rows, owned by the report; NULL: the database failed */
	struct result *(*rows)(void *arg, const char *after);
	void *arg;
	bool csv; /* else NDJSON */
	const char *outcome; /* only these rows; NULL: all */
	/* The failed rows are given as they were sent, with their faults: the file's format is the report's. */
	bool as_sent;
	const char *header; /* of a CSV that is given as it was sent */
	char separator;
	/* Begins with 0: */
	char after[16]; /* the last line that was given */
	bool begun;
	char *bytes;
	size_t length;
};

/*
 * import_report_next - makes the next piece, which lives until the next call.
 * returns  1; 0: there is none; -1: the database failed
 */
int import_report_next(void *report, const char **ret_bytes, size_t *ret_length);

/* import_report_end - frees what the report owns. */
void import_report_end(void *report, bool whole);

/* import_outcome_name - "created" for 'c', and so on. */
const char *import_outcome_name(char letter);

#endif
