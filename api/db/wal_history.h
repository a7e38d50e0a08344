/*
 * wal_history - how far the primary's write-ahead log was at which instants, and so how old a standby's data are.
 */
#ifndef DB_WAL_HISTORY_H
#define DB_WAL_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include "db/result.h"

/*
 * Two minutes of samples of a second. A standby that is further behind is so because the primary commits, and commits have
 * instants of their own.
 */
#define WAL_SAMPLES 128

/* RFC 3339 in UTC with microseconds, as the API shows every instant. */
#define AS_OF_SIZE sizeof("2026-11-23T14:21:43.472222Z")

/* What the statement read_state returned. */
struct wal_state {
	bool standby;
	uint64_t position; /* in the log: written, or as a standby applied */
	int64_t
	    at_us; /* since 1970: of a standby the last commit that it has applied, or 0; of a primary its clock */
};

struct wal_state wal_state_read(const struct result *row);

/* A ring of the last samples. All zero: empty. */
struct wal_history {
	struct {
		int64_t asked_ms; /* by clock_ms() */
		struct wal_state state;
	} samples[WAL_SAMPLES];
	unsigned count; /* samples since the start */
};

/* wal_history_add - adds the primary's state; asked_ms: when it was asked for, by clock_ms(). */
void wal_history_add(struct wal_history *h, int64_t asked_ms, const struct wal_state *primary);

/*
 * wal_history_as_of - the newest instant, by the primary's clock, of which a standby is known to have all that was acknowledged.
 *
 * asked_ms    when the standby was asked, by clock_ms()
 * ret_lag_us  how long before asked_ms that instant was; it may be negative
 * returns     microseconds since 1970; 0: unknown
 */
int64_t wal_history_as_of(const struct wal_history *h, int64_t asked_ms,
    const struct wal_state *standby, int64_t *ret_lag_us);

/* as_of_write - writes an instant in microseconds since 1970. */
void as_of_write(int64_t us, char ret_text[static AS_OF_SIZE]);

#endif
