#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int64_t
clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

struct timespec
clock_timespec(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

bool
clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	const struct timespec until = clock_timespec(until_ms);

	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

int64_t
clock_epoch_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

int64_t
clock_epoch_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/*
 * One second, formatted. Each thread caches its last one: it needs the same second some hundred
 * times, and gmtime_r takes a lock of the C library.
 */
struct second {
	time_t t;
	char rfc3339[CLOCK_RFC3339_SIZE]; /* without the fraction and the Z */
	char http[CLOCK_HTTP_SIZE];
	char desk_day[CLOCK_DAY_SIZE];
};

#define LIMA_FROM_UTC_S (-5 * 3600)

static void
second_write(struct second *s, time_t t)
{
	/* strftime's %a and %b would follow the locale. */
	static const char day[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t there = t + LIMA_FROM_UTC_S;
	struct tm tm;

	gmtime_r(&there, &tm);
	strftime(s->desk_day, sizeof(s->desk_day), "%Y-%m-%d", &tm);
	gmtime_r(&t, &tm);
	s->t = t;
	strftime(s->rfc3339, sizeof(s->rfc3339), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(s->http, sizeof(s->http), "%s, %02u %s %04u %02u:%02u:%02u GMT", day[tm.tm_wday],
	    (unsigned)tm.tm_mday % 100, month[tm.tm_mon], (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static const struct second *
second_of(time_t t)
{
	static _Thread_local struct second last;

	if (last.t != t || last.http[0] == '\0')
		second_write(&last, t);
	return &last;
}

void
clock_rfc3339_of(int64_t epoch_us, char ret_buf[static CLOCK_RFC3339_SIZE])
{
	unsigned ms = (unsigned)(epoch_us / 1000 % 1000);
	char *end = stpcpy(ret_buf, second_of(epoch_us / 1000000)->rfc3339);

	*end++ = '.';
	*end++ = (char)('0' + ms / 100);
	*end++ = (char)('0' + ms / 10 % 10);
	*end++ = (char)('0' + ms % 10);
	strcpy(end, "Z");
}

void
clock_rfc3339(char ret_buf[static CLOCK_RFC3339_SIZE])
{
	clock_rfc3339_of(clock_epoch_us(), ret_buf);
}

void
clock_http_date(char ret_buf[static CLOCK_HTTP_SIZE])
{
	strcpy(ret_buf, second_of((time_t)clock_epoch_s())->http);
}

void
clock_desk_day(char ret_day[static CLOCK_DAY_SIZE])
{
	strcpy(ret_day, second_of((time_t)clock_epoch_s())->desk_day);
}
