/*
 * sqlstate - what an error of the database's means for us. Private to db/.
 * source   PostgreSQL manual, appendix A (error codes).
 */
#ifndef DB_SQLSTATE_H
#define DB_SQLSTATE_H

#include "base/metrics.h"
#include "db/statement.h"

/* What to do before saying so. */
enum remedy { REMEDY_NONE, REMEDY_RERUN, REMEDY_PREPARE, REMEDY_RECONNECT };

struct sqlstate_rule {
	const char *prefix;
	enum db_status status;
	enum remedy remedy;
};

/* sqlstate_find - the rule of a SQLSTATE; "": of an error that has none. */
const struct sqlstate_rule *sqlstate_find(const char *sqlstate);

/* sqlstate_class - what a run that did not end in DB_OK is counted as. */
enum metrics_database sqlstate_class(enum db_status status, const char *sqlstate);

#endif
