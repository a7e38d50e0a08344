/*
 * attempt - one HTTP request of a delivery, and what came of it. For the sender's thread alone.
 */
#ifndef EVENT_ATTEMPT_H
#define EVENT_ATTEMPT_H

#include <stddef.h>
#include <stdint.h>
#include "auth/secret.h"
#include "event/outcomes.h"
#include "event/target.h"

#define ATTEMPT_SECONDS 15
/* The part of an answer that is stored. */
#define ANSWER_BYTES 1024
/* More of an answer is not read: the connection is closed, and the status decides. */
#define ANSWER_READ_MAX (64 * 1024)
/* An answer with longer headers is a failure. */
#define ANSWER_HEADERS_MAX (16 * 1024)

#define LEASE_SIZE    48 /* an instant as PostgreSQL writes it */
#define EVENT_ID_SIZE 64

/* What delivery_claim returned: borrowed texts. */
struct claimed {
	const char *id, *lease, *event_id, *url, *body;
	size_t body_length;
	const char *secret, *secret_previous; /* as stored; previous NULL: none */
};

/* A secret that was decrypted. */
struct attempt_key {
	char secret[SECRET_ENCRYPTED_SIZE]; /* as stored; "": none yet */
	char token[SECRET_TOKEN_SIZE];
};

struct attempt {
	int64_t webhook; /* its last one's; 0: none yet */
	bool busy;
	int64_t id;
	char lease[LEASE_SIZE];
	int64_t began_us; /* by clock_us() */
	int64_t took_us; /* the webhook's last one; 0: none yet */
	/* The rest belongs to attempt.c. */
	/* Kept for the next attempt, which is cheaper if it is the same webhook's. */
	CURL *easy; /* NULL: none yet */
	char *url; /* which easy is prepared for */
	struct attempt_key keys[2]; /* of the present secret and the previous one */
	struct target_guard guard;
	struct curl_slist *headers;
	char *body;
	int64_t at_us; /* Unix time */
	char answer[ANSWER_BYTES];
	size_t answer_length, read, header_bytes;
	bool cut; /* the rest of the answer was not read */
	bool headers_too_long;
	char why[CURL_ERROR_SIZE];
};

/*
 * attempt_begin - signs the body and adds the request to the multi handle.
 * returns false: no secret can be decrypted, because the key that encrypted it is in the key ring no longer; the attempt
 *         is not busy, and attempt_unreadable makes its outcome
 */
bool attempt_begin(struct attempt *a, CURLM *multi, const struct claimed *c);

/*
 * attempt_end - ends an attempt, adds its outcome, and frees its slot; its easy handle left the multi handle.
 */
void attempt_end(struct attempt *a, CURLcode code, struct outcomes *outcomes);

/* attempt_unreadable - adds the outcome of an attempt that attempt_begin did not begin. */
void attempt_unreadable(const struct attempt *a, struct outcomes *outcomes);

/* attempt_drop - stops an attempt without an outcome. */
void attempt_drop(struct attempt *a, CURLM *multi);

/* attempt_free - frees what is kept between attempts. */
void attempt_free(struct attempt *a);

/*
 * answer_text - the first bytes of an answer as text: what is no UTF-8, or a control character other than tab and line feed, becomes
 * U+FFFD. A character that the end cuts is dropped.
 * ret_text  ANSWER_BYTES * 3 + 1 bytes
 */
void answer_text(const char *bytes, size_t length, char *ret_text);

#endif
