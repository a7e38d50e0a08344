/*
 * tested - the versions of libraries and of PostgreSQL that the tests have run with.
 *
 * The service relies on more of these than they document: where civetweb
 * receives a head to and how it cuts it (http/guard.h, http/interpose.h), how
 * libpq resets a connection (db/connect.c), what PostgreSQL puts into a plan.
 * Another version may work, so it is no reason to refuse to start; whoever
 * looks for the cause of a fault must find it in the log. libjwt is not here:
 * it cannot be asked for its version.
 */
#ifndef BASE_TESTED_H
#define BASE_TESTED_H

#include <stdbool.h>

/* tested_with - the tests have run with this version; name: "civetweb", "libpq" or "PostgreSQL". */
bool tested_with(const char *name, const char *version);

/* tested_warn - one line in the log if they have not. */
void tested_warn(const char *name, const char *version);

#endif
