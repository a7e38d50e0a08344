/*
 * database - the database connection of a command.
 */
#ifndef COMMAND_DATABASE_H
#define COMMAND_DATABASE_H

#include <stdbool.h>

#include "config.h"
#include "db/pool.h"
#include "db/query.h"

/* Longer than the service waits: a person or a timer runs commands. */
#define COMMAND_CONNECT_MS 10000
#define COMMAND_TIMEOUT_MS 30000

/* command_pool - a pool of one connection; NULL: the reason is on standard error. */
struct pool *command_pool(const struct config *c);

/* command_run - one statement. Returns its result, the caller's (auto_result); NULL: the reason is on standard error. */
struct result *command_run(struct pool *pool, const struct call *call);

/* command_number - the number in this column of the first row; 0 for NULL. */
long long command_number(const struct result *r, int col);

/* command_repeat - runs a statement that returns how many rows it changed until that is 0, and adds them to total. False: the reason is on standard error. */
bool command_repeat(struct pool *pool, const struct call *call, long long *total);

#endif
