/*
 * What gcc 12's ThreadSanitizer does not know of the C library, told to it: linked into
 * build/gestor-tsan, with --wrap of each of these. It intercepts sem_wait, sem_timedwait
 * and pthread_timedjoin_np, but not these two, which take a clock; without this it reports
 * what a semaphore has ordered as a data race, and a thread that was joined as leaked.
 *
 * Source: libsanitizer/tsan/tsan_interceptors_posix.cpp of gcc 12.
 */
#include <pthread.h>
#include <sanitizer/tsan_interface.h>
#include <semaphore.h>
#include <time.h>

int __real_sem_clockwait(sem_t *, clockid_t, const struct timespec *);
int __wrap_sem_clockwait(sem_t *, clockid_t, const struct timespec *);
int __wrap_pthread_clockjoin_np(pthread_t, void **, clockid_t, const struct timespec *);

/* sem_post releases its address. */
int
__wrap_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
	int status = __real_sem_clockwait(sem, clock, until);

	if (status == 0)
		__tsan_acquire(sem);
	return status;
}

/* The same moment, which must be there, by the clock that pthread_timedjoin_np takes. */
int
__wrap_pthread_clockjoin_np(
    pthread_t thread, void **ret_value, clockid_t clock, const struct timespec *until)
{
	struct timespec now, real;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &real);
	real.tv_sec += until->tv_sec - now.tv_sec;
	real.tv_nsec += until->tv_nsec - now.tv_nsec;
	real.tv_sec += real.tv_nsec / 1000000000;
	real.tv_nsec %= 1000000000;
	if (real.tv_nsec < 0) {
		real.tv_nsec += 1000000000;
		real.tv_sec--;
	}
	return pthread_timedjoin_np(thread, ret_value, &real);
}
