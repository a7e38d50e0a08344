/*
 * personal - what is personal in answers, and what of it is shown to callers
 * without the right personal_data.
 *
 * P(member, how): every member that openapi.yaml marks x-personal, wherever in
 * an answer it stands. MASKED: three asterisks, whatever the value; of a list
 * that is not empty one such mask, whatever its length. GONE: null, for what is no text.
 * SHOWN: as it is, for whoever calls a person must know the name.
 */
#ifndef HTTP_PERSONAL_H
#define HTTP_PERSONAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

#define PERSONAL(P)                                                                                \
	P(name, SHOWN)                                                                             \
	P(document_number, MASKED)                                                                 \
	P(phone, MASKED)                                                                           \
	P(email, MASKED)                                                                           \
	P(gender, SHOWN)                                                                           \
	P(birth_date, GONE)                                                                        \
	P(birthday_today, GONE)                                                                    \
	P(legal_representative, MASKED)                                                            \
	P(lines, MASKED)                                                                           \
	P(origin_phone, MASKED)                                                                    \
	P(serial_number, MASKED)                                                                   \
	P(greeting, SHOWN)                                                                         \
	P(phone_to_manage, MASKED)                                                                 \
	P(additional_line, MASKED)                                                                 \
	P(plan, MASKED)                                                                            \
	P(activation_date, GONE)                                                                   \
	P(trac_profile, MASKED)                                                                    \
	P(observed, GONE)                                                                          \
	P(claro_points, GONE)                                                                      \
	P(segment, MASKED)                                                                         \
	P(mi_claro, GONE)                                                                          \
	P(expiring_points, GONE)                                                                   \
	P(overdue_payment, MASKED)                                                                 \
	P(latam_partner, GONE)                                                                     \
	P(current_plan, MASKED)                                                                    \
	P(prior_consultation, GONE)

/*
 * personal_masked - an answer with what is personal masked, in the arena. It is called before the
 * answer's entity tags are made: a tag is a hash without a key, so a tag of a hidden value would tell it.
 * returns  NULL for what is no JSON
 */
const char *personal_masked(
    struct arena *arena, const char *json, size_t length, size_t *ret_length);

/* personal_gone - whether a masked answer has null in place of this member. */
bool personal_gone(const char *member);

#endif
