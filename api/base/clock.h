/*
 * clock - the current time, in the forms that the program needs.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "base/base.h"

/* clock_ms, clock_us - CLOCK_MONOTONIC in milliseconds or microseconds: for durations and deadlines. */
int64_t clock_ms(void);
int64_t clock_us(void);

/* clock_timespec - converts a time of clock_ms() for waits that take a struct timespec. */
struct timespec clock_timespec(int64_t ms);

/*
 * clock_cond_wait - waits on a condition variable until a time of clock_ms(). The clock is given with
 * each wait, so setting the system clock neither prolongs nor cuts it.
 * returns  false: until_ms has passed
 */
bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

/* clock_epoch_s, clock_epoch_us - Unix time: for tokens and for stored instants. */
int64_t clock_epoch_s(void);
int64_t clock_epoch_us(void);

#define CLOCK_RFC3339_SIZE 32
#define CLOCK_HTTP_SIZE	   32

/* clock_rfc3339 - writes the current instant as 2025-05-03T15:04:05.123Z. */
void clock_rfc3339(char ret_buf[static CLOCK_RFC3339_SIZE]);

/* clock_rfc3339_of - the same of an instant of clock_epoch_us(). */
void clock_rfc3339_of(int64_t epoch_us, char ret_buf[static CLOCK_RFC3339_SIZE]);

/* clock_desk_day - writes the present day at the desk (Lima, which is at UTC-5 all year), YYYY-MM-DD. */
#define CLOCK_DAY_SIZE 16
void clock_desk_day(char ret_day[static CLOCK_DAY_SIZE]);

/* clock_http_date - writes the current second as Sat, 03 May 2025 15:04:05 GMT (RFC 9110, 5.6.7). */
void clock_http_date(char ret_buf[static CLOCK_HTTP_SIZE]);

#endif
