/*
 * request - one request: what the HTTP layer knows about it, and its reply.
 *
 * One thread handles a request from start to end. A handler calls a reply_x function, which sets the
 * reply, and returns that function's status. If a function of run.h fails, it has set the reply.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/fair_share.h"
#include "auth/token.h"
#include "base/arena.h"
#include "db/query.h"
#include "db/wal_history.h"
#include "base/address.h"
#include "http/entity_tag.h"
#include "http/trace.h"
#include "spec/faults.h"
#include "spec/openapi.h"

#define REQUEST_PARAMS_MAX 2
#define REQUEST_QUERY_MAX  32
#define REQUEST_ID_SIZE	   65

struct catalogs;
struct config;
struct pool;
struct replica;
struct route;
struct upload;

/* What all requests share. Threads use the last three members only with __atomic builtins. */
struct app {
	const struct config *config;
	struct pool *pool;
	struct replica *replica; /* reads that may be some seconds old */
	bool
	    draining; /* the process is about to stop: /readyz fails, answers close their connection */
	bool ending; /* new requests are refused */
	int in_flight; /* number of requests being handled */
};

/* A body that is made while it is sent (stream.h). */
struct reply_stream {
	/* the next piece, which lives until the next call: 1; 0: the end; -1: it broke off */
	int (*next)(void *arg, const char **ret_bytes, size_t *ret_length);
	/* called once, whatever becomes of the reply. whole: the client was sent all */
	void (*end)(void *arg, bool whole);
	void *arg;
};

struct reply {
	int status;
	const char *type; /* media type of the body */
	const char *body; /* length bytes: in the arena, constant, or in body_rows */
	size_t length;
	const char *code; /* a problem's code, for the log; or NULL */
	const char *tag; /* entity tag without quotes; or NULL */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *policy; /* Content-Security-Policy; NULL: inert in a browser */
	json_t *about; /* additional members of a problem, owned by the request; or NULL */
	const char *location; /* path of the created record; in the arena, or NULL */
	char *headers; /* additional header lines, each with CR LF; in the arena, or NULL */
	bool streams; /* a status of success has no length: its body, if any, comes from `stream` */
	struct reply_stream stream; /* next NULL: none */
};

/* The listener that received the request. If metrics have their own, it serves nothing else. */
enum listener { LISTENER_ALL, LISTENER_MAIN, LISTENER_METRICS };

struct request {
	struct app *app;
	enum listener listener;
	struct arena arena;
	const struct route *route;
	enum entity shows; /* the route's kind of record */
	bool reads; /* GET or HEAD */
	bool head; /* HEAD: the answer has no body */
	const struct operation *op;
	int64_t began_us; /* by clock_us() */
	char id[REQUEST_ID_SIZE]; /* X-Request-Id: the client's, or a random one */
	int64_t deadline_ms; /* see request_deadline_ms(); 0: not set yet */
	struct trace trace;
	char address[ADDRESS_SIZE]; /* the client's IP address (base/address.h); "": unknown */
	const char *path; /* as received, without the query */
	const char *authorization; /* header Authorization; NULL: absent */
	const char *origin; /* header Origin; NULL: absent */
	bool preflight; /* a CORS preflight */
	enum language language; /* of problems */

	const char *param[REQUEST_PARAMS_MAX]; /* of the path's {…}, in order; ids are digits */
	const char *query_name[REQUEST_QUERY_MAX];
	const char *query_value[REQUEST_QUERY_MAX]; /* NULL: blank, which counts as absent */
	int nquery;

	bool answers_csv; /* the client prefers text/csv, which the operation has */
	bool answers_svg; /* the same of image/svg+xml */
	bool validate_only; /* a rehearsal: the write is rolled back */
	const char *if_match, *if_none_match; /* headers of a read; NULL: absent */
	bool weak_condition; /* If-Match has a weak tag, which never matches */
	bool if_match_any; /* If-Match: * */
	const char *condition; /* of a write; NULL: none (condition.h) */
	struct {
		const char *key; /* NULL: none (idempotency.h) */
		const char *scope; /* the account's id; sign-in and renewal set it themselves */
		const char *request_hash;
		const char *request_hash_previous; /* the same, with the previous key's MACs */
		/* makes the reply from the stored body; NULL: that body is the answer */
		int (*replay)(struct request *rq, const char *stored);
		const void *arg; /* for replay */
	} idempotency;

	struct upload *upload; /* a body that the handler reads by itself (upload.h); NULL: none */
	char *body_text; /* NULL: no body */
	size_t body_length;
	json_t *body;

	struct claims who; /* the bearer; advisor_id 0: no token */
	struct fair_share share; /* of the bearer's account; quota 0: not counted */
	const char *advisor_id; /* who.advisor_id as text, for statements; NULL: no token */
	/* "true" or "false", for statements: */
	const char *may_change_all; /* the bearer may change other advisors' opportunities */
	const char *on_behalf; /* an integration that may act for a contact's advisor */
	const char *shown; /*
			    * ids of the records that the reply shows, separated by blanks, for the record of reads
			    * (reads.h). id/client where the record's client is known. NULL: the path's id alone
			    */
	/* whether the request guesses a hidden value, and with what result (guess.h) */
	enum { GUESS_NONE, GUESS_OPEN, GUESS_MISSED, GUESS_CONFIRMED } guess;
	bool masked; /* the bearer may not see personal data (mask.h) */

	struct catalogs *catalogs; /* reference taken when the first choice was checked; or NULL */
	const char *held; /* choices that the changed record already holds; NULL: not looked up */
	struct faults faults;
	bool choice_fault; /* a fault is about a choice: the catalogues may be outdated */
	bool catalogs_missing; /* a choice could not be checked: no catalogues are loaded yet */

	char as_of
	    [AS_OF_SIZE]; /* the instant that the answer shows, if its statement is marked `-- replica`; else "" */
	struct result *body_rows; /* owns the text of reply.body; or NULL */
	struct reply reply;
};

/* request_query_value - a query parameter, decoded and in normal form; NULL: absent or blank. */
const char *request_query_value(const struct request *rq, const char *name);

/* request_member - a string member of the body, owned by the body; NULL: absent or not a string. */
const char *request_member(const struct request *rq, const char *name);

/* request_number - a number as text for a statement's argument; in the arena. */
const char *request_number(struct request *rq, int64_t n);

/*
 * request_deadline_ms - the time, by clock_ms(), after which the request no longer waits for the
 * database. The first call sets it.
 */
int64_t request_deadline_ms(struct request *rq);

/*
 * request_patience_ms - how long the request may wait for anything but the database: pool_wait_ms,
 * or less if its deadline is near; 0 or less: not at all.
 */
int request_patience_ms(struct request *rq);

#endif
