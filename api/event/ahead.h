/*
 * ahead - deliveries that were claimed and whose attempt has not begun: the next ones of a webhook, so that a slot that becomes free does not wait for the database. For the sender's
 * thread alone.
 *
 * A delivery waits here for AHEAD_MS at most and is given back then. So one that another process has changed or disabled the webhook of is not sent much later than it would be if its
 * attempt had begun at once, and its lease outlives the attempt.
 */
#ifndef EVENT_AHEAD_H
#define EVENT_AHEAD_H

#include <stdbool.h>
#include <stdint.h>
#include "event/attempt.h"
#include "event/rooms.h"

#define AHEAD_MS 250
/* ahead_add - adds the rows of delivery_claim, and frees them when they have been used. */
void ahead_add(struct result *rows, int64_t now_ms);

/* ahead_begin - calls begin for each for which rooms_take finds room, the oldest first, and takes it out; its texts are borrowed. */
void ahead_begin(void (*begin)(int64_t webhook, const struct claimed *c));

/*
 * ahead_give_back - takes out those that came at an instant or before, and writes their ids and leases as PostgreSQL's arrays.
 * returns  false, with nothing to free, when there are none; else the caller frees both texts
 */
bool ahead_give_back(int64_t until_ms, char **ret_ids, char **ret_leases) MUSTCHECK;

/* ahead_due - when the oldest one has waited for AHEAD_MS, by clock_ms(); INT64_MAX: there is none. */
int64_t ahead_due(void);

/* ahead_waiting - the webhooks of those that wait; returns how many. */
int ahead_waiting(const int64_t **ret_webhooks);

#endif
