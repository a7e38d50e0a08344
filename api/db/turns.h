/*
 * turns - the attempts at a migration while the desk works, and how each kind of attempt locks tables.
 */
#ifndef DB_TURNS_H
#define DB_TURNS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero: before the first attempt. */
struct turns {
	size_t kind; /* of the attempt */
	size_t attempts; /* that were made */
	size_t patient; /* of these, those that waited for longer than requests do */
};

/* turn_attempt - runs a migration's SQL in the transaction that was begun; returns the last result, which the caller clears. */
PGresult *turn_attempt(PGconn *pg, const struct turns *turns, const char *sql);

/* turn_gave_way - whether an attempt that failed with this SQLSTATE only gave way to the desk, so that another may succeed. took_ms: as below. */
bool turn_gave_way(const struct turns *turns, const char *state, int64_t took_ms);

/* turn_next - goes on to the next attempt. took_ms: how long this one took. */
void turn_next(struct turns *turns, int64_t took_ms);

#endif
