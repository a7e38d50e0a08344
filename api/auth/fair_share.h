/*
 * fair_share - rate limit for each account, so that no account takes the others' share.
 *
 * A token bucket for each account, in this process's memory. A request takes one token; the bucket
 * refills at the account's rate and holds what FAIR_SHARE_WINDOW_S seconds refill.
 * Up to FAIR_SHARE_BURST requests pass at once; after those, each request pauses until the next
 * slot at the account's rate, FAIR_SHARE_PAUSE_MS at most. So a client that sends one request after
 * another is slowed to that rate; only many requests at the same time empty the bucket and are
 * refused.
 * The table has a fixed size: a new account replaces the one that was idle for longest, whose
 * bucket is full or nearly so.
 */
#ifndef AUTH_FAIR_SHARE_H
#define AUTH_FAIR_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define FAIR_SHARE_WINDOW_S 10
#define FAIR_SHARE_BURST    50
#define FAIR_SHARE_PAUSE_MS 200
/* A pausing request holds a thread, and a connection of the proxy, which has 380: one more of the account is refused at once. */
#define FAIR_SHARE_PAUSED 64

struct fair_share {
	int quota; /* tokens in a full bucket */
	int left; /* tokens in the bucket now */
	int full_s; /* seconds until the bucket is full */
	int wait_s; /* seconds until it holds a token; 0: this request got one */
	int pause_us; /* how long the caller should delay this request, admitted or refused */
};

/*
 * fair_share_take - takes a token from the account's bucket. Safe from any thread.
 *
 * rate_per_s  tokens refilled per second, above 0
 * now_us      clock_us()
 * returns     false: the bucket is empty
 */
bool fair_share_take(
    int64_t advisor_id, int rate_per_s, int64_t now_us, struct fair_share *ret_share);

/*
 * fair_share_paused - ends a pause: call it once the time of a pause_us above 0 is over. Threads: any.
 */
void fair_share_paused(int64_t advisor_id);

#endif
