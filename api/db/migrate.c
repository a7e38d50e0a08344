#include "db/migrate.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/catch_up.h"
#include "db/connect.h"
#include "db/section.h"
#include "db/turns.h"

/* The advisory lock's key: "gestor" in ASCII. */
#define LOCK_KEY     "113685426368370"
#define LOCK_POLL_MS 100
/* Of a table's lock: how long an attempt of `gestor migrate` itself waits, the pause after an attempt, and how long attempts go on. */
#define LOCK_TIMEOUT	 "200ms"
#define LOCK_PAUSE_MS	 300
#define LOCK_ATTEMPTS_MS 60000

/*
 * error_print - prints file, line and the server's primary message; never
 * DETAIL, which holds rows. PostgreSQL's position counts characters, so the
 * loop skips UTF-8's continuation bytes.
 */
static void
error_print(const char *what, const PGconn *pg, const PGresult *res, const char *sql, int line)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
	int left = 0;

	if (state == NULL || message == NULL) {
		fprintf(stderr, "%s: %s\n", what, PQerrorMessage(pg));
		return;
	}
	if (position != NULL && sql != NULL && sscanf(position, "%d", &left) == 1) {
		for (; *sql != '\0' && left > 1; sql++) {
			line += *sql == '\n';
			left -= ((unsigned char)sql[1] & 0xc0) != 0x80;
		}
		fprintf(stderr, "%s:%d: %s %s\n", what, line, state, message);
	} else {
		fprintf(stderr, "%s: %s %s\n", what, state, message);
	}
}

/* execute - runs SQL of one or more statements; false: the error is on standard error. */
static bool
execute(PGconn *pg, const char *what, const char *sql, int line)
{
	PGresult *res = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(res);
	bool ok =
	    status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;

	if (!ok)
		error_print(what, pg, res, sql, line);
	PQclear(res);
	return ok;
}

/* query - runs one statement with up to two parameters; NULL: the error is on standard error. */
static PGresult *
query(PGconn *pg, const char *what, const char *sql, const char *a, const char *b)
{
	const char *args[] = { a, b };
	int nargs = b != NULL ? 2 : a != NULL ? 1 : 0;
	PGresult *res = PQexecParams(pg, sql, nargs, NULL, args, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return res;
	error_print(what, pg, res, NULL, 0);
	PQclear(res);
	return NULL;
}

/* ask - runs a query for one boolean: returns 1, 0, or -1 after an error. */
static int
ask(PGconn *pg, const char *what, const char *sql)
{
	PGresult *res = query(pg, what, sql, NULL, NULL);
	int answer;

	if (res == NULL)
		return -1;
	answer = strcmp(PQgetvalue(res, 0, 0), "t") == 0;
	PQclear(res);
	return answer;
}

/* commit - true only when it was one: COMMIT of a failed transaction "succeeds" with ROLLBACK. */
static bool
commit(PGconn *pg, const char *what)
{
	PGresult *res;
	bool ok;

	if (PQtransactionStatus(pg) != PQTRANS_INTRANS) {
		fprintf(stderr, "%s: it ends its own transaction, which it must not\n", what);
		return false;
	}
	res = query(pg, what, "commit", NULL, NULL);
	ok = res != NULL && strcmp(PQcmdStatus(res), "COMMIT") == 0;
	if (res != NULL && !ok)
		fprintf(stderr, "%s: not committed\n", what);
	PQclear(res);
	return ok;
}

static bool
lock(PGconn *pg, int wait_ms)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };
	int64_t deadline_ms = clock_ms() + wait_ms;
	int got;

	while ((got = ask(pg, "migrate", "select pg_try_advisory_lock(" LOCK_KEY ")")) == 0) {
		if (clock_ms() >= deadline_ms) {
			fprintf(stderr, "migrate: another migration has been running for %d ms\n",
			    wait_ms);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	return got == 1;
}

/*
 * execute_patiently - begins a transaction and runs a migration's SQL in it. A table's lock that it waits for stops
 * everybody else who wants the table. So each attempt waits LOCK_TIMEOUT, and gives way to the desk for a while after it.
 */
static bool
execute_patiently(PGconn *pg, const char *what, const char *sql, int line)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int64_t deadline_ms = clock_ms() + LOCK_ATTEMPTS_MS;
	struct turns turns = { 0 };

	for (;;) {
		int64_t begun_ms = clock_ms();
		PGresult *res;
		const char *state;
		bool again;

		if (!execute(pg, what, "begin; set local search_path to gestor, public", 1))
			return false;
		res = turn_attempt(pg, &turns, sql);
		state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		again = state != NULL && turn_gave_way(&turns, state, clock_ms() - begun_ms) &&
			clock_ms() < deadline_ms;
		if (!again) {
			bool ok = PQresultStatus(res) == PGRES_COMMAND_OK ||
				  PQresultStatus(res) == PGRES_TUPLES_OK ||
				  PQresultStatus(res) == PGRES_EMPTY_QUERY;

			if (!ok)
				error_print(what, pg, res, sql, line);
			PQclear(res);
			return ok;
		}
		PQclear(res);
		if (!execute(pg, what, "rollback", 1))
			return false;
		turn_next(&turns, clock_ms() - begun_ms);
		nanosleep(&pause, NULL);
	}
}

/*
 * table_ready - creates schema_migrations, or adds the columns that dbmate's table
 * lacks. It checks first, because a role without DDL rights may run it when nothing is to be done.
 */
static bool
table_ready(PGconn *pg)
{
	int ready = ask(pg, "migrate",
	    "select count(*) = 3 from pg_attribute where not attisdropped"
	    " and attrelid = to_regclass('gestor.schema_migrations')"
	    " and attname in ('version', 'checksum', 'applied_at')");

	if (ready != 0)
		return ready == 1;
	return execute_patiently(pg, "migrate",
		   "create schema if not exists gestor;"
		   "create table if not exists gestor.schema_migrations"
		   " (version varchar(128) primary key);"
		   "alter table gestor.schema_migrations"
		   " add column if not exists checksum text,"
		   " add column if not exists applied_at timestamptz default now()",
		   1) &&
	       commit(pg, "migrate");
}

/* Processes of the version before go on meanwhile, and their triggers may read a new table: before grants.sql, which comes last. */
static const char grant_reading[] =
    "do $$ begin if exists (select from pg_roles where rolname = 'gestor_api') then"
    " grant select on all tables in schema gestor to gestor_api; end if; end $$";

/* apply - runs one migration and records it, in one transaction. */
static bool
apply(PGconn *pg, const struct migration *m, const char *checksum)
{
	struct section up = section_up(m->text);
	int64_t start_ms = clock_ms();
	PGresult *res;
	char *sql;
	bool ok;

	sql = strndup(up.start, up.length);
	if (sql == NULL) {
		fprintf(stderr, "%s: out of memory\n", m->name);
		return false;
	}
	ok = execute_patiently(pg, m->name, sql, up.first_line) &&
	     execute(pg, m->name, grant_reading, 1);
	free(sql);
	if (!ok)
		return false;
	res = query(pg, m->name,
	    "insert into gestor.schema_migrations (version, checksum) values ($1, $2)", m->version,
	    checksum);
	PQclear(res);
	if (res == NULL || !commit(pg, m->name))
		return false;
	printf("%s  applied (%lld ms)\n", m->name, (long long)(clock_ms() - start_ms));
	return true;
}

/* step - applies one migration, or compares it with its record. */
static bool
step(PGconn *pg, const struct migration *m, int *ret_applied)
{
	PGresult *res, *filled;
	bool ok = true;

	res = query(pg, m->name,
	    "select s.sum, m.version is not null, m.checksum, m.checksum = s.sum"
	    " from (select encode(sha256(convert_to($2, 'UTF8')), 'hex') as sum) s"
	    " left join gestor.schema_migrations m on m.version = $1",
	    m->version, m->text);
	if (res == NULL)
		return false;
	if (strcmp(PQgetvalue(res, 0, 1), "t") != 0) {
		ok = apply(pg, m, PQgetvalue(res, 0, 0));
		*ret_applied += ok;
	} else if (PQgetisnull(res, 0, 2)) { /* dbmate applied it, which stores no checksum */
		filled = query(pg, m->name,
		    "update gestor.schema_migrations set checksum = $2 where version = $1",
		    m->version, PQgetvalue(res, 0, 0));
		ok = filled != NULL;
		PQclear(filled);
	} else if (strcmp(PQgetvalue(res, 0, 3), "t") != 0) {
		fprintf(stderr, "%s: it was applied, and altered since: write a new one instead\n",
		    m->name);
		ok = false;
	}
	PQclear(res);
	return ok;
}

/* grants - runs db/grants.sql, which only the schema's owner can. */
static bool
grants(PGconn *pg)
{
	static const char what[] = "grants.sql";
	int owner = ask(pg, what,
	    "select coalesce((select pg_has_role(nspowner, 'USAGE') from pg_namespace"
	    " where nspname = 'gestor'), false)");

	if (owner != 1)
		return owner == 0;
	return execute(pg, what, "begin; set local search_path to gestor, public", 1) &&
	       execute(pg, what, grants_sql, 1) && commit(pg, what);
}

/* Item codes derive from labels by Unicode rules, which need UTF-8. */
static bool
is_utf8(PGconn *pg)
{
	const char *encoding = PQparameterStatus(pg, "server_encoding");

	if (encoding != NULL && strcmp(encoding, "UTF8") == 0)
		return true;
	fprintf(stderr, "migrate: the database's encoding is %s and must be UTF8\n",
	    encoding != NULL ? encoding : "unknown");
	return false;
}

/* Prints a migration's `raise notice`; a migration that uses it lowers client_min_messages itself. */
static void
notice_print(void *arg, const PGresult *res)
{
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	(void)arg;
	if (message != NULL)
		printf("  %s\n", message);
}

static bool
migrate(PGconn *pg, int wait_ms)
{
	PGresult *res;
	int applied = 0, built = 0, i;

	/* The server's part of a killed migration ends soon, and with it what it locks. A server whose system cannot tell refuses this. */
	PQclear(PQexec(pg, "set client_connection_check_interval to '1s'"));
	if (!execute(pg, "migrate",
		"set lock_timeout to '" LOCK_TIMEOUT
		"'; set statement_timeout to 0; set timezone to 'UTC';"
		"set idle_in_transaction_session_timeout to 0; set client_min_messages to warning;"
		"set search_path to gestor, public",
		1) ||
	    !lock(pg, wait_ms) || !table_ready(pg))
		return false;
	for (i = 0; i < migrations_count; i++)
		if (!step(pg, &migrations[i], &applied))
			return false;
	if (!grants(pg) || !catch_up(pg, &built))
		return false;
	res = query(pg, "migrate",
	    "select coalesce(max(version collate \"C\"), 'nothing') from gestor.schema_migrations",
	    NULL, NULL);
	if (res == NULL)
		return false;
	printf("the schema is %sat %s%s\n", applied > 0 ? "now " : "", PQgetvalue(res, 0, 0),
	    applied == 0 && built == 0 ? ", nothing to do" : "");
	PQclear(res);
	return true;
}

int
migrate_run(const char *url, int wait_ms)
{
	char why[CONNECT_WHY_SIZE];
	PGconn *pg = connect_open(url, CONNECT_PRIMARY, why);
	bool ok;

	if (pg == NULL) {
		fprintf(stderr, "migrate: %s\n", why);
		return -1;
	}
	PQsetNoticeReceiver(pg, notice_print, NULL);
	ok = is_utf8(pg) && migrate(pg, wait_ms);
	PQfinish(pg); /* releases the lock and rolls back a failed transaction */
	fflush(stdout);
	return ok ? 0 : -1;
}
