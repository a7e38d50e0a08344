/*
 * migrate - brings the schema up to date from the migrations embedded in the program.
 *
 * Files are db/migrations/NNNN_name.sql, forward only, readable by psql and
 * dbmate (`-- migrate:up`). Applied ones are recorded in schema_migrations
 * (version, checksum, applied_at), whose first column is dbmate's.
 * Each runs in a transaction of its own, again and again while a table is in use elsewhere, for a minute. Two at once are safe: the second
 * waits in a loop on pg_try_advisory_lock, for a session that sleeps inside
 * pg_advisory_lock would hold up CREATE INDEX CONCURRENTLY.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "base/base.h"

struct migration {
	const char *version; /* "0001" */
	const char *name; /* "0001_schema.sql" */
	const char *text;
};
extern const struct migration migrations[]; /* build/migrations.c, ascending */
extern const int migrations_count;
extern const char grants_sql[]; /* db/grants.sql, run after every migrate */

/*
 * migrate_run - applies what is missing, then db/grants.sql, and what is left to do after it (catch_up.h); prints what it did on standard output.
 * returns 0; or -1, the reason is on standard error: no connection, no lock within
 * wait_ms, an applied file that was altered since, failing SQL.
 */
int migrate_run(const char *url, int wait_ms) MUSTCHECK;

#endif
