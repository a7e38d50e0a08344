/*
 * export_entry - what the record of reads holds of an export: no values of filters, because they may be personal.
 */
#ifndef TRANSFER_EXPORT_ENTRY_H
#define TRANSFER_EXPORT_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct export_entry {
	const char *kind, *filters; /* the names of the filters, separated by commas; "": none */
	bool csv, masked;
	const char *state; /* "begun", "done", "cut" */
	uint64_t rows;
	const char *by; /* who ran the command; NULL: a request, whose account is known */
};

/* export_entry_json - returns the entry as JSON, in the arena. */
const char *export_entry_json(const struct export_entry *e, struct arena *arena);

#endif
