/*
 * import_words - the texts of the faults of rows that the database finds (0032_imports.sql).
 */
#ifndef TRANSFER_IMPORT_WORDS_H
#define TRANSFER_IMPORT_WORDS_H

#include "base/arena.h"
#include "base/messages.h"

/* import_words - {name of a text, or of a constraint: {code, detail, field}} as JSON, in the arena. */
const char *import_words(enum language language, struct arena *arena);

#endif
