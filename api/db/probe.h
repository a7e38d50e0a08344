/*
 * probe - finds out whether a connection stays with one session of PostgreSQL.
 *
 * Behind a pooler that assigns sessions per transaction or statement (PgBouncer's pool_mode),
 * prepared statements vanish, settings affect other connections, and LISTEN receives nothing.
 * PgBouncer in session mode is fit.
 */
#ifndef DB_PROBE_H
#define DB_PROBE_H

#include "db/connect.h"

enum probe_answer {
	PROBE_FIT,
	PROBE_UNFIT, /* a pooler shares sessions; another attempt is useless */
	PROBE_FAILED /* the database did not answer, so it is unknown */
};

/*
 * probe_sessions - compares the process ids behind this connection and, with a pooler, a second one.
 *
 * When a client connects, PostgreSQL sends the id of the server process; a pooler sends a number of
 * its own. If that differs from pg_backend_pid(), a second connection is opened, and both ask for
 * pg_backend_pid() repeatedly with a prepared statement. Unless a pooler shares sessions, each gets
 * the same id every time and the two ids differ.
 * time     until deadline_ms, and one connection attempt; one round trip without a pooler
 * returns  PROBE_FIT; or another value, with ret_why filled in
 */
enum probe_answer probe_sessions(PGconn *pg, const char *url, enum connect_to to,
    int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE]) MUSTCHECK;

#endif
