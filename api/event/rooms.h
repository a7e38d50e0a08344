/*
 * rooms - which webhooks are enabled, and how many more attempts of each a process may begin. For the sender's thread alone.
 *
 * Of a webhook few attempts are made at once, so that one which hangs leaves room for the others; of one whose last attempts failed
 * fewer. The last slots are for webhooks that have hardly any attempt under way, and while half of all are in use, one with an attempt
 * that hangs gets no more than these: receivers that are slow and succeed now and then do not count as failing, however many they are.
 */
#ifndef EVENT_ROOMS_H
#define EVENT_ROOMS_H

#include <stdbool.h>
#include "db/result.h"
#include "event/attempt.h"

/* Attempts at once, in a process. */
#define SLOTS 256

/*
 * rooms_learn - takes the enabled webhooks from the rows of delivery_fan_out.
 * ret_more  whether events wait to be turned into deliveries
 * returns   how many webhooks are enabled
 */
int rooms_learn(const struct result *rows, bool *ret_more);

/*
 * rooms_text - writes which webhooks have room, and how much, as PostgreSQL's arrays. When slots are too few for all, each call begins
 * at another webhook.
 * attempts  SLOTS of them, busy ones among them
 * returns   false, with nothing to free, when none has room; else the caller frees both texts
 */
bool rooms_text(
    const struct attempt *attempts, int busy, char **ret_webhooks, char **ret_rooms) MUSTCHECK;

/* rooms_free - forgets all. */
void rooms_free(void);

#endif
