#include "db/wal_history.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct wal_state
wal_state_read(const struct result *row)
{
	const char *position = result_text(row, 0, 1), *at = result_text(row, 0, 2);

	return (struct wal_state){ result_true(row, 0, 0),
		position != NULL ? strtoull(position, NULL, 10) : 0,
		at != NULL ? strtoll(at, NULL, 10) : 0 };
}

void
wal_history_add(struct wal_history *h, int64_t asked_ms, const struct wal_state *primary)
{
	unsigned at = h->count++ % WAL_SAMPLES;

	h->samples[at].asked_ms = asked_ms;
	h->samples[at].state = *primary;
}

int64_t
wal_history_as_of(const struct wal_history *h, int64_t asked_ms, const struct wal_state *standby,
    int64_t *ret_lag_us)
{
	int64_t at_us = standby->at_us, now_us = 0;

	for (unsigned n = 1; n <= h->count && n <= WAL_SAMPLES; n++) {
		unsigned at = (h->count - n) % WAL_SAMPLES;
		const struct wal_state *primary = &h->samples[at].state;

		if (n == 1)
			now_us = primary->at_us + (asked_ms - h->samples[at].asked_ms) * 1000;
		if (primary->position > standby->position)
			continue;
		if (primary->at_us > at_us)
			at_us = primary->at_us;
		break;
	}
	/* Without any sample the primary's clock is unknown. */
	if (now_us == 0)
		return 0;
	*ret_lag_us = now_us - at_us;
	return at_us;
}

void
as_of_write(int64_t us, char ret_text[static AS_OF_SIZE])
{
	char ms[CLOCK_RFC3339_SIZE];

	clock_rfc3339_of(us, ms);
	snprintf(ret_text, AS_OF_SIZE, "%.23s%03uZ", ms, (unsigned)(us % 1000) % 1000);
}
