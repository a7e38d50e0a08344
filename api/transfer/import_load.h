/*
 * import_load - reads a file to its end, checks its rows, and stages them in the database by COPY.
 *
 * It holds one row and one buffer of COPY in memory. Rows are committed every few seconds, so that no
 * transaction lasts as long as a slow client takes to send its file.
 */
#ifndef TRANSFER_IMPORT_LOAD_H
#define TRANSFER_IMPORT_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/base.h"
#include "base/messages.h"

struct faults;

struct import_task {
	const char *url; /* of the database */
	const char *kind, *mode;
	bool csv; /* else NDJSON */
	enum language language; /* of the faults */
	const char *advisor_id;
	const char *said; /* what the audit shall say of the rows' changes: JSON */
	/* where the bytes come from: > 0 their number, 0 the end, < 0 broken off */
	long (*read)(void *arg, char *buf, size_t size);
	void *arg;
	void (*progress)(void *arg, long long rows); /* now and then; or NULL */
};

enum import_end {
	IMPORT_STAGED,
	IMPORT_FAULTY, /* the file cannot be read: see the faults */
	IMPORT_BROKEN, /* task.read broke off */
	IMPORT_CANCELLED,
	IMPORT_BUSY, /* other files are being received */
	IMPORT_DOWN /* the database failed */
};

/* Files that are received at once, of all processes. */
#define IMPORT_UPLOADS_MAX "2"

struct import_staging {
	struct faults *faults; /* of the file */
	char id[24]; /* of the import; "": it was not begun */
	char rows[24];
};

/* import_contract - loads the contract and its rules, for a process that does not serve. Returns false with ret_err filled in. */
bool import_contract(char *ret_err, size_t err_size) MUSTCHECK;

/*
 * import_load - loads a file. Unless it is staged, its import failed, and its rows are deleted later.
 * ret_staging  .faults is set by the caller
 */
enum import_end import_load(
    const struct import_task *task, struct arena *arena, struct import_staging *ret_staging);

#endif
