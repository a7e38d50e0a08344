/*
 * client_shown - what the API shows of a client: the stored document, with what changes by itself.
 */
#ifndef RESOURCE_CLIENT_SHOWN_H
#define RESOURCE_CLIENT_SHOWN_H

#include <stdbool.h>

#include "base/json_text.h"
#include "db/result.h"

/*
 * client_shown - puts together what a row of the fragment client_stored (client.sql) shows.
 * returns  false: a part must be rendered first, by the statement that renders; else true, with ret_json in the arena
 */
bool client_shown(struct arena *arena, const struct result *rows, int row, struct span *ret_json);

/* clients_in_order - whether such rows, of all of which client_shown() returned true, are the newest first, as lists are. */
bool clients_in_order(const struct result *rows);

#endif
