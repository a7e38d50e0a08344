#include "db/sqlstate.h"

#include <string.h>

/* The first rule whose prefix matches is used. */
static const struct sqlstate_rule sqlstate_rules[] = {
	{ "40001", DB_CONFLICT, REMEDY_RERUN }, /* serialization_failure */
	{ "40P01", DB_CONFLICT, REMEDY_RERUN }, /* deadlock_detected */
	/* internal_error: rolled back; its cause may be over, as a migration that dropped what the statement's plan names. */
	{ "XX000", DB_REFUSED, REMEDY_RERUN },
	{ "55P03", DB_TIMEOUT, REMEDY_NONE }, /* lock_not_available, by lock_timeout */
	{ "57014", DB_TIMEOUT, REMEDY_NONE }, /* query_canceled, by statement_timeout or PQcancel */
	{ "26000", DB_REFUSED, REMEDY_PREPARE }, /* the prepared statement does not exist */
	{ "0A000", DB_REFUSED, REMEDY_PREPARE }, /* DDL changed the columns of its result */
	{ "57P", DB_DOWN, REMEDY_RECONNECT }, /* shut down, crashed, not yet started */
	{ "08", DB_DOWN, REMEDY_RECONNECT }, /* connection exceptions */
	{ "53300", DB_DOWN, REMEDY_RECONNECT }, /* too_many_connections */
	{ "53", DB_DOWN, REMEDY_NONE }, /* the server's disk or memory is full */
	{ "25006", DB_DOWN, REMEDY_RECONNECT }, /* read-only: this host is no longer the primary */
	{ "", DB_REFUSED, REMEDY_NONE },
};

const struct sqlstate_rule *
sqlstate_find(const char *sqlstate)
{
	const struct sqlstate_rule *r = sqlstate_rules;

	while (strncmp(r->prefix, sqlstate, strlen(r->prefix)) != 0)
		r++;
	return r;
}

/* Refusals by constraints (23, and the schema's own GE…) are expected; others are program errors. */
enum metrics_database
sqlstate_class(enum db_status status, const char *sqlstate)
{
	static const enum metrics_database classes[] = { [DB_BUSY] = METRICS_BUSY,
		[DB_DOWN] = METRICS_DOWN,
		[DB_TIMEOUT] = METRICS_TIMEOUT,
		[DB_UNKNOWN] = METRICS_UNKNOWN,
		[DB_CONFLICT] = METRICS_CONFLICT,
		[DB_REFUSED] = METRICS_REFUSED };

	if (status == DB_REFUSED &&
	    (strncmp(sqlstate, "23", 2) == 0 || strncmp(sqlstate, "GE", 2) == 0))
		return METRICS_CONSTRAINT;
	return classes[status];
}
