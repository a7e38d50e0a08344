#include "http/exchange.h"

#include <civetweb.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "auth/secret.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "config.h"
#include "http/access_log.h"
#include "http/authenticate.h"
#include "http/body.h"
#include "http/check.h"
#include "http/condition.h"
#include "http/cors.h"
#include "http/guard.h"
#include "http/guess.h"
#include "http/idempotency.h"
#include "http/interpose.h"
#include "http/language.h"
#include "http/media.h"
#include "http/preview.h"
#include "http/reads.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/share.h"
#include "http/stream.h"
#include "http/upload.h"
#include "resource/held.h"
#include "catalog/catalog.h"
#include "http/problem.h"

#define LINGER_BYTES (1024U * 1024)
#define LINGER_MS    300

/* The arena's first block, on the thread's stack: enough for most requests and their answers. */
#define FIRST_BYTES 4096

/* Uses the client's X-Request-Id if it is harmless in logs: up to 64 letters, digits and -_.: */
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

/* The values of all header lines of this name, joined to one list (RFC 9110, 5.3); NULL: none. */
static const char *
header_list(struct request *rq, const struct mg_request_info *ri, const char *name)
{
	const char *list = NULL;

	for (int i = 0; i < ri->num_headers; i++) {
		if (strcasecmp(ri->http_headers[i].name, name) != 0)
			continue;
		list = list == NULL
			   ? ri->http_headers[i].value
			   : arena_printf(&rq->arena, "%s, %s", list, ri->http_headers[i].value);
	}
	return list;
}

static int
take_conditions(struct request *rq, const struct mg_request_info *ri)
{
	int status;

	if (strcmp(rq->route->method, "GET") == 0)
		return condition_take_read(
		    rq, header_list(rq, ri, "If-Match"), header_list(rq, ri, "If-None-Match"));
	status = condition_take(
	    rq, header_list(rq, ri, "If-Match"), header_list(rq, ri, "If-None-Match"));
	return status != 0 ? status : idempotency_take(rq, header_list(rq, ri, "Idempotency-Key"));
}

static int
answer(struct request *rq)
{
	int status, replayed;

	/* The request is read: start the clock of the database's deadline now. */
	(void)request_deadline_ms(rq);
	status = check_request(rq, held_take);
	idempotency_hash(rq);
	/* A retry replays the stored answer even if the choice was retired since. */
	if (status == 422 && rq->choice_fault && rq->idempotency.key != NULL) {
		replayed = idempotency_replay(rq);
		return replayed != 0 ? replayed : status;
	}
	if (status == 0)
		status = guess_take(rq);
	if (status == 0) {
		rq->route->handler(rq);
		guess_settle(rq);
		status = condition_check_read(rq);
	}
	return rq->validate_only && status < 300 ? preview_hide(rq) : status;
}

/* All Accept-Language lines count (RFC 9110, 5.3). civetweb reads at most MG_MAX_HEADERS lines. */
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

/* Chooses the answer's media type by Accept. Returns 0, or the status of the reply: 406. */
static int
take_accept(struct request *rq, const char *accept)
{
	const char *type = rq->op->answers;

	if (type == NULL)
		return 0;
	double best = media_quality(accept, type), csv = 0, svg = 0;

	if (rq->op->answers_csv)
		csv = media_quality(accept, "text/csv");
	if (rq->op->answers_svg)
		svg = media_quality(accept, "image/svg+xml");
	rq->answers_svg = svg > best && svg > csv;
	rq->answers_csv = csv > best && !rq->answers_svg;
	if (best > 0 || csv > 0 || svg > 0)
		return 0;
	return reply_problem_text(rq, TEXT_answers_only,
	    arena_printf(&rq->arena, "%s%s%s", type, rq->op->answers_csv ? ", text/csv" : "",
		rq->op->answers_svg ? ", image/svg+xml" : ""));
}

/* Sets the reply. The request refers to civetweb's strings, which live until the callback returns. */
static int
handle(struct request *rq, const struct mg_request_info *ri, const char *query,
    const struct guard *g, const struct body_source *body, struct upload *up, bool *ret_unread)
{
	int status;

	/* The request is already in in_flight: server_stop waits for it if it is not refused here. */
	if (__atomic_load_n(&rq->app->ending, __ATOMIC_SEQ_CST))
		return reply_problem_text(rq, TEXT_stopping);
	status = guard_method_is_unknown(ri) ? reply_problem(rq, "method_unknown")
					     : route_find(rq, ri->request_method, rq->path);
	/* RFC 6749, 5.2: error_description is ASCII. */
	if (status == 0 && rq->op->body_form)
		rq->language = LANGUAGE_EN;
	if (status == 0)
		status = route_query(rq, query);
	if (status != 0)
		return status;
	rq->validate_only = request_query_value(rq, "validate_only") != NULL &&
			    strcmp(request_query_value(rq, "validate_only"), "true") == 0;
	status = take_accept(rq, header_list(rq, ri, "Accept"));
	if (status != 0)
		return status;
	status = authenticate(rq, rq->authorization);
	if (status == 0)
		status = share_take(rq);
	if (status == 0)
		status = authorize(rq);
	if (status == 0 && rq->op->body != NULL)
		status = body_take(rq, g, body, ret_unread);
	if (status == 0 && rq->op->body_streams)
		status = upload_take(rq, g, body, up);
	if (status == 0)
		status = take_conditions(rq, ri);
	return status != 0 ? status : answer(rq);
}

static enum listener
listener_of(const struct app *app, const struct mg_request_info *ri)
{
	if (app->config->metrics_port == 0)
		return LISTENER_ALL;
	return ri->server_port == app->config->metrics_port ? LISTENER_METRICS : LISTENER_MAIN;
}

static void
start_request(struct request *rq, struct app *app, unsigned char first[static FIRST_BYTES])
{
	memset(rq, 0, sizeof(*rq));
	rq->app = app;
	rq->began_us = clock_us();
	rq->path = "";
	arena_init_with(&rq->arena, first, FIRST_BYTES);
	__atomic_add_fetch(&app->in_flight, 1, __ATOMIC_SEQ_CST);
}

static bool
write_bytes(void *conn, const char *bytes, size_t length)
{
	return mg_write(conn, bytes, length) == (int)length;
}

/* Sends the reply, in one write unless it is a stream, counts and logs it, and frees what the request owns. */
static void
finish_request(struct request *rq, struct mg_connection *conn, bool keep_alive)
{
	const char *version = mg_get_request_info(conn)->http_version, *bytes;
	bool chunked = version != NULL && strcmp(version, "1.0") != 0, sent;
	size_t length;

	if (__atomic_load_n(&rq->app->draining, __ATOMIC_SEQ_CST))
		keep_alive = false;
	if (rq->trace.id[0] != '\0') {
		char parent[TRACE_PARENT_SIZE];

		trace_parent(&rq->trace, parent);
		reply_header(rq, "traceparent", parent);
	}
	share_headers(rq);
	cors_headers(rq, rq->app->config->cors_origins, rq->origin, rq->preflight);
	if (rq->reply.streams && !chunked)
		keep_alive = false;
	bytes = reply_bytes(rq, rq->head, keep_alive, chunked, &length);
	if (!keep_alive)
		mg_disable_connection_keep_alive(conn);
	/* Before the write: a client that has its answer finds it in the metrics. */
	metrics_request(route_number(rq->route), rq->reply.status, clock_us() - rq->began_us);
	sent =
	    stream_send(rq, &(struct sink){ write_bytes, conn }, bytes, length, chunked, &length);
	if (!sent)
		mg_disable_connection_keep_alive(conn);
	if (rq->reply.stream.end != NULL)
		rq->reply.stream.end(rq->reply.stream.arg, sent && rq->reply.status == 200);
	access_log(rq, length);
	reads_note(rq);
	result_free(rq->body_rows);
	json_decref(rq->body);
	json_decref(rq->reply.about);
	catalog_release(rq->catalogs);
	arena_free(&rq->arena);
	__atomic_sub_fetch(&rq->app->in_flight, 1, __ATOMIC_SEQ_CST);
}

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
 * If the server closes while the client still sends, the client's TCP stack may discard the answer
 * (RFC 9112, 9.6). So this reads and drops a little more before the connection is closed.
 */
static void
linger(const struct request *rq, const struct body_source *body)
{
	char scratch[2048];
	size_t left = LINGER_BYTES + (rq->op != NULL ? 2 * (size_t)rq->op->body_max : 0);
	int n;

	body_deadline_set(clock_ms() + LINGER_MS);
	while (left > 0 && (n = body->read(body->arg, scratch, sizeof(scratch))) > 0)
		left -= (size_t)n < left ? (size_t)n : left;
	body_deadline_set(0);
}

/*
 * The path and the query (NULL: none) of the request target in any of its forms (RFC 9112, 3.2).
 * Not from local_uri, from which civetweb has removed dot segments. civetweb does not split a target
 * that it does not serve (local_uri is NULL), so the query is still in request_uri.
 */
static const char *
target(struct request *rq, const struct mg_request_info *ri, const char **ret_query)
{
	const char *uri = ri->request_uri, *authority = strstr(uri, "://");
	char *path, *mark;

	*ret_query = ri->query_string;
	if (authority != NULL && uri[0] != '/')
		uri = authority + 3 + strcspn(authority + 3, "/");
	if (ri->local_uri != NULL)
		return uri;
	path = arena_copy(&rq->arena, uri, strlen(uri));
	mark = strchr(path, '?');
	if (mark != NULL) {
		*mark = '\0';
		*ret_query = mark + 1;
	}
	return path;
}

int
exchange_request(struct mg_connection *conn)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);
	unsigned char first[FIRST_BYTES];
	struct request rq;
	struct guard g;
	enum text refusal = guard_check(ri, head_buffer(), head_bytes(), &g);
	const struct body_source body = { read_body, send_continue, conn,
		guard_header(ri, "Content-Type"), guard_header(ri, "Content-Encoding") };
	const char *query;
	struct upload up;
	bool unread = false;

	request_begun();
	start_request(&rq, ri->user_data, first);
	rq.head = strcmp(ri->request_method, "HEAD") == 0;
	rq.origin = guard_header(ri, "Origin");
	rq.authorization = guard_header(ri, "Authorization");
	rq.language = language_of(ri);
	if (refusal != TEXT_NONE) {
		take_request_id(&rq, NULL);
		reply_problem_text(&rq, refusal);
		finish_request(&rq, conn, false);
		request_done(SIZE_MAX);
		return rq.reply.status;
	}
	take_request_id(&rq, guard_header(ri, "X-Request-Id"));
	address_of(ri->remote_addr, header_list(&rq, ri, "X-Forwarded-For"),
	    rq.app->config->trusted_proxies, rq.address);
	/* A repeated traceparent becomes a list, which trace_take ignores as malformed. */
	trace_take(header_list(&rq, ri, "traceparent"), &rq.trace);
	rq.preflight = strcmp(ri->request_method, "OPTIONS") == 0 &&
		       guard_header(ri, "Access-Control-Request-Method") != NULL;
	rq.path = target(&rq, ri, &query);
	rq.listener = listener_of(rq.app, ri);
	handle(&rq, ri, query, &g, &body, &up, &unread);
	if (rq.upload != NULL && rq.upload->begun)
		unread = !rq.upload->ended;
	else if (rq.body_text == NULL)
		unread = !body_skip(&rq, &g, &body);
	finish_request(&rq, conn, g.keep_alive && !unread && ri->local_uri != NULL);
	if (unread && !g.expects_continue)
		linger(&rq, &body);
	request_done(g.head_length + (size_t)g.content_length);
	return rq.reply.status;
}

/* civetweb refused the request itself and has parsed neither method nor address reliably. */
int
exchange_refused(struct mg_connection *conn, int status, const char *message)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);
	struct app *app = ri->user_data;
	char origin[256], list_text[128];
	const char *const list = list_text;
	unsigned char first[FIRST_BYTES];
	struct request rq;

	start_request(&rq, app, first);
	rq.origin = guard_raw_header(head_buffer(), head_bytes(), "Origin", origin, sizeof(origin));
	rq.language =
	    language_choose(&list, guard_raw_header(head_buffer(), head_bytes(), "Accept-Language",
				       list_text, sizeof(list_text)) != NULL);
	take_request_id(&rq, NULL);
	if (status == 505)
		reply_problem(&rq, "version_unsupported");
	else if (status >= 500)
		reply_problem(&rq, "internal");
	else if (head_bytes() >= EXCHANGE_BUFFER_BYTES &&
		 strcmp(message, "Malformed message") == 0 &&
		 memmem(head_buffer(), head_bytes(), "\r\n\r\n", 4) == NULL)
		reply_problem(&rq, "headers_too_large");
	else if (head_is_late())
		reply_problem(&rq, "request_timeout");
	/* If its method is not at the buffer's start, ri still describes the thread's previous request. */
	else if (ri->request_method == head_buffer() && guard_method_is_unknown(ri))
		reply_problem(&rq, "method_unknown");
	else
		reply_problem(&rq, "bad_request");
	finish_request(&rq, conn, false);
	request_done(SIZE_MAX);
	return 0;
}

void
exchange_dropped(const struct mg_connection *conn)
{
	const struct mg_request_info *ri = mg_get_request_info(conn);

	if (ri != NULL && ri->request_uri != NULL && ri->local_uri == NULL && head_bytes() > 0)
		exchange_request((struct mg_connection *)(uintptr_t)conn);
}
