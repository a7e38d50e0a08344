#include "db/connect.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Of a URL of more hosts those behind are not remembered. */
#define HOSTS_MAX 16

void
connect_why(char ret_why[static CONNECT_WHY_SIZE], const char *message)
{
	snprintf(ret_why, CONNECT_WHY_SIZE, "%.*s", (int)strcspn(message, "\n"), message);
}

/* libpq would print the server's notices on standard error. */
static void
notice_ignore(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* open_hosts - hosts and ports stand in the place of the URL's; NULL: they are the URL's. */
static PGconn *
open_hosts(const char *url, enum connect_to to, const char *hosts, const char *ports,
    char ret_why[static CONNECT_WHY_SIZE])
{
	/*
	 * The URL (dbname) overrides the parameters before it, not those after it.
	 * A server that vanishes silently is noticed after 10 + 3 * 5 s on an
	 * idle connection, after 15 s when sent bytes are not acknowledged.
	 * read-write: of several hosts, use the one that accepts writes; standby: one that does not.
	 */
	static const char *const keys[] = { "connect_timeout", "keepalives", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"fallback_application_name", "target_session_attrs", "dbname", "client_encoding",
		"host", "port", NULL };
	const char *const values[] = { "5", "1", "10", "5", "3", "15000", "gestor",
		to == CONNECT_STANDBY ? "standby" : "read-write", url, "UTF8", hosts, ports, NULL };
	PGconn *pg;

	/*
	 * PQconnectdbParams would print the message of a server that ends the
	 * session as soon as it is ready. So start the connection, set the
	 * notice receiver, and connect again with PQreset: of libpq's calls only
	 * PQreset keeps both the receiver and each host's connect_timeout.
	 */
	pg = PQconnectStartParams(keys, values, 1);
	if (pg == NULL) {
		connect_why(ret_why, "out of memory");
		return NULL;
	}
	PQsetNoticeReceiver(pg, notice_ignore, NULL);
	if (PQstatus(pg) != CONNECTION_BAD)
		PQreset(pg);
	if (PQstatus(pg) != CONNECTION_OK) {
		connect_why(ret_why, PQerrorMessage(pg));
		PQfinish(pg);
		return NULL;
	}
	return pg;
}

/* turned - a list of a URL, "a,b,c", from its nth element on: "b,c,a" for 1; NULL: it has fewer, or memory is short. The caller frees it. */
static char *
turned(const char *list, int nth)
{
	const char *rest = list;
	char *text = NULL;

	for (; nth > 0 && rest != NULL; nth--) {
		rest = strchr(rest, ',');
		rest += rest != NULL;
	}
	if (rest == NULL || rest == list ||
	    asprintf(&text, "%s,%.*s", rest, (int)(rest - list - 1), list) < 0)
		return NULL;
	return text;
}

/* nth_is - whether this is the nth element of a list. */
static bool
nth_is(const char *list, int nth, const char *element)
{
	size_t length;

	for (; nth > 0 && *list != '\0'; nth--) {
		list += strcspn(list, ",");
		list += *list == ',';
	}
	length = strcspn(list, ",");
	return strlen(element) == length && strncmp(list, element, length) == 0;
}

/* hosts_of - the hosts and ports of a URL of several, to be freed; NULLs: it has one, or numeric addresses beside. */
static void
hosts_of(const char *url, char **ret_hosts, char **ret_ports)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL), *o;
	bool addresses = false;

	*ret_hosts = *ret_ports = NULL;
	for (o = options; o != NULL && o->keyword != NULL; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "host") == 0 && strchr(o->val, ',') != NULL)
			*ret_hosts = strdup(o->val);
		else if (strcmp(o->keyword, "port") == 0)
			*ret_ports = strdup(o->val);
		addresses |= strcmp(o->keyword, "hostaddr") == 0;
	}
	PQconninfoFree(options);
	if (*ret_hosts != NULL && !addresses)
		return;
	free(*ret_hosts);
	free(*ret_ports);
	*ret_hosts = *ret_ports = NULL;
}

PGconn *
connect_open_from(
    const char *url, enum connect_to to, int *first, char ret_why[static CONNECT_WHY_SIZE])
{
	char *hosts, *ports, *turned_hosts = NULL, *turned_ports = NULL;
	PGconn *pg;

	hosts_of(url, &hosts, &ports);
	if (hosts != NULL && *first > 0) {
		turned_hosts = turned(hosts, *first);
		if (turned_hosts != NULL && ports != NULL && strchr(ports, ',') != NULL)
			turned_ports = turned(ports, *first);
		if (turned_ports == NULL && ports != NULL && strchr(ports, ',') != NULL) {
			/* Hosts must not get the ports of others. */
			free(turned_hosts);
			turned_hosts = NULL;
		}
	}
	pg = open_hosts(url, to, turned_hosts, turned_ports, ret_why);
	for (int i = 0; pg != NULL && hosts != NULL && i < HOSTS_MAX; i++)
		if (nth_is(hosts, i, PQhost(pg)) &&
		    (ports == NULL || strchr(ports, ',') == NULL || nth_is(ports, i, "") ||
			nth_is(ports, i, PQport(pg)))) {
			*first = i;
			break;
		}
	free(turned_hosts);
	free(turned_ports);
	free(hosts);
	free(ports);
	return pg;
}

PGconn *
connect_open(const char *url, enum connect_to to, char ret_why[static CONNECT_WHY_SIZE])
{
	return open_hosts(url, to, NULL, NULL, ret_why);
}

/* socket_wait - waits to read or write, and does so; 0: the deadline passed first. */
static int
socket_wait(PGconn *pg, int64_t deadline_ms)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };
	int64_t left = deadline_ms - clock_ms();
	int n;

	if (left <= 0)
		return 0;
	if (PQflush(pg) == 1)
		p.events |= POLLOUT;
	n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	if (n < 0)
		return errno == EINTR;
	if (n == 0)
		return 0;
	/* A failure appears in PQstatus, and as an error result after those already received. */
	if ((p.revents & ~POLLOUT) != 0)
		(void)PQconsumeInput(pg);
	return 1;
}

int
connect_next(PGconn *pg, int64_t deadline_ms, PGresult **ret_result)
{
	PGresult *res;
	int nulls;

	/* One NULL ends each statement of a pipeline; two in a row: no statement is running. */
	for (nulls = 0; nulls < 2; nulls++) {
		while (PQisBusy(pg))
			if (!socket_wait(pg, deadline_ms))
				return 0;
		res = PQgetResult(pg);
		if (res != NULL) {
			*ret_result = res;
			return 1;
		}
	}
	return -1;
}

PGresult *
connect_exec(PGconn *pg, const char *sql, int64_t deadline_ms)
{
	PGresult *last = NULL, *res;
	int n;

	if (!PQsendQuery(pg, sql))
		return PQmakeEmptyPGresult(pg, PGRES_FATAL_ERROR);
	while ((n = connect_next(pg, deadline_ms, &res)) == 1) {
		PQclear(last);
		last = res;
	}
	if (n == 0) {
		PQclear(last);
		return NULL;
	}
	return last;
}

int
connect_session(
    PGconn *pg, int query_timeout_ms, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	int statement_ms = query_timeout_ms - query_timeout_ms / 5;
	int lock_ms = query_timeout_ms / 5;
	PGresult *res;
	char sql[768];
	int ok;

	/*
	 * statement_timeout is 4/5 of the client's deadline, so the server
	 * nearly always cancels first and the connection stays usable.
	 * lock_timeout is much shorter: otherwise a few waits for one row would
	 * occupy all connections. 0 would mean no limit, so 1 is the minimum.
	 * jit is off: compiling a plan takes longer than any statement here.
	 * plan_cache_mode: see custom_plan in statement.h. A mode that the administrator has chosen stays.
	 *
	 * The keepalives are the server's: if the network loses the end of a
	 * write, its transaction would otherwise hold its locks for two hours.
	 */
	snprintf(sql, sizeof(sql),
	    "set search_path to gestor, pg_temp; set timezone to 'UTC'; set datestyle to 'ISO';"
	    "set default_transaction_isolation to 'read committed'; set jit to off;"
	    "select set_config('plan_cache_mode', 'force_generic_plan', false)"
	    " where current_setting('plan_cache_mode') = 'auto';"
	    "set statement_timeout to %d; set lock_timeout to %d;"
	    "set idle_in_transaction_session_timeout to %d;"
	    "set tcp_keepalives_idle to 10; set tcp_keepalives_interval to 5;"
	    "set tcp_keepalives_count to 3; set tcp_user_timeout to 15000",
	    statement_ms > 0 ? statement_ms : 1, lock_ms > 0 ? lock_ms : 1,
	    query_timeout_ms > 0 ? query_timeout_ms : 1);
	if (PQsetnonblocking(pg, 1) != 0) {
		connect_why(ret_why, PQerrorMessage(pg));
		return -1;
	}
	res = connect_exec(pg, sql, deadline_ms);
	ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	if (!ok)
		connect_why(ret_why, res == NULL ? "no answer in time" : PQerrorMessage(pg));
	PQclear(res);
	return ok ? 0 : -1;
}

/* prepare_send - puts all statements into the output buffer; 0: libpq refused. */
static int
prepare_send(PGconn *pg)
{
	int i;

	/* The session may have some of them already. */
	if (!PQenterPipelineMode(pg) ||
	    !PQsendQueryParams(pg, "deallocate all", 0, NULL, NULL, NULL, NULL, 0))
		return 0;
	for (i = 0; i < sql_all_count; i++)
		if (!PQsendPrepare(pg, sql_all[i]->name, sql_all[i]->text, 0, NULL))
			return 0;
	return PQpipelineSync(pg);
}

int
connect_prepare(PGconn *pg, int64_t deadline_ms, char ret_why[static CONNECT_WHY_SIZE])
{
	PGresult *res;
	int n = -1, done = -1, failed = 0; /* done: -1 for the deallocate in front */

	if (!prepare_send(pg)) {
		connect_why(ret_why, PQerrorMessage(pg));
		return -1;
	}
	while ((n = connect_next(pg, deadline_ms, &res)) == 1) {
		ExecStatusType status = PQresultStatus(res);

		if (status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC && !failed) {
			failed = 1;
			snprintf(ret_why, CONNECT_WHY_SIZE,
			    "statement %s cannot be prepared: %.150s",
			    done >= 0 && done < sql_all_count ? sql_all[done]->name : "(none)",
			    PQresultErrorMessage(res));
			ret_why[strcspn(ret_why, "\n")] = '\0';
		}
		done++;
		PQclear(res);
		if (status == PGRES_PIPELINE_SYNC)
			break;
	}
	if (failed)
		return -1;
	if (n != 1 || !PQexitPipelineMode(pg)) {
		connect_why(ret_why, n == 0 ? "preparing took too long" : PQerrorMessage(pg));
		return -1;
	}
	return 0;
}
