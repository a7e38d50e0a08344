/*
 * probe - whether a connection is one session of PostgreSQL's, from its first statement to its last.
 *
 * Behind a pooler that shares sessions out by transaction or statement (PgBouncer's pool_mode), prepared
 * statements vanish, settings go to others, and LISTEN hears nothing. PgBouncer in session mode is fit.
 */
#ifndef DB_PROBE_H
#define DB_PROBE_H

#include "db/connect.h"

enum probe_answer {
	PROBE_FIT,
	PROBE_UNFIT, /* it is shared out, and will be */
	PROBE_FAILED /* the database did not answer: nothing is known */
};

/*
 * probe_sessions - asks over this connection; where it goes through a pooler, over a second one too.
 *
 * PostgreSQL itself tells a client its process id when it connects; a pooler tells a number of its own. Only
 * then a second connection is made, and both ask by a prepared statement which process serves them.
 * Two that are open at once are never served by one, and each always by the same, unless they are shared out.
 * time     until deadline_ms at most, and a connection attempt; one round trip without a pooler
 * returns  PROBE_FIT; or another answer, with ret_why filled in
 */
enum probe_answer probe_sessions(PGconn *pg, const char *url, int64_t deadline_ms,
    char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

#endif
