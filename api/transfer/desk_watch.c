#include "transfer/desk_watch.h"

#include <time.h>

#include "base/clock.h"
#include "base/metrics.h"

/* More requests than this answered in a second need the core that an import would take. */
#define REQUESTS_S_MAX 50

/* In less time too few are answered to tell. */
#define SPAN_MS 100

#define REST_MS_MAX 500

bool
desk_is_busy(struct desk_watch *w)
{
	int64_t now_ms = clock_ms(), span_ms = now_ms - w->answered_ms;
	uint64_t answered;

	if (span_ms < SPAN_MS)
		return w->busy;
	answered = metrics_answered();
	if (w->answered_ms != 0)
		w->busy = (int64_t)(answered - w->answered) * 1000 > REQUESTS_S_MAX * span_ms;
	w->answered = answered;
	w->answered_ms = now_ms;
	return w->busy;
}

void
desk_rest(int64_t ms)
{
	struct timespec pause = { .tv_nsec = (ms < REST_MS_MAX ? ms : REST_MS_MAX) * 1000000L };

	nanosleep(&pause, NULL);
}
