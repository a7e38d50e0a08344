/*
 * The modules of api/db against a real PostgreSQL.
 *
 * TEST_DATABASE_URL is a database that the test may use: it drops and creates the schema
 * "gestor" there, ends its sessions, and refuses new ones for a moment (from the database
 * "postgres"). So its role must own the database and may end other sessions. The case of
 * a missing standby needs a superuser and is skipped otherwise; it delays all commits of
 * the server for some 3 s.
 *
 * A statement that is to be running for a while is t_hold or t_hold_write: it ends when the test calls
 * release(). No outcome depends on how fast this machine is.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/migrate.h"
#include "db/notify.h"
#include "db/pool.h"
#include "db/pool_take.h"
#include "db/query.h"
#include "test_sql.h"

#define WAIT_MS	 1000
#define QUERY_MS 20000
#define SIZE	 3
/* For what must happen; a fault, and no busy machine, takes longer. */
#define SOON_MS 30000

const struct migration migrations[] = {
	{ "0001", "0001_t.sql",
	    "-- migrate:up\n"
	    "create schema if not exists gestor;\n"
	    "create table gestor.t (id int constraint t_id_taken primary key, name text);\n"
	    "create table gestor.t_deferred (id int constraint t_twice unique deferrable initially "
	    "deferred);\n"
	    "create sequence gestor.t_seq start 1000;\n"
	    "create sequence gestor.t_flaky_seq;\n"
	    "create table gestor.t_gate (open boolean);\n"
	    "insert into gestor.t_gate values (true);\n"
	    "create function gestor.held() returns boolean language plpgsql as $$\n"
	    "begin\n"
	    "  while not (select open from gestor.t_gate) loop perform pg_sleep(0.005); end loop;\n"
	    "  return true;\n"
	    "end $$;\n"
	    "-- migrate:down\n"
	    "drop schema gestor cascade;\n" },
	{ "0002", "0002_flaky.sql",
	    "create function gestor.flaky() returns bigint language plpgsql as $$\n"
	    "declare n bigint := nextval('gestor.t_flaky_seq');\n"
	    "begin\n"
	    "  if n % 4 <> 0 then raise exception using errcode = '40001', message = 'again'; end "
	    "if;\n"
	    "  return n;\n"
	    "end $$;\n"
	    "create table gestor.t_shape (a int);\n" },
};
const int migrations_count = (int)NITEMS(migrations);
const char grants_sql[] = "grant usage on schema gestor to public;";

static const char *url;
static PGconn *admin; /* outside the pool: does what an administrator does */
static struct pool *main_pool, *pool; /* the same, unless a test has one of its own */

static char *
admin_do(const char *sql)
{
	static char value[256];
	PGresult *res = PQexec(admin, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(admin));
	snprintf(value, sizeof(value), "%s",
	    PQntuples(res) > 0 && PQnfields(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return value;
}

static int
admin_int(const char *sql)
{
	return atoi(admin_do(sql));
}

static void
pause_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

/* await_int - waits until a query's result is this number. */
static void
await_int(const char *sql, int expected)
{
	int64_t until_ms = clock_ms() + SOON_MS;
	int got;

	while ((got = admin_int(sql)) != expected) {
		if (clock_ms() > until_ms)
			fail_msg("%s: %d, not %d", sql, got, expected);
		pause_ms(5);
	}
}

#define OTHERS                                                                                     \
	"datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client "     \
	"backend'"

/* Ends sessions, and returns when their processes are gone. */
#define END_SESSIONS "select count(pg_terminate_backend(pid, 30000)) from pg_stat_activity where "

/* pool_reaches - waits until so many connections are in use and so many requests wait. */
static void
pool_reaches(int in_use, int waiting)
{
	int64_t until_ms = clock_ms() + SOON_MS;
	struct pool_counts counts;

	for (;;) {
		counts = pool_counts(pool);
		if (counts.in_use == in_use && counts.waiting == waiting)
			return;
		if (clock_ms() > until_ms)
			fail_msg("%d are in use and %d wait, not %d and %d", counts.in_use,
			    counts.waiting, in_use, waiting);
		pause_ms(1);
	}
}

/* The members of struct pool that the tests look at. */
struct pool_state {
	int64_t heard_ms, lost_ms, openings;
	bool failing;
};

static struct pool_state
pool_state(void)
{
	struct pool_state state;

	pthread_mutex_lock(&pool->lock);
	state = (struct pool_state){ pool->heard_ms, pool->lost_ms, pool->openings, pool->failing };
	pthread_mutex_unlock(&pool->lock);
	return state;
}

/* pool_wait - sets for how long requests wait for a connection. */
static void
pool_wait(int wait_ms)
{
	pthread_mutex_lock(&pool->lock);
	pool->wait_ms = wait_ms;
	pthread_mutex_unlock(&pool->lock);
}

/* pool_open - waits until all its connections are open. */
static void
pool_open(void)
{
	int64_t until_ms = clock_ms() + SOON_MS;
	struct pool_counts counts;

	do {
		counts = pool_counts(pool);
		if (counts.open == counts.size)
			return;
		pause_ms(5);
	} while (clock_ms() < until_ms);
	fail_msg("only %d of %d connections are open", counts.open, counts.size);
}

/* pool_fill - the same, and until the database has no session besides. */
static void
pool_fill(void)
{
	pool_open();
	await_int("select count(*) from pg_stat_activity where " OTHERS, SIZE);
}

/* hold - from now on t_hold and t_hold_write run until release. */
static void
hold(void)
{
	admin_do("update gestor.t_gate set open = false");
}

static void
release(void)
{
	admin_do("update gestor.t_gate set open = true");
}

#define HELD "state = 'active' and query like '%held()%' and " OTHERS

/* run_by - runs one statement, which has so much time. */
static enum db_status
run_by(int within_ms, enum db_patience patience, const struct statement *st, const char *a,
    const char *b, struct db_error *ret_error)
{
	const struct call call = { st, { a, b } };
	auto_result struct result *r = NULL;

	return db_run_by(pool, clock_ms() + within_ms, patience, &call, 1, &r, ret_error);
}

static enum db_status
run(const struct statement *st, const char *a, const char *b, struct db_error *ret_error)
{
	const struct call call = { st, { a, b } };
	auto_result struct result *r = NULL;

	return db_run(pool, &call, 1, &r, ret_error);
}

static enum db_status
run_impatient(const struct statement *st, const char *a, const char *b, struct db_error *ret_error)
{
	return run_by(QUERY_MS, DB_IMPATIENT, st, a, b, ret_error);
}

static int
count(void)
{
	const struct call call = { &sql_t_count, { NULL } };
	auto_result struct result *r = NULL;
	struct db_error err;

	assert_int_equal(db_run(pool, &call, 1, &r, &err), DB_OK);
	return atoi(result_text(r, 0, 0));
}

struct job {
	const struct statement *st;
	const char *a, *b;
	enum db_patience patience;
	enum db_status status;
	struct db_error err;
	pthread_t thread;
};

static void *
job_thread(void *arg)
{
	struct job *j = arg;

	j->status = run_by(QUERY_MS, j->patience, j->st, j->a, j->b, &j->err);
	return NULL;
}

static void
job_start_as(struct job *j, enum db_patience patience, const struct statement *st, const char *a,
    const char *b)
{
	*j = (struct job){ .st = st, .a = a, .b = b, .patience = patience };
	assert_int_equal(pthread_create(&j->thread, NULL, job_thread, j), 0);
}

static void
job_start(struct job *j, const struct statement *st, const char *a, const char *b)
{
	job_start_as(j, DB_PATIENT, st, a, b);
}

static void
job_start_impatient(struct job *j, const struct statement *st, const char *a, const char *b)
{
	job_start_as(j, DB_IMPATIENT, st, a, b);
}

static enum db_status
job_wait(struct job *j)
{
	pthread_join(j->thread, NULL);
	return j->status;
}

static int
group_setup(void **state)
{
	const struct pool_config config = {
		.size = SIZE, .wait_ms = WAIT_MS, .query_timeout_ms = QUERY_MS
	};
	struct pool_config c = config;
	int64_t until_ms;

	(void)state;
	url = getenv("TEST_DATABASE_URL");
	if (url == NULL || *url == '\0') {
		fprintf(
		    stderr, "test_db: set TEST_DATABASE_URL to a database that the test may use\n");
		return -1;
	}
	admin = PQconnectdb(url);
	if (PQstatus(admin) != CONNECTION_OK) {
		fprintf(stderr, "test_db: %s", PQerrorMessage(admin));
		return -1;
	}
	admin_do("set client_min_messages to warning; drop schema if exists gestor cascade");
	/* Without its schema the pool is not ready; afterwards it becomes ready by itself. */
	c.url = url;
	pool = main_pool = pool_start(&c);
	if (pool == NULL)
		return -1;
	for (until_ms = clock_ms() + SOON_MS; !pool_state().failing; pause_ms(5))
		if (clock_ms() > until_ms)
			return -1;
	if (pool_ready(pool) || migrate_run(url, SOON_MS) != 0)
		return -1;
	pool_fill();
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	if (pool != NULL)
		pool_stop(pool);
	if (admin != NULL && PQstatus(admin) == CONNECTION_OK)
		admin_do("drop schema if exists gestor cascade");
	PQfinish(admin);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	/* What a failed test left behind, too. */
	if (PQtransactionStatus(admin) != PQTRANS_IDLE)
		admin_do("rollback");
	pool_wait(WAIT_MS);
	release();
	pool_fill();
	admin_do("truncate gestor.t");
	return 0;
}

static void
one_call(void **state)
{
	const struct call call = { &sql_t_text, { "añ\"\\", NULL } };
	auto_result struct result *r = NULL;
	struct db_error err;

	(void)state;
	assert_int_equal(db_run(pool, &call, 1, &r, &err), DB_OK);
	assert_int_equal(result_rows(r), 1);
	assert_string_equal(result_text(r, 0, 0), "añ\"\\");
	assert_int_equal(result_length(r, 0, 0), 5);
	assert_null(result_text(r, 0, 1));
	assert_string_equal(result_text(r, 0, 2), "\"\\ñ ?\?=");
	assert_true(result_true(r, 0, 3));
	assert_false(result_true(r, 0, 4));
	assert_false(result_true(r, 0, 1));
	assert_string_equal(result_text(r, 0, 5), "3");
}

static void
session_settings(void **state)
{
	const struct call call = { &sql_t_settings, { NULL } };
	auto_result struct result *r = NULL;
	struct db_error err;

	(void)state;
	assert_int_equal(db_run(pool, &call, 1, &r, &err), DB_OK);
	assert_string_equal(result_text(r, 0, 0), "UTC");
	assert_string_equal(result_text(r, 0, 1), "gestor, pg_temp");
	assert_string_equal(result_text(r, 0, 2), "16s");
	assert_string_equal(result_text(r, 0, 3), "gestor");
	assert_string_equal(result_text(r, 0, 4), "UTF8");
}

static void
what_statements_say(void **state)
{
	static const struct statement *const writes[] = { &sql_t_add, &sql_t_lock,
		&sql_t_sleep_write, &sql_t_flaky };

	(void)state;
	assert_true(sql_t_count.repeatable && sql_t_count.brief && sql_t_count.apart);
	assert_true(
	    sql_t_sleep_read.repeatable && sql_t_sleep_read.brief && sql_t_sleep_read.apart);
	for (size_t i = 0; i < NITEMS(writes); i++)
		assert_false(writes[i]->repeatable || writes[i]->brief || writes[i]->apart);
	assert_true(sql_t_pick.repeatable && sql_t_pick.apart);
	assert_false(sql_t_pick.brief);
	assert_int_equal(sql_t_sleep_write.nargs, 2);
}

static void
several_calls(void **state)
{
	const struct call calls[] = { { &sql_t_add, { "1", "one" } },
		{ &sql_t_add, { "2", "two" } }, { &sql_t_count, { NULL } } };
	struct result *r[3];
	struct db_error err;
	size_t i;

	(void)state;
	assert_int_equal(db_run(pool, calls, 3, r, &err), DB_OK);
	assert_string_equal(result_text(r[0], 0, 0), "1");
	assert_string_equal(result_text(r[2], 0, 0), "2");
	for (i = 0; i < 3; i++)
		result_free(r[i]);
	assert_int_equal(admin_int("select count(*) from gestor.t"), 2);
}

static void
second_fails_first_is_rolled_back(void **state)
{
	const struct call calls[] = { { &sql_t_add, { "1", "one" } },
		{ &sql_t_add, { "1", "uno" } }, { &sql_t_count, { NULL } } };
	struct result *r[3] = { NULL, NULL, NULL };
	struct db_error err;

	(void)state;
	assert_int_equal(db_run(pool, calls, 3, r, &err), DB_REFUSED);
	assert_string_equal(err.sqlstate, "23505");
	assert_string_equal(err.constraint, "t_id_taken");
	assert_string_equal(
	    err.message, "duplicate key value violates unique constraint \"t_id_taken\"");
	assert_null(r[0]);
	assert_int_equal(count(), 0);
}

static void
refused(void **state)
{
	struct db_error err;

	(void)state;
	assert_int_equal(run(&sql_t_add, "1", "one", &err), DB_OK);
	assert_int_equal(run(&sql_t_add, "1", "one", &err), DB_REFUSED);
	assert_string_equal(err.constraint, "t_id_taken");
	/* The constraint fails only at the COMMIT (the pipeline's sync), after the statement succeeded. */
	assert_int_equal(run(&sql_t_deferred, "1", NULL, &err), DB_REFUSED);
	assert_string_equal(err.sqlstate, "23505");
	assert_string_equal(err.constraint, "t_twice");
	/* The message holds a phone number, which must not reach the log. */
	assert_int_equal(run(&sql_t_bad, "944264648x", NULL, &err), DB_REFUSED);
	assert_string_equal(err.sqlstate, "22P02");
	assert_string_equal(err.message, "");
	assert_int_equal(count(), 1);
}

/* pool_of_own - makes a pool with one connection the test's, until the test's end. */
static void
pool_of_own(const char *where, int query_timeout_ms)
{
	const struct pool_config config = {
		.url = where, .size = 1, .wait_ms = QUERY_MS, .query_timeout_ms = query_timeout_ms
	};

	pool = pool_start(&config);
	assert_non_null(pool);
}

static int
pool_of_own_teardown(void **state)
{
	(void)state;
	if (pool != main_pool)
		pool_stop(pool);
	pool = main_pool;
	return 0;
}

/* The server ends a statement, and the connection stays. */
static void
timeout(void **state)
{
	struct db_error err;
	int64_t start_ms;

	(void)state;
	/* The sessions' statement_timeout is 800 ms; this client would cancel after 29 s. */
	pool_of_own(url, 1000);
	pool_open();
	start_ms = clock_ms();
	assert_int_equal(
	    run_by(30000, DB_PATIENT, &sql_t_sleep_read, "20", NULL, &err), DB_TIMEOUT);
	assert_in_range(clock_ms() - start_ms, 800, 15000);
	assert_string_equal(err.sqlstate, "57014");
	assert_int_equal(
	    run_by(30000, DB_PATIENT, &sql_t_sleep_write, "7", "20", &err), DB_TIMEOUT);
	assert_int_equal(pool_state().lost_ms, 0); /* no connection was lost */
	assert_int_equal(admin_int("select count(*) from gestor.t"), 0);
}

/* Each statement is fast enough for the server, but together they exceed our deadline: cancelled. */
static void
timeout_of_several(void **state)
{
	const struct call calls[] = { { &sql_t_add, { "1", "one" } },
		{ &sql_t_sleep_read, { "8" } }, { &sql_t_sleep_read, { "8" } } };
	struct result *r[3];
	struct db_error err;
	int64_t start_ms = clock_ms();

	(void)state;
	/* The cancel is 3/20 of QUERY_MS before the deadline, and has until 1/20 before it. */
	assert_int_equal(
	    db_run_by(pool, start_ms + 4500, DB_PATIENT, calls, 3, r, &err), DB_TIMEOUT);
	assert_in_range(clock_ms() - start_ms, 1500, 7500);
	assert_string_equal(err.sqlstate, "57014");
	assert_int_equal(count(), 0);
}

static void
lock_timeout(void **state)
{
	struct db_error err;

	(void)state;
	/* lock_timeout is 1 s, statement_timeout 4 s. */
	pool_of_own(url, 5000);
	pool_open();
	admin_do("insert into gestor.t values (1, 'one')");
	admin_do("begin; select * from gestor.t where id = 1 for update");
	assert_int_equal(run(&sql_t_lock, "1", NULL, &err), DB_TIMEOUT);
	assert_string_equal(err.sqlstate, "55P03");
	admin_do("rollback");
}

static void
serialization_is_retried(void **state)
{
	struct db_error err;

	(void)state;
	admin_do("alter sequence gestor.t_flaky_seq restart with 1");
	assert_int_equal(run(&sql_t_flaky, NULL, NULL, &err), DB_OK); /* the fourth attempt */
	admin_do("alter sequence gestor.t_flaky_seq restart with 1 ");
	admin_do("create or replace function gestor.flaky() returns bigint language plpgsql as $$"
		 "begin perform nextval('gestor.t_flaky_seq');"
		 "raise exception using errcode = '40P01', message = 'again'; end $$");
	assert_int_equal(run(&sql_t_flaky, NULL, NULL, &err), DB_CONFLICT);
	assert_string_equal(err.sqlstate, "40P01");
	assert_int_equal(admin_int("select last_value from gestor.t_flaky_seq"), 4);
}

/* internal_error, as "cache lookup failed" after a migration dropped what a plan names. */
static void
internal_error_is_retried(void **state)
{
	struct db_error err;

	(void)state;
	admin_do("alter sequence gestor.t_flaky_seq restart with 1");
	admin_do("create or replace function gestor.flaky() returns bigint language plpgsql as $$"
		 "declare n bigint := nextval('gestor.t_flaky_seq');"
		 "begin if n = 1 then raise exception using errcode = 'XX000', message = 'once'; "
		 "end if; return n; end $$");
	assert_int_equal(run(&sql_t_flaky, NULL, NULL, &err), DB_OK);
	assert_int_equal(admin_int("select last_value from gestor.t_flaky_seq"), 2);
	admin_do("create or replace function gestor.flaky() returns bigint language plpgsql as $$"
		 "begin raise exception using errcode = 'XX000', message = 'always'; end $$");
	assert_int_equal(run(&sql_t_flaky, NULL, NULL, &err), DB_REFUSED);
	assert_string_equal(err.sqlstate, "XX000");
}

static void
prepared_again(void **state)
{
	struct db_error err;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(run(&sql_t_deallocate, NULL, NULL, &err), DB_OK);
		assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_OK);
		assert_int_equal(run(&sql_t_deallocate, NULL, NULL, &err), DB_OK);
		assert_int_equal(run(&sql_t_add, "1", "one", &err), i == 0 ? DB_OK : DB_REFUSED);
	}
	assert_int_equal(run(&sql_t_star, NULL, NULL, &err), DB_OK);
	admin_do("alter table gestor.t_shape add column b int");
	assert_int_equal(
	    run(&sql_t_star, NULL, NULL, &err), DB_OK); /* PostgreSQL answered 0A000 first */
	admin_do("alter table gestor.t_shape drop column b");
}

static void
idle_connections_are_ended(void **state)
{
	int64_t until_ms = clock_ms() + SOON_MS, openings;
	struct db_error err;

	(void)state;
	/* At once: the server's FATAL may arrive after the statement was sent. */
	assert_int_equal(
	    admin_int(
		"select count(pg_terminate_backend(pid)) from pg_stat_activity where " OTHERS),
	    SIZE);
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_OK);
	pool_fill();
	/*
	 * A write only after the sessions have ended for sure, and on a connection that is not so fresh
	 * that the pool does not look: otherwise its outcome might be unknown.
	 */
	admin_do(END_SESSIONS OTHERS);
	pause_ms(110);
	assert_int_equal(run(&sql_t_add, "1", "one", &err), DB_OK);
	assert_int_equal(count(), 1);
	/* The pool also recovers when no request comes. */
	pool_fill();
	openings = pool_state().openings;
	admin_do(END_SESSIONS OTHERS);
	while (pool_state().openings < openings + SIZE && clock_ms() < until_ms)
		pause_ms(5);
	assert_int_equal(pool_state().openings, openings + SIZE);
	pool_fill();
}

static void
ended_while_running(void **state)
{
	struct job j;

	(void)state;
	hold();
	job_start(&j, &sql_t_hold_write, "1", NULL);
	await_int("select count(*) from pg_stat_activity where " HELD, 1);
	assert_int_equal(admin_int(END_SESSIONS HELD), 1);
	release();
	/* The server reported its end before it stored anything, so the statement runs again. */
	assert_int_equal(job_wait(&j), DB_OK);
	assert_int_equal(count(), 1);
}

static void
cut(const struct statement *st, const char *a, enum db_status expected)
{
	struct job j;
	int i;

	pool_fill();
	hold();
	job_start(&j, st, a, NULL);
	await_int("select count(*) from pg_stat_activity where " HELD, 1);
	/* The network fails without a FIN being sent, also for the idle connections. */
	pthread_mutex_lock(&pool->lock);
	for (i = 0; i < SIZE; i++)
		shutdown(PQsocket(pool->conns[i].pg), SHUT_RDWR);
	pthread_mutex_unlock(&pool->lock);
	if (expected != DB_OK)
		assert_int_equal(job_wait(&j), expected);
	release();
	if (expected == DB_OK)
		assert_int_equal(job_wait(&j), expected);
}

static void
network_is_cut(void **state)
{
	(void)state;
	cut(&sql_t_hold, NULL, DB_OK);
	cut(&sql_t_hold_write, "1", DB_UNKNOWN);
	await_int("select count(*) from gestor.t", 1); /* it was committed */
}

static void
writes_leave_one_connection_to_reads(void **state)
{
	static const char *const ids[SIZE] = { "1", "2", "3" };
	struct job j[SIZE];
	struct db_error err;
	int i;

	(void)state;
	pool_wait(QUERY_MS);
	hold();
	for (i = 0; i < SIZE; i++)
		job_start(&j[i], &sql_t_hold_write, ids[i], NULL);
	pool_reaches(SIZE - 1, 1);
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_OK);
	pool_reaches(SIZE - 1, 1); /* the read waited for none of them */
	release();
	for (i = 0; i < SIZE; i++)
		assert_int_equal(
		    job_wait(&j[i]), DB_OK); /* the third ends when one of the first two is done */
	assert_int_equal(count(), SIZE);
}

static void
all_busy(void **state)
{
	struct job j[SIZE], late;
	struct db_error err;
	int64_t start_ms;
	struct pool_counts counts;
	int i;

	(void)state;
	hold();
	for (i = 0; i < SIZE; i++)
		job_start(&j[i], &sql_t_hold, NULL, NULL);
	pool_reaches(SIZE, 0);
	start_ms = clock_ms();
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_BUSY);
	/* WAIT_MS, and not until the deadline of 17 s. */
	assert_in_range(clock_ms() - start_ms, WAIT_MS - 5, WAIT_MS + 8000);
	counts = pool_counts(pool);
	assert_int_equal(counts.open, SIZE);
	assert_int_equal(counts.in_use, SIZE);
	assert_int_equal(counts.waiting, 0);
	pool_wait(QUERY_MS);
	job_start(&late, &sql_t_count, NULL, NULL); /* this one waits, and gets a connection */
	pool_reaches(SIZE, 1);
	release();
	assert_int_equal(job_wait(&late), DB_OK);
	for (i = 0; i < SIZE; i++)
		assert_int_equal(job_wait(&j[i]), DB_OK);
}

/*
 * While another impatient request would wait too long, an impatient one is refused at once. A
 * patient one waits, and does not cause refusals of others.
 */
static void
impatient_calls_are_refused_early(void **state)
{
	struct job held[SIZE], other, next;
	struct db_error err;
	int64_t start_ms;
	int i, patient;

	(void)state;
	pool_wait(16000);
	for (patient = 0; patient < 2; patient++) {
		hold();
		for (i = 0; i < SIZE; i++)
			job_start(&held[i], &sql_t_hold, NULL, NULL);
		pool_reaches(SIZE, 0);
		(patient ? job_start : job_start_impatient)(&other, &sql_t_count, NULL, NULL);
		pool_reaches(SIZE, 1);
		/* As if it had waited for more than 3/4 of wait_ms. If impatient, the next is refused. */
		pthread_mutex_lock(&pool->lock);
		pool->queues[0].since_us -= 12001000;
		pthread_mutex_unlock(&pool->lock);
		if (!patient) {
			start_ms = clock_ms();
			assert_int_equal(run_impatient(&sql_t_count, NULL, NULL, &err), DB_BUSY);
			assert_in_range(clock_ms() - start_ms, 0, 8000);
		}
		/* No write is waiting, so an impatient write may wait; nor does a patient read count. */
		job_start_impatient(&next, patient ? &sql_t_count : &sql_t_add,
		    patient ? NULL : "1", patient ? NULL : "one");
		pool_reaches(SIZE, 2);
		release();
		assert_int_equal(job_wait(&next), DB_OK);
		assert_int_equal(job_wait(&other), DB_OK);
		for (i = 0; i < SIZE; i++)
			assert_int_equal(job_wait(&held[i]), DB_OK);
	}
	assert_int_equal(run_impatient(&sql_t_count, NULL, NULL, &err), DB_OK);
	assert_int_equal(count(), 1);
}

/* A call starts nothing when too little time is left. */
static void
no_time_left(void **state)
{
	const struct call call = { &sql_t_add, { "1", "one" } };
	const int reserve_ms = QUERY_MS * 3 / 20;
	int64_t begun_ms = clock_ms(), deadline_ms = db_deadline_ms(pool), left_ms;
	struct result *r;
	struct db_error err;

	(void)state;
	assert_in_range(deadline_ms, begun_ms + QUERY_MS, clock_ms() + QUERY_MS);
	left_ms = db_time_left_ms(pool, deadline_ms);
	assert_in_range(
	    left_ms, deadline_ms - reserve_ms - clock_ms(), deadline_ms - reserve_ms - begun_ms);
	assert_int_equal(db_run_by(pool, clock_ms() + 20, DB_PATIENT, &call, 1, &r, &err), DB_BUSY);
	assert_true(db_time_left_ms(pool, clock_ms() + 20) <= 0);
	assert_int_equal(count(), 0);
}

/* postmaster - the parent of PostgreSQL's sessions; 0: PostgreSQL runs on another machine. */
static int
postmaster(int session)
{
	char path[64];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", session);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

static int stopped[SIZE + 1]; /* processes */

/* server_stop - stops (SIGSTOP) the pool's sessions and the postmaster. */
static void
server_stop(void)
{
	PGresult *res = PQexec(admin, "select pid from pg_stat_activity where " OTHERS);
	int i;

	assert_int_equal(PQntuples(res), SIZE);
	for (i = 0; i < SIZE; i++)
		stopped[i + 1] = atoi(PQgetvalue(res, i, 0));
	PQclear(res);
	stopped[0] = postmaster(stopped[1]);
	for (i = 0; i <= SIZE; i++)
		if (stopped[i] <= 1 || kill(stopped[i], SIGSTOP) != 0)
			skip(); /* not this user's process */
}

static int
server_continue(void **state)
{
	int i;

	(void)state;
	for (i = 0; i <= SIZE; i++) {
		if (stopped[i] > 1)
			(void)kill(stopped[i], SIGCONT);
		stopped[i] = 0;
	}
	return 0;
}

/* The pool finds out that the server has gone silent, even without requests. */
static void
silent_server_is_noticed(void **state)
{
	int64_t until_ms = clock_ms() + SOON_MS, heard_ms = pool_state().heard_ms;
	struct db_error err;

	(void)state;
	while (pool_state().heard_ms == heard_ms && clock_ms() < until_ms)
		pause_ms(5); /* idle; the pool probes the connections meanwhile */
	assert_int_not_equal(pool_state().heard_ms, heard_ms);
	assert_true(pool_ready(pool));
	server_stop();
	heard_ms = pool_state().heard_ms;
	until_ms = clock_ms() + SOON_MS;
	while (pool_ready(pool) && clock_ms() < until_ms)
		pause_ms(20);
	assert_in_range(clock_ms() - heard_ms, POOL_HEARD_MS, POOL_HEARD_MS + 8000);
	(void)server_continue(state);
	pool_fill();
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_OK);
	assert_true(pool_ready(pool));
}

/* database_open - allows new sessions or refuses them; runs in another database, as PostgreSQL demands. */
static void
database_open(bool open)
{
	static const char *const keys[] = { "dbname", "dbname", NULL };
	const char *const values[] = { url, "postgres", NULL };
	PGconn *c = PQconnectdbParams(keys, values, 1);
	PGresult *res;
	char sql[256];

	snprintf(sql, sizeof(sql), "alter database \"%s\" allow_connections %s", PQdb(admin),
	    open ? "true" : "false");
	res = PQexec(c, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		print_error("%s: %s", sql, PQerrorMessage(c));
	PQclear(res);
	PQfinish(c);
}

static void
server_refuses(void **state)
{
	struct db_error err;
	int64_t start_ms;

	(void)state;
	/* No process listens on that port. Requests do not wait for a connection, which would take 17 s. */
	pool_of_own("postgresql://127.0.0.1:1/x", QUERY_MS);
	start_ms = clock_ms();
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_DOWN);
	assert_int_equal(run(&sql_t_add, "1", "one", &err), DB_DOWN);
	assert_in_range(clock_ms() - start_ms, 0, 8000);
	assert_false(pool_ready(pool));
	(void)pool_of_own_teardown(state);

	/* A server goes down and comes back. */
	pool_wait(QUERY_MS);
	database_open(false);
	admin_do(END_SESSIONS OTHERS);
	start_ms = clock_ms();
	assert_int_equal(run(&sql_t_count, NULL, NULL, &err), DB_DOWN);
	assert_int_equal(run(&sql_t_add, "1", "one", &err), DB_DOWN);
	assert_in_range(clock_ms() - start_ms, 0, 8000);
	assert_false(pool_ready(pool));
	database_open(true);
	pool_fill();
	assert_true(pool_ready(pool));
	assert_int_equal(count(), 0);
}

static int
server_refuses_teardown(void **state)
{
	database_open(true);
	return pool_of_own_teardown(state);
}

#define SYNC_WAIT "wait_event = 'SyncRep' and " OTHERS

/* The COMMIT waits for a standby that never comes: not cancelled, and reported as unknown. */
static void
commit_hangs(void **state)
{
	enum db_status status = DB_OK;
	int64_t start_ms = 0, until_ms = clock_ms() + SOON_MS;
	struct db_error err;
	struct job j;
	int before;

	(void)state;
	if (strcmp(admin_do("select usesuper from pg_user where usename = current_user"), "t") != 0)
		skip();
	admin_do("set synchronous_commit to local");
	admin_do("alter system set synchronous_standby_names to 'nobody'");
	admin_do("select pg_reload_conf()");
	/* Until the server's checkpointer has read this, a COMMIT waits for no standby. */
	for (before = -1; status == DB_OK && clock_ms() < until_ms; before++) {
		start_ms = clock_ms();
		status = run_by(5000, DB_PATIENT, &sql_t_add, NULL, "one", &err);
	}
	assert_int_equal(status, DB_UNKNOWN);
	assert_in_range(
	    clock_ms() - start_ms, 3000, 15000); /* to 1/20 of QUERY_MS before the end */
	assert_int_equal(admin_int("select count(*) from gestor.t"), before); /* not visible yet */
	await_int("select count(*) from pg_stat_activity where " SYNC_WAIT, 1);
	admin_do("select pg_cancel_backend(pid) from pg_stat_activity where " SYNC_WAIT);
	/* It is visible a moment after the wait has ended. */
	await_int("select count(*) from gestor.t", before + 1);

	/* An administrator cancels the wait: PostgreSQL's notice makes the outcome unknown. */
	job_start(&j, &sql_t_add, "2", "two");
	await_int("select count(*) from pg_stat_activity where " SYNC_WAIT, 1);
	admin_do("select pg_cancel_backend(pid) from pg_stat_activity where " SYNC_WAIT);
	assert_int_equal(job_wait(&j), DB_UNKNOWN);
	assert_true(j.err.committed);
	assert_int_equal(admin_int("select count(*) from gestor.t"), before + 2);
}

static int
commit_hangs_teardown(void **state)
{
	(void)state;
	if (strcmp(admin_do("show synchronous_standby_names"), "nobody") != 0)
		return 0;
	admin_do("alter system reset synchronous_standby_names");
	admin_do("select pg_reload_conf()");
	admin_do("reset synchronous_commit");
	admin_do("truncate gestor.t"); /* returns when the server has read this */
	return 0;
}

static bool
reaches(atomic_int *n, int value)
{
	int64_t until_ms = clock_ms() + SOON_MS;

	while (atomic_load(n) < value && clock_ms() < until_ms)
		pause_ms(5);
	return atomic_load(n) >= value;
}

static struct busy {
	atomic_int runs, bad;
	atomic_bool over;
} busy;

static void *
busy_thread(void *arg)
{
	static const struct statement *const sts[] = { &sql_t_count, &sql_t_add, &sql_t_pid };
	struct db_error err;
	int i;

	for (i = 0; !busy.over; i++) {
		const struct statement *st = sts[i % 3];
		enum db_status status = run(st, NULL, st == &sql_t_add ? "busy" : NULL, &err);

		/* When a session ends during a write, the outcome may be unknown. */
		if (status != DB_OK && status != DB_UNKNOWN)
			busy.bad++;
		busy.runs++;
	}
	return arg;
}

static void
many_threads_while_sessions_end(void **state)
{
	pthread_t t[8];
	int i;

	(void)state;
	pool_wait(QUERY_MS);
	for (i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, busy_thread, NULL), 0);
	for (i = 0; i < 5; i++) {
		assert_true(reaches(&busy.runs, busy.runs + 200));
		/* Ends a single session: where connecting is slow, none might be left otherwise. */
		pool_fill();
		admin_do("select pg_terminate_backend(pid) from pg_stat_activity where " OTHERS
			 " order by pid limit 1");
	}
	assert_true(reaches(&busy.runs, busy.runs + 200));
	busy.over = true;
	for (i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(busy.bad, 0);
}

struct heard {
	atomic_int checks, catalog, session, settled;
	int fails;
};

static void
notified(const char *channel, const char *payload, void *arg)
{
	struct heard *h = arg;

	if (strcmp(channel, "gestor_catalog") == 0 && strcmp(payload, "7") == 0)
		h->catalog++;
	else if (strcmp(channel, "gestor_session") == 0)
		h->session++;
}

static bool
batch_end(struct notify *n, void *arg)
{
	struct heard *h = arg;

	(void)n;
	h->settled++;
	return true;
}

/* Fails for the first `fails` times; each is tried again soon. */
static bool
reload(struct notify *n, void *arg)
{
	struct heard *h = arg;

	(void)n;
	return ++h->checks > h->fails;
}

static const struct notify_handler handler = { notified, batch_end, reload };

static void
notifications(void **state)
{
	struct heard h = { 0 };
	struct notify *n = notify_start(url, 60000, &handler, &h), *fast;
	struct heard f = { 0 }, again = { .fails = 4 };
	int64_t start_ms;

	(void)state;
	assert_true(reaches(&h.checks, 1));
	admin_do("notify gestor_catalog, '7'; notify gestor_session, 'a'; notify other, 'b'");
	assert_true(reaches(&h.catalog, 1));
	assert_true(reaches(&h.session, 1));
	assert_true(reaches(&h.settled, 1));
	admin_do("select pg_terminate_backend(pid) from pg_stat_activity where query like "
		 "'listen%' and " OTHERS);
	assert_true(reaches(&h.checks, 2)); /* it connected again, and the check ran */
	admin_do("notify gestor_session, 'c'");
	assert_true(reaches(&h.session, 2));
	start_ms = clock_ms();
	notify_stop(n);
	assert_in_range(clock_ms() - start_ms, 0, 20000); /* and not after check_ms */

	fast = notify_start("postgresql://127.0.0.1:1/x", 50, &handler, &f);
	assert_true(reaches(&f.checks, 3)); /* the check also runs without a connection */
	notify_stop(fast);

	fast = notify_start(url, 60000, &handler, &again);
	assert_true(reaches(
	    &again.checks, 5)); /* a failed check is repeated soon, not only after check_ms */
	pause_ms(300);
	assert_int_equal(again.checks, 5);
	notify_stop(fast);
}

static void *
migrate_thread(void *arg)
{
	*(int *)arg = migrate_run(url, SOON_MS);
	return NULL;
}

static void
migrations_run_once(void **state)
{
	int ret[2] = { -1, -1 };
	pthread_t t[2];
	int i;

	(void)state;
	assert_int_equal(migrate_run(url, 100), 0); /* nothing to do */
	/* a table of the tool dbmate, with a row of its own */
	admin_do(
	    "alter table gestor.schema_migrations drop column checksum, drop column applied_at");
	assert_int_equal(migrate_run(url, 100), 0);
	assert_int_equal(admin_int("select count(*) from gestor.schema_migrations"
				   " where length(checksum) = 64"),
	    2);
	admin_do("update gestor.schema_migrations set checksum = 'x' where version = '0001'");
	assert_int_equal(migrate_run(url, 100), -1);
	/* An administrator holds the lock. */
	admin_do("select pg_advisory_lock(113685426368370)");
	assert_int_equal(migrate_run(url, 150), -1);
	admin_do("select pg_advisory_unlock_all()");
	/* A failing migration leaves nothing behind. */
	admin_do("update gestor.schema_migrations set checksum = null");
	admin_do("delete from gestor.schema_migrations where version = '0002'");
	admin_do("drop function gestor.flaky");
	assert_int_equal(migrate_run(url, 100), -1); /* t_shape exists already */
	assert_int_equal(admin_int("select count(*) from pg_proc where proname = 'flaky'"), 0);
	/* Two migrate at once, from an empty database. */
	admin_do("drop schema gestor cascade");
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, migrate_thread, &ret[i]), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(ret[i], 0);
	}
	assert_int_equal(admin_int("select count(*) from gestor.schema_migrations"), 2);
}

static void
base(void **state)
{
	struct arena a;
	char *s, small[8], date[CLOCK_HTTP_SIZE], time[CLOCK_RFC3339_SIZE];
	int i;

	(void)state;
	arena_init(&a);
	for (i = 1; i < 20000; i += 77) {
		s = arena_alloc(&a, (size_t)i);
		assert_int_equal((uintptr_t)s % _Alignof(max_align_t), 0);
		memset(s, 'x', (size_t)i);
	}
	assert_string_equal(arena_copy(&a, "abc", 2), "ab");
	assert_string_equal(arena_copy(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "z"), "7-z");
	arena_free(&a);
	assert_string_equal(arena_copy(&a, "again", 5), "again");
	arena_free(&a);
	log_escape(small, sizeof(small), "a\"\nb");
	assert_string_equal(small, "a\\\""); /* \u000a has no room */
	log_escape(small, sizeof(small), "ñ\xff\xc3");
	assert_string_equal(small, "ñ??");
	clock_http_date(date);
	assert_int_equal(strlen(date), 29);
	clock_rfc3339(time);
	assert_int_equal(strlen(time), 24);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base),
		cmocka_unit_test_setup(one_call, setup),
		cmocka_unit_test_setup(session_settings, setup),
		cmocka_unit_test_setup(what_statements_say, setup),
		cmocka_unit_test_setup(several_calls, setup),
		cmocka_unit_test_setup(second_fails_first_is_rolled_back, setup),
		cmocka_unit_test_setup(refused, setup),
		cmocka_unit_test_setup_teardown(timeout, setup, pool_of_own_teardown),
		cmocka_unit_test_setup(timeout_of_several, setup),
		cmocka_unit_test_setup_teardown(lock_timeout, setup, pool_of_own_teardown),
		cmocka_unit_test_setup(serialization_is_retried, setup),
		cmocka_unit_test_setup(internal_error_is_retried, setup),
		cmocka_unit_test_setup(prepared_again, setup),
		cmocka_unit_test_setup(idle_connections_are_ended, setup),
		cmocka_unit_test_setup(ended_while_running, setup),
		cmocka_unit_test_setup(network_is_cut, setup),
		cmocka_unit_test_setup(writes_leave_one_connection_to_reads, setup),
		cmocka_unit_test_setup(all_busy, setup),
		cmocka_unit_test_setup(impatient_calls_are_refused_early, setup),
		cmocka_unit_test_setup(no_time_left, setup),
		cmocka_unit_test_setup_teardown(silent_server_is_noticed, setup, server_continue),
		cmocka_unit_test_setup_teardown(server_refuses, setup, server_refuses_teardown),
		cmocka_unit_test_setup_teardown(commit_hangs, setup, commit_hangs_teardown),
		cmocka_unit_test_setup(many_threads_while_sessions_end, setup),
		cmocka_unit_test_setup(notifications, setup),
		cmocka_unit_test_setup(migrations_run_once, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
