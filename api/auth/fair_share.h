/*
 * fair_share - how many requests an account may send, so that none takes the others' share.
 *
 * A token bucket for each account, in this process's memory: a request takes a token, time puts them
 * back at the account's rate, and the bucket holds as many as FAIR_SHARE_WINDOW_S seconds bring.
 * After FAIR_SHARE_BURST requests at once, each pauses until the next slot at that rate, so clients in a loop
 * settle there, evenly spaced, and are refused only when more of them wait than fit into FAIR_SHARE_PAUSE_MS.
 * Memory is bounded: of more accounts than there is room for, the one that was quiet for
 * longest is forgotten, whose bucket is full or nearly so.
 */
#ifndef AUTH_FAIR_SHARE_H
#define AUTH_FAIR_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define FAIR_SHARE_WINDOW_S 10
#define FAIR_SHARE_BURST    50
#define FAIR_SHARE_PAUSE_MS 200

struct fair_share {
	int quota; /* tokens that a full bucket holds */
	int left; /* tokens that it holds now */
	int full_s; /* seconds until it is full */
	int wait_s; /* seconds until it holds one; 0: one was taken */
	int pause_us; /* how long this request should pause, taken or not */
};

/*
 * fair_share_take - takes a token from the account's bucket. Threads: any.
 *
 * rate_per_s  above 0
 * now_us      a clock that never goes back
 * returns     false: it holds none
 */
bool fair_share_take(
    int64_t advisor_id, int rate_per_s, int64_t now_us, struct fair_share *ret_share);

#endif
