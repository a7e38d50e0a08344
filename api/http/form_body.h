/*
 * form_body - a request body of application/x-www-form-urlencoded.
 * source   WHATWG URL, 5.1; RFC 6749, appendix B and 3.2
 */
#ifndef HTTP_FORM_BODY_H
#define HTTP_FORM_BODY_H

#include "http/request.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

/*
 * form_body_parse - sets rq->body to an object of strings from rq->body_text, which it changes.
 * Members that the operation's schema does not have are left out, and so are empty values.
 *
 * returns  0; or the status of the reply: 400 for a malformed encoding, or a member that appears twice
 */
int form_body_parse(struct request *rq) MUSTCHECK;

#endif
