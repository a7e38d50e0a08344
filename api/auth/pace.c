#include "auth/pace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define SIGNAL	 (SIGRTMIN + 1)
#define TICK_NS	 2000000L
#define SLEEP_NS (TICK_NS - TICK_NS / PACE_SHARE)

static void
sleep_for_the_others(int signal)
{
	const struct timespec time = { 0, SLEEP_NS };
	int saved = errno;

	(void)signal;
	nanosleep(&time, NULL);
	errno = saved;
}

static int64_t
used_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int
pace_init(struct pace *p)
{
	struct sigaction action = { .sa_handler = sleep_for_the_others, .sa_flags = SA_RESTART };
	struct sigevent event;
	sigset_t set;

	sigaction(SIGNAL, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = SIGNAL;
	event._sigev_un._tid = gettid(); /* the C library has no name for it yet */
	p->saved_us = PACE_SAVED_US;
	p->at_us = clock_us();
	return timer_create(CLOCK_MONOTONIC, &event, &p->timer);
}

void
pace_begin(struct pace *p)
{
	static const struct itimerspec on = { { 0, TICK_NS }, { 0, TICK_NS / PACE_SHARE } };
	int64_t now_us = clock_us();

	p->saved_us += (now_us - p->at_us) / PACE_SHARE;
	if (p->saved_us > PACE_SAVED_US)
		p->saved_us = PACE_SAVED_US;
	p->at_us = now_us;
	p->used_us = used_us();
	if (p->saved_us < PACE_LEAST_US)
		timer_settime(p->timer, 0, &on, NULL);
}

void
pace_end(struct pace *p)
{
	static const struct itimerspec off = { 0 };

	timer_settime(p->timer, 0, &off, NULL);
	p->saved_us -= used_us() - p->used_us;
}
