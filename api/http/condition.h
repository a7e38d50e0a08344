/*
 * condition - If-Match and If-None-Match (RFC 9110, section 13.1), for reads and for writes.
 *
 * This service's entity tags (http/entity_tag.h) are made of hexadecimal digits, dots and a hyphen.
 * Tags of any other form are legal in the headers and match nothing.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "http/request.h"

/*
 * condition_take - sets rq->condition, in the arena, from the headers of a write (NULL: absent):
 *
 *   "tag,tag"   If-Match: the record must have one of these tags
 *   "!tag,tag"  If-None-Match: it must have none of them
 *   "!*"        "If-None-Match: *": it must not exist
 *   NULL        no condition, or "If-Match: *", which every existing record satisfies
 *
 * If-None-Match is ignored if there is an If-Match or the operation does not take If-Match.
 *
 * An account without the right personal_data could guess a hidden value and compute the record's tag
 * from it; the answer would tell whether the guess was right. So for such an account a tag in
 * If-Match never matches, and tags in If-None-Match are ignored.
 *
 * returns  0; or the status of the reply: 400 for a header that is neither an asterisk nor a list
 *          of entity tags; 412 for If-Match with tags on an operation that does not take the header
 */
int condition_take(struct request *rq, const char *if_match, const char *if_none_match) MUSTCHECK;

/*
 * condition_of - rq->condition as an argument of the SQL function condition_holds: each tag reduced
 * to the parts that the change could overwrite.
 *
 * parts    PART_x bits of http/entity_tag.h; 0 for a record without parts
 * returns  text in the arena, or NULL: no condition
 */
const char *condition_of(struct request *rq, unsigned parts);

/*
 * condition_take_read - sets rq->if_match and rq->if_none_match from the headers of a read (NULL:
 * absent); the request refers to these strings.
 * returns  0; or the status of the reply: 400 for an If-Match that is neither an asterisk nor a list
 *          of entity tags
 */
int condition_take_read(
    struct request *rq, const char *if_match, const char *if_none_match) MUSTCHECK;

/*
 * condition_check_read - compares the finished reply of a read with rq->if_match (RFC 9110,
 * 13.1.1). A reply without an entity tag matches only the asterisk. A reply that is neither a
 * success nor 304 stays unchanged (13.2.1).
 *
 * returns  the status of the reply: 412 if no tag matches
 */
int condition_check_read(struct request *rq);

#endif
