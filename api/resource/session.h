/*
 * session - what sign-in and token renewal have in common: tokens, replies, and their retries.
 *
 * "made" is the JSON text that the statements return for a new session (session_made in
 * session.sql); it is stored with the Idempotency-Key, so that a retry gets the same tokens.
 */
#ifndef RESOURCE_SESSION_H
#define RESOURCE_SESSION_H

#include "auth/secret.h"
#include "http/request.h"

/* session_hours - returns GESTOR_SESSION_HOURS as an argument of statements. */
const char *session_hours(struct request *rq);

/*
 * session_ingredients - returns, as JSON in the arena, what the session's tokens are made from: time,
 * a new token id, and the refresh token, encrypted. It becomes part of "made".
 */
const char *session_ingredients(struct request *rq, const char token[static SECRET_TOKEN_SIZE]);

/* session_reply - replies with the session of "made" (a rehearsal's has no tokens); the status. */
int session_reply(struct request *rq, const char *made);

/* A "made" that was stored with an Idempotency-Key. */
struct stored_session {
	const char *id; /* in the arena */
	bool readable; /* its tokens can be made again: a present key decrypts it */
	bool live; /* its refresh token is still valid, and so is the account */
};

/* session_stored - reads a stored "made". returns 0; or the status of the reply: the query failed */
int session_stored(
    struct request *rq, const char *made, struct stored_session *ret_stored) MUSTCHECK;

#endif
