/*
 * catch_up - work on existing rows that a migration leaves to do after it, because the desk goes on meanwhile: in short
 * transactions, or by statements that cannot run in one.
 */
#ifndef DB_CATCH_UP_H
#define DB_CATCH_UP_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/base.h"

/*
 * catch_up - renders documents of rows that an earlier version wrote, builds the audit's key, and makes partitions ahead. Every
 * part continues where it was broken off, and does nothing if nothing is to be done. Prints what takes long on standard output.
 * pg         the schema owner's session, without a transaction and without statement_timeout
 * ret_built  how many indexes were missing and are there now
 * returns    false: the reason is on standard error
 */
bool catch_up(PGconn *pg, int *ret_built) MUSTCHECK;

/* A PostgreSQL identifier has 63 bytes at most. */
#define CATCH_UP_NAMES_SIZE (64 * 64)

/* catch_up_indexes - writes the names of the indexes that catch_up builds, as a PostgreSQL array. */
void catch_up_indexes(char ret_names[static CATCH_UP_NAMES_SIZE]);

#endif
