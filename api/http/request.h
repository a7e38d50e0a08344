/*
 * request - one request on its way: what the front knows of it, and the reply that is filled in.
 *
 * Handlers return the HTTP status; the reply is set by a function of http/reply.h, at the latest
 * by the one that failed.
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
#include "base/address.h"
#include "http/entity_tag.h"
#include "http/trace.h"
#include "spec/faults.h"
#include "spec/openapi.h"

#define REQUEST_PARAMS_MAX 2
#define REQUEST_QUERY_MAX  16
#define REQUEST_ID_SIZE	   65

struct catalogs;
struct config;
struct pool;
struct route;

/* What all requests share. */
struct app {
	const struct config *config;
	struct pool *pool;
	bool draining; /* about to end; read and written with __atomic builtins, as the next two */
	bool ending; /* takes no request any more */
	int in_flight; /* requests that are being answered now */
};

struct reply {
	int status;
	const char *type; /* of the body */
	const char *body; /* length bytes: in the arena, constant, or held by the request */
	size_t length;
	const char *code; /* of a problem, for the log */
	const char *tag; /* its entity tag, without quotes; NULL: it has none */
	const char *cache; /* Cache-Control; NULL: no-store */
	const char *policy; /* Content-Security-Policy; NULL: nothing may be done with it */
	json_t *about; /* further members of a problem, held by the request; or NULL */
	const char *location; /* of what was created; in the arena, or NULL */
	char *headers; /* further header lines, each with its CR LF; in the arena, or NULL */
};

/* What is served where the request came in: where metrics have a listener of their own, they are there alone. */
enum door { DOOR_ALL, DOOR_MAIN, DOOR_METRICS };

struct request {
	struct app *app;
	enum door door;
	struct arena arena;
	const struct route *route;
	enum entity shows; /* the kind of record that the answer shows */
	bool reads; /* GET and HEAD */
	const struct operation *op;
	int64_t began_us;
	char id[REQUEST_ID_SIZE];
	int64_t deadline_ms; /* request_deadline_ms; 0: not set yet */
	struct trace trace;
	char address[ADDRESS_SIZE]; /* whom it comes from; "": not known */
	const char *path; /* as it was sent, without the query */
	const char *origin; /* NULL: not there */
	bool preflight; /* OPTIONS that a browser sends before the request itself */
	enum language language; /* of what goes wrong */

	const char *param[REQUEST_PARAMS_MAX]; /* of the path, in order; ids are checked */
	const char *query_name[REQUEST_QUERY_MAX];
	const char *query_value[REQUEST_QUERY_MAX]; /* NULL: blank, which counts as absent */
	int nquery;

	bool validate_only; /* a rehearsal: nothing is to be stored */
	const char *if_match, *if_none_match; /* of a read; NULL: not there */
	bool weak_condition; /* If-Match has a weak tag, which never matches */
	const char *condition; /* of a write, for its statement; NULL: none (condition.h) */
	struct {
		const char *key; /* NULL: none (idempotency.h) */
		const char *scope; /* whose key: who signs in, or renews, says so itself */
		const char *asked; /* a hash of the request */
		const char *asked_previous; /* the same, under the previous key */
		/* what makes a reply of the kept body, where that is not the answer itself */
		int (*replay)(struct request *rq, const char *kept);
		const void *arg; /* what replay needs to know */
	} idempotency;

	char *body_text; /* NULL: none */
	size_t body_length;
	json_t *body;

	struct claims who; /* who.advisor_id 0: nobody */
	struct fair_share share; /* of the bearer's account; quota 0: not counted */
	const char *advisor_id; /* the same, as text for statements */
	const char
	    *may_change_all; /* "true" for who may change others' opportunities, else "false" */
	const char *
	    on_behalf; /* "true" for an integration that may act for the advisor of a contact, else "false" */
	const char
	    *shown; /* ids, with blanks between, of what a list shows (reads.h); NULL: none */
	/* of a caller who sees masks: whether the request asks for a hidden value (guess.h) */
	enum { GUESS_NONE, GUESS_OPEN, GUESS_MISSED, GUESS_CONFIRMED } guess;
	bool masked; /* what is personal in answers is not for this bearer (mask.h) */

	struct catalogs *catalogs; /* held since the first choice was looked at */
	const char *held; /* choices that the record holds already (check.c); NULL: not looked up */
	struct faults faults;
	bool choice_fault; /* one of the faults is a choice's: perhaps our catalogues are old */
	bool unready; /* a choice had to be checked, and there are no catalogues yet */

	struct result *kept; /* whose text the reply's body is */
	struct reply reply;
};

/* request_query_value - a query parameter, decoded and in its normal form; NULL: not given, or blank. */
const char *request_query_value(const struct request *rq, const char *name);

/* request_member - a member of the body that is text; NULL: not given, or no text. */
const char *request_member(const struct request *rq, const char *name);

/* request_number - a number as an argument of statements; in the arena. */
const char *request_number(struct request *rq, int64_t n);

/* request_deadline_ms - when the answer is to be there: what the database has not said by then is not waited for. */
int64_t request_deadline_ms(struct request *rq);

/* request_patience_ms - for how long it may wait for something else than the database: pool_wait_ms, or what is left; not above 0: nothing. */
int request_patience_ms(struct request *rq);

#endif
