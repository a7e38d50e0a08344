/*
 * sqlstate - how db/query.c handles the database's errors. Private to db/.
 * source   PostgreSQL manual, appendix A (error codes).
 */
#ifndef DB_SQLSTATE_H
#define DB_SQLSTATE_H

#include "base/metrics.h"
#include "db/statement.h"

/* What to try before the error is returned. */
enum remedy {
	REMEDY_NONE,
	REMEDY_RERUN, /* run the transaction again */
	REMEDY_PREPARE, /* prepare the statements and run it again */
	REMEDY_RECONNECT /* run it on another connection */
};

struct sqlstate_rule {
	const char *prefix; /* of the SQLSTATE */
	enum db_status status; /* if the remedy fails */
	enum remedy remedy;
};

/* sqlstate_find - returns the rule for a SQLSTATE, never NULL; "": an error without a SQLSTATE. */
const struct sqlstate_rule *sqlstate_find(const char *sqlstate);

/* sqlstate_class - returns the metrics' class of a run that did not end in DB_OK. */
enum metrics_database sqlstate_class(enum db_status status, const char *sqlstate);

#endif
