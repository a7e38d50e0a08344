/*
 * condition - If-Match and If-None-Match (RFC 9110, section 13.1), as reads and
 * as statements take them.
 *
 * Our entity tags are those of http/entity_tag.h: hexadecimal digits, dots and a hyphen. Others are legal in
 * the headers and match nothing.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "http/request.h"

/*
 * condition_take - what a write is bound to, into rq->condition: the tags of
 * If-Match joined by commas; behind '!' those of If-None-Match, "!*" for its
 * asterisk; NULL for no condition and for "If-Match: *", which anything that is
 * there meets. If-None-Match is looked at only where there is no If-Match.
 *
 * A caller who sees masks meets no If-Match, and every If-None-Match but the asterisk: a tag can be
 * computed of a guess, and the answer would tell whether what is masked was guessed.
 *
 * returns  0; or the status of the reply: 400 for a header that is neither an
 *          asterisk nor a list of entity tags, 412 for If-Match on an operation
 *          that answers no tag
 */
int condition_take(struct request *rq, const char *if_match, const char *if_none_match) MUSTCHECK;

/*
 * condition_of - rq->condition as a statement takes it (SQL function condition_holds): of each tag
 * the parts that the change could overwrite.
 *
 * parts  bits of http/entity_tag.h; 0 for a record that is no opportunity
 */
const char *condition_of(struct request *rq, unsigned parts);

/*
 * condition_take_read - what a read is bound to, into rq->if_match and rq->if_none_match.
 * returns  0; or 400 for an If-Match that is neither an asterisk nor a list of entity tags
 */
int condition_take_read(
    struct request *rq, const char *if_match, const char *if_none_match) MUSTCHECK;

/*
 * condition_check_read - holds the reply of a read, which is set, against rq->if_match
 * (RFC 9110, 13.1.1). A reply without an entity tag matches the asterisk alone. A reply
 * that is neither a success nor 304 stays as it is (13.2.1).
 *
 * returns  the status of the reply: 412 where no tag is the reply's
 */
int condition_check_read(struct request *rq);

#endif
