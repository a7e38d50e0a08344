/*
 * merged - replies about clients that were merged into another, and about merges.
 *
 * words: what the SQL function refuse() said after its code, each word preceded by a blank. Each function sets the reply and returns its status.
 */
#ifndef HTTP_MERGED_H
#define HTTP_MERGED_H

#include "http/request.h"

/* client_moved - 301, or 308 to what is not a read: Location is the same request of the client that stays. words: its id */
int client_moved(struct request *rq, const char *words);

/* client_merged - 409: one of the clients to merge was merged before. words: the id of the client that stays */
int client_merged(struct request *rq, const char *words);

/* merge_changed - 409: a merge cannot be undone any more. words: what changed, as contact/5 */
int merge_changed(struct request *rq, const char *words);

#endif
