#include "base/metrics_desk.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metrics_desk last;

void
metrics_desk_set(const struct metrics_desk *desk)
{
	pthread_mutex_lock(&lock);
	last = *desk;
	last.seen = true;
	pthread_mutex_unlock(&lock);
}

void
metrics_desk_read(struct metrics_desk *ret)
{
	pthread_mutex_lock(&lock);
	*ret = last;
	pthread_mutex_unlock(&lock);
}
