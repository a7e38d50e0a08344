/*
 * clock - the times that the program needs.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include "base/base.h"

/* clock_ms, clock_us - monotonic time, for durations and deadlines. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* clock_timespec - a moment of clock_ms(), for the waits that take a struct timespec of CLOCK_MONOTONIC. */
struct timespec clock_timespec(int64_t ms);

/* clock_cond_init - a condition variable whose timed waits are monotonic: setting the clock back must not prolong them. */
void clock_cond_init(pthread_cond_t *cond);

/* clock_epoch_s, clock_epoch_us - since 1970: for tokens, and for what is kept. */
int64_t clock_epoch_s(void);
int64_t clock_epoch_us(void);

#define CLOCK_RFC3339_SIZE 32
#define CLOCK_HTTP_SIZE	   32

/* clock_rfc3339 - now as 2025-05-03T15:04:05.123Z. */
void clock_rfc3339(char ret_buf[static CLOCK_RFC3339_SIZE]);

/* clock_http_date - now as Sat, 03 May 2025 15:04:05 GMT (RFC 9110, 5.6.7). */
void clock_http_date(char ret_buf[static CLOCK_HTTP_SIZE]);

#endif
