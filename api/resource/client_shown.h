/*
 * client_shown - what the API shows of a client: the stored document, with what changes by itself.
 */
#ifndef RESOURCE_CLIENT_SHOWN_H
#define RESOURCE_CLIENT_SHOWN_H

#include <stdbool.h>

#include "base/json_text.h"
#include "db/result.h"

/*
 * client_shown - puts together what a row of the fragment client_stored (client.sql) shows on a day (clock_desk_day).
 * returns  false: a part must be rendered first, by the statement that renders; else true, with ret_json in the arena
 */
bool client_shown(struct arena *arena, const struct result *rows, int row, const char *today,
    struct span *ret_json);

/*
 * clients_sort - puts such clients in the order of a list, the newest first.
 * returns  false: one has no instant or no id, and the order is not known
 */
bool clients_sort(struct span clients[], int count);

#endif
