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
/* Deliveries at once that are claimed ahead, in a process. */
#define ROOMS_AHEAD 256

/*
 * rooms_learn - takes the enabled webhooks from the rows of delivery_fan_out.
 * ret_more  whether events wait to be turned into deliveries
 * returns   how many webhooks are enabled
 */
int rooms_learn(const struct result *rows, bool *ret_more);

/* rooms_count - counts what is under way, for rooms_take and rooms_text: SLOTS attempts, busy ones among them. */
void rooms_count(const struct attempt *attempts, int busy);

/* rooms_take - whether one more attempt of a webhook may begin now; then it counts as under way. */
bool rooms_take(int64_t webhook);

/*
 * rooms_text - writes which webhooks have room, and how much, as PostgreSQL's arrays. When slots are too few for all, each call begins
 * at another webhook. A webhook whose last attempts were quick gets room for some more, ahead.
 * waiting   the webhooks of what was claimed before and has not begun, n of them
 * returns   false, with nothing to free, when none has room; else the caller frees both texts
 */
bool rooms_text(const int64_t *waiting, int n, char **ret_webhooks, char **ret_rooms) MUSTCHECK;

/* rooms_free - forgets all. */
void rooms_free(void);

#endif
