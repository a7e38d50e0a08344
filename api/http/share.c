#include "http/share.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "config.h"
#include "http/problem.h"
#include "http/reply.h"

int
share_take(struct request *rq)
{
	const struct config *c = rq->app->config;
	int rate = rq->who.role == ROLE_INTEGRATION ? c->rate_integration : c->rate_advisor;
	bool taken;

	/* A sign-out is always allowed: it ends the session that sends too much. */
	if (strcmp(rq->op->id, "session_delete") == 0)
		return 0;
	if (rq->who.advisor_id == 0 || rate == 0)
		return 0;
	taken = fair_share_take(rq->who.advisor_id, rate, clock_us(), &rq->share);
	/* Each connection has its own thread, so this delays no other client while the account's pauses are few. */
	if (rq->share.pause_us > 0) {
		usleep((useconds_t)rq->share.pause_us);
		fair_share_paused(rq->who.advisor_id);
	}
	if (taken)
		return 0;
	return reply_problem_wait(rq, "too_many_requests", rq->share.wait_s);
}

static char *
put_pair(char *out, const char *name, int value)
{
	return text_put_number(stpcpy(out, name), (uint64_t)value);
}

void
share_headers(struct request *rq)
{
	char value[64];

	if (rq->share.quota == 0)
		return;
	put_pair(put_pair(value, "\"account\";q=", rq->share.quota), ";w=", FAIR_SHARE_WINDOW_S);
	reply_header(rq, "RateLimit-Policy", value);
	put_pair(put_pair(value, "\"account\";r=", rq->share.left), ";t=", rq->share.full_s);
	reply_header(rq, "RateLimit", value);
}
