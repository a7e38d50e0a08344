/*
 * session - what signing in and renewing have in common.
 */
#ifndef RESOURCE_SESSION_H
#define RESOURCE_SESSION_H

#include "auth/secret.h"
#include "http/request.h"

/* session_hours - GESTOR_SESSION_HOURS, as an argument of statements. */
const char *session_hours(struct request *rq);

/*
 * session_ingredients - what the tokens of a session are made of, as JSON: the statement gives it
 * back, and keeps it for a repetition. The refresh token goes along encrypted.
 */
const char *session_ingredients(struct request *rq, const char token[static SECRET_TOKEN_SIZE]);

/* session_reply - the session of a session_made (session.sql) as the reply; its status. A rehearsal's has no tokens. */
int session_reply(struct request *rq, const char *made);

/* A session_made that was kept for a repetition. */
struct kept_session {
	const char *id; /* in the arena */
	bool readable; /* its tokens can be made again: it was kept under a key of today */
	bool live; /* they are good, under the account as it is now */
};

/* session_kept - reads one. returns 0; or the status of the reply, which is set */
int session_kept(struct request *rq, const char *made, struct kept_session *ret_kept) MUSTCHECK;

#endif
