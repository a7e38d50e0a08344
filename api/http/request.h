/*
 * request - one request on its way: what the front knows of it, what a handler
 * may ask, and the reply it fills in.
 *
 * Handlers return the HTTP status; the reply is set by one of the functions
 * below, at the latest by the one that failed.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "auth/token.h"
#include "base/arena.h"
#include "db/query.h"
#include "http/address.h"
#include "http/trace.h"
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
	const char *if_none_match; /* of a read; NULL: not there */
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
	const char *advisor_id; /* the same, as text for statements */
	const char
	    *may_change_all; /* "true" for who may change others' opportunities, else "false" */
	const char
	    *shown; /* ids, with blanks between, of what a list shows (reads.h); NULL: none */
	bool masked; /* what is personal in answers is not for this bearer (personal.h) */

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

/* request_deadline_ms - when the answer is to be there: what the database has not said by then is not waited for. */
int64_t request_deadline_ms(struct request *rq);

/* request_patience_ms - for how long it may wait for something else than the database: pool_wait_ms, or what is left; not above 0: nothing. */
int request_patience_ms(struct request *rq);

/*
 * request_query - run one named statement for this request.
 *
 * st       from build/sql.h; st->nargs UTF-8 strings follow, NULL = SQL NULL
 * returns  0 or more rows, owned by the caller (auto_result); or NULL with the
 *          reply (409, 422, 500, 503) set
 */
struct result *request_query(struct request *rq, const struct statement *st, ...) MUSTCHECK;

/*
 * request_run - run several as one transaction in one round trip; rolled back
 * where the request is a rehearsal, and made once where it has an Idempotency-Key.
 * returns  0 with ret_results filled in, each the caller's; or the status of the reply, which is set
 */
int request_run(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

/* request_run_always - the same, without a rehearsal's rolling back: for what protects, whatever was asked. */
int request_run_always(struct request *rq, const struct call *calls, int ncalls,
    struct result *ret_results[]) MUSTCHECK;

/* ---- replies; each returns its status */

/* reply_json - length bytes of JSON that outlive the request's handler (arena, constant, held). */
int reply_json(struct request *rq, int status, const char *json, size_t length);

/*
 * reply_row - column col of the first row, and its entity tag; takes the result over.
 * No row: 404. Of a write whose route shows a part of an opportunity the column is the whole
 * opportunity: the part is replied, and Opportunity-ETag.
 */
int reply_row(struct request *rq, int status, struct result **row, int col);

/* reply_location - the header, for what was created. */
void reply_location(struct request *rq, const char *location);

/* reply_created - 201; the first row's columns: Location, JSON. */
int reply_created(struct request *rq, struct result **row);

/*
 * reply_tag - gives the reply, which is set, its ETag. A read whose If-None-Match
 * names it becomes 304.
 */
int reply_tag(struct request *rq, const char *tag);

/*
 * reply_page - {"items", "next"} and Link; columns of the one row: the items,
 * what the next page begins after, and perhaps the list's entity tag (or null)
 * and the ids of the items, where the path does not say whom they are of.
 */
int reply_page(struct request *rq, struct result **row);

/* reply_static - 200 with what never changes while the process lives; 304 as reply_tag has it. */
int reply_static(
    struct request *rq, const char *type, const char *text, size_t length, const char *tag);

/* reply_empty - 204. */
int reply_empty(struct request *rq);

/* reply_header - adds a header line; name and value need no escaping. */
void reply_header(struct request *rq, const char *name, const char *value);

/* reply_dump - a JSON value as text in the arena, without a NUL behind its length bytes. */
const char *reply_dump(struct request *rq, const json_t *value, size_t *ret_length);

/* reply_problem - a problem of base/messages.def, in the request's language. */
int reply_problem(struct request *rq, const char *code);

/* reply_problem_text(rq, TEXT_x, args...) - the same, said more precisely: a DETAIL, with strings for its {1}, {2}, … */
#define reply_problem_text(rq, ...) reply_problem_message(rq, MESSAGE(__VA_ARGS__))
int reply_problem_message(struct request *rq, enum text text, const char *const args[]);

/* reply_faults - 422 with all that is in rq->faults; reply_faults_of: as another problem than `invalid`. */
int reply_faults(struct request *rq);
int reply_faults_of(struct request *rq, const char *code);

/* ---- lists */

struct page {
	const char *limit; /* "15" */
	const char *created_at; /* NULL on the first page */
	const char *id; /* NULL on the first page */
};

/* request_page - limit and cursor. returns 0, or the status of the reply: 400 for a cursor not ours. */
int request_page(struct request *rq, struct page *ret_page) MUSTCHECK;

#endif
