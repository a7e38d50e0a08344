#include "http/server.h"

#include <civetweb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/revoked.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/catalog.h"
#include "config.h"
#include "http/body.h"
#include "http/check.h"
#include "http/guard.h"
#include "http/interpose.h"
#include "http/language.h"
#include "http/media.h"
#include "http/reply.h"
#include "http/route.h"

/* More than guard.h's bound on a head, so that it is the guard that says which bound was passed. */
#define REQUEST_BUFFER_BYTES 32768

#define LINGER_BYTES (1024U * 1024)
#define LINGER_MS    300

static struct mg_context *context;
static int in_flight;

/* ------------------------------------------------------------- one request */

/* Ids that come along are kept when they are harmless: up to 64 letters, digits and -_.: */
static void
take_request_id(struct request *rq, const char *given)
{
	size_t n = given != NULL
		       ? strspn(given,
			     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")
		       : 0;

	if (n > 0 && n < sizeof(rq->id) && given[n] == '\0')
		memcpy(rq->id, given, n + 1);
	else
		secret_id(rq->id);
}

static int
authenticate(struct request *rq, const char *authorization)
{
	static const char scheme[] = "Bearer ";

	if (rq->route->auth == AUTH_NONE)
		return 0;
	if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return reply_problem(rq, "token_missing");
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	if (!token_verify(authorization, &rq->who) || revoked_has(rq->who.session_id)) {
		memset(&rq->who, 0, sizeof(rq->who));
		return reply_problem(rq, "token_invalid");
	}
	rq->advisor_id = arena_printf(&rq->arena, "%lld", (long long)rq->who.advisor_id);
	rq->may_change_all = rq->who.role >= ROLE_SUPERVISOR ? "true" : "false";
	if (rq->route->auth == AUTH_SUPERVISOR && rq->who.role < ROLE_SUPERVISOR)
		return reply_problem(rq, "role_forbidden");
	return 0;
}

/* Accept may stand more than once: the lines are one list (RFC 9110, 5.3). */
static const char *
accept_list(struct request *rq, const struct mg_request_info *ri)
{
	const char *list = NULL;

	for (int i = 0; i < ri->num_headers; i++) {
		if (strcasecmp(ri->http_headers[i].name, "Accept") != 0)
			continue;
		list = list == NULL
			   ? ri->http_headers[i].value
			   : arena_printf(&rq->arena, "%s, %s", list, ri->http_headers[i].value);
	}
	return list;
}

/* As for Accept. No more lines are there than the library has room for. */
static enum language
language_of(const struct mg_request_info *ri)
{
	const char *lists[MG_MAX_HEADERS];
	size_t n = 0;

	for (int i = 0; i < ri->num_headers; i++) {
		if (strcasecmp(ri->http_headers[i].name, "Accept-Language") == 0)
			lists[n++] = ri->http_headers[i].value;
	}
	return language_choose(lists, n);
}

/* The library's strings are ours to read until the callback returns. */
static int
handle(struct request *rq, const struct mg_request_info *ri, const struct guard *g,
    const struct body_source *body, bool *ret_unread)
{
	int status = route_find(rq, ri->request_method, rq->path);

	if (status == 0)
		status = route_query(rq, ri->query_string);
	if (status != 0)
		return status;
	if (rq->op->answers != NULL && !media_accepts(accept_list(rq, ri), rq->op->answers))
		return reply_problem_text(rq, TEXT_answers_only, rq->op->answers);
	status = authenticate(rq, guard_header(ri, "Authorization"));
	if (status == 0 && rq->op->body != NULL)
		status = body_take(rq, g, body, ret_unread);
	if (status == 0)
		status = check_request(rq);
	return status != 0 ? status : rq->route->handler(rq);
}

/* Probes come every second, and what they would say of trouble others have logged. */
static enum log_level
level_of(const struct request *rq)
{
	if (rq->op != NULL &&
	    (strcmp(rq->op->id, "livez") == 0 || strcmp(rq->op->id, "readyz") == 0))
		return LOG_DEBUG;
	return rq->reply.status >= 500 ? LOG_WARN : LOG_INFO;
}

static void
log_request(const struct request *rq, size_t bytes)
{
	char fields[512];
	int n = snprintf(fields, sizeof(fields),
	    "\"request_id\":\"%s\",\"operation\":\"%s\",\"status\":%d,\"duration_ms\":%.3f,"
	    "\"bytes\":%zu",
	    rq->id, rq->op != NULL ? rq->op->id : "", rq->reply.status,
	    (double)(clock_us() - rq->began_us) / 1000.0, bytes);

	if (rq->who.advisor_id != 0)
		n += snprintf(fields + n, sizeof(fields) - (size_t)n, ",\"advisor\":%lld",
		    (long long)rq->who.advisor_id);
	if (rq->reply.code != NULL)
		snprintf(
		    fields + n, sizeof(fields) - (size_t)n, ",\"code\":\"%s\"", rq->reply.code);
	log_fields(level_of(rq), "request", fields);
}

static void
start_request(struct request *rq, struct app *app)
{
	memset(rq, 0, sizeof(*rq));
	rq->app = app;
	rq->began_us = clock_us();
	rq->path = "";
	arena_init(&rq->arena);
	__atomic_add_fetch(&in_flight, 1, __ATOMIC_SEQ_CST);
}

/* One write, one log line, one free. */
static void
finish_request(struct request *rq, struct mg_connection *conn, bool head, bool keep_alive)
{
	size_t length;
	const char *bytes;

	if (__atomic_load_n(&rq->app->draining, __ATOMIC_SEQ_CST))
		keep_alive = false;
	bytes = reply_bytes(rq, head, keep_alive, &length);
	if (!keep_alive)
		mg_disable_connection_keep_alive(conn);
	if (mg_write(conn, bytes, length) != (int)length)
		mg_disable_connection_keep_alive(conn);
	log_request(rq, length);
	result_free(rq->kept);
	json_decref(rq->body);
	catalog_release(rq->catalogs);
	arena_free(&rq->arena);
	__atomic_sub_fetch(&in_flight, 1, __ATOMIC_SEQ_CST);
}

/* ------------------------------------------------------ civetweb's callbacks */

static int
read_body(void *arg, char *buf, size_t size)
{
	return mg_read(arg, buf, size);
}

static void
send_continue(void *arg)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

	mg_write(arg, line, sizeof(line) - 1);
}

/*
 * To close while a peer still sends makes its system throw our answer away
 * (RFC 9112, 9.6): so a little more is read of what nobody wants.
 */
static void
linger(const struct body_source *body)
{
	char scratch[2048];
	size_t left = LINGER_BYTES;
	int n;

	peer_body(clock_ms() + LINGER_MS);
	while (left > 0 && (n = body->read(body->arg, scratch, sizeof(scratch))) > 0)
		left -= (size_t)n < left ? (size_t)n : left;
	peer_body(0);
}

static int
begin_request(struct mg_connection *conn)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);
	struct request rq;
	struct guard g;
	enum text refusal = guard_check(ri, peer_buffer(), peer_filled(), &g);
	const struct body_source body = { read_body, send_continue, conn,
		guard_header(ri, "Content-Type"), guard_header(ri, "Content-Encoding") };
	bool unread = false;

	peer_request();
	start_request(&rq, ri->user_data);
	rq.language = language_of(ri);
	if (refusal != TEXT_NONE) {
		take_request_id(&rq, NULL);
		reply_problem_text(&rq, refusal);
		finish_request(&rq, conn, false, false);
		peer_next(SIZE_MAX);
		return rq.reply.status;
	}
	take_request_id(&rq, guard_header(ri, "X-Request-Id"));
	/* Not local_uri: its dot segments are gone already. */
	rq.path = ri->request_uri[0] == '/' ? ri->request_uri : ri->local_uri_raw;
	handle(&rq, ri, &g, &body, &unread);
	if (rq.body_text == NULL)
		unread = !body_skip(&rq, &g, &body);
	finish_request(&rq, conn, strcmp(ri->request_method, "HEAD") == 0, g.keep_alive && !unread);
	if (unread && !g.expects_continue)
		linger(&body);
	peer_next(g.head_length + (size_t)g.content_length);
	return rq.reply.status;
}

/* What the library refuses by itself: it knows neither method nor address then, nor a language. */
static int
http_error(struct mg_connection *conn, int status, const char *message)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);
	struct app *app = ri->user_data;
	struct request rq;

	start_request(&rq, app);
	take_request_id(&rq, NULL);
	if (status == 505)
		reply_problem(&rq, "version_unsupported");
	else if (status >= 500)
		reply_problem(&rq, "internal");
	else if (peer_filled() >= REQUEST_BUFFER_BYTES &&
		 strcmp(message, "Malformed message") == 0 &&
		 memmem(peer_buffer(), peer_filled(), "\r\n\r\n", 4) == NULL)
		reply_problem(&rq, "headers_too_large");
	else if (peer_is_late())
		reply_problem(&rq, "request_timeout");
	else
		reply_problem(&rq, "bad_request");
	finish_request(&rq, conn, false, false);
	peer_next(SIZE_MAX);
	return 0;
}

static void *
init_thread(const struct mg_context *ctx, int thread_type)
{
	(void)ctx;
	(void)thread_type;
	peer_thread();
	return NULL;
}

/* A thread's new connection has nothing of the one before. */
static int
init_connection(const struct mg_connection *conn, void **ret_data)
{
	(void)conn;
	(void)ret_data;
	peer_connection();
	return 0;
}

static int
log_message(const struct mg_connection *conn, const char *message)
{
	(void)conn;
	log_msg(LOG_DEBUG, "civetweb: %s", message);
	return 1;
}

/* ------------------------------------------------------------ start and stop */

#define NUMBER_SIZE 16
#define NUMBER(name, value)                                                                        \
	char name[NUMBER_SIZE];                                                                    \
	snprintf(name, sizeof(name), "%d", value)

int
server_start(struct app *app)
{
	const struct config *c = app->config;
	const struct mg_callbacks callbacks = { .begin_request = begin_request,
		.http_error = http_error,
		.init_thread = init_thread,
		.init_connection = init_connection,
		.log_message = log_message };
	char error[256] = "";
	struct mg_error_data error_data = { .text = error, .text_buffer_size = sizeof(error) };
	struct mg_init_data init = { .callbacks = &callbacks, .user_data = app };

	NUMBER(threads, c->threads);
	NUMBER(request_timeout, c->request_timeout_ms);
	NUMBER(keep_alive, c->keep_alive_ms);
	NUMBER(buffer, REQUEST_BUFFER_BYTES);
	const char *options[] = { "listening_ports", c->listen, "num_threads", threads,
		"request_timeout_ms", request_timeout, "enable_keep_alive", "yes",
		"keep_alive_timeout_ms", keep_alive, "max_request_size", buffer, "tcp_nodelay", "1",
		"decode_url", "no", "connection_queue", "256", "listen_backlog", "1024",
		"access_control_allow_origin", "", "access_control_allow_methods", "",
		"enable_auth_domain_check", "no", "enable_directory_listing", "no", NULL };

	init.configuration_options = options;
	if (peer_start(c->request_timeout_ms) != 0) {
		perror("gestor");
		return -1;
	}
	mg_init_library(0);
	context = mg_start2(&init, &error_data);
	if (context == NULL) {
		fprintf(stderr,
		    "gestor: cannot serve on %s: %s (is the address in use? GESTOR_LISTEN "
		    "chooses another)\n",
		    c->listen, *error != '\0' ? error : "it cannot be bound");
		return -1;
	}
	return 0;
}

void
server_stop(struct app *app)
{
	int64_t until = clock_ms() + app->config->drain_ms;

	__atomic_store_n(&app->draining, true, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&in_flight, __ATOMIC_SEQ_CST) > 0 && clock_ms() < until)
		usleep(2000);
	if (__atomic_load_n(&in_flight, __ATOMIC_SEQ_CST) > 0)
		log_msg(LOG_WARN, "stopping with requests in flight: GESTOR_DRAIN_MS is over");
	peer_end();
	mg_stop(context);
	mg_exit_library();
}
