/*
 * personal - what is personal in answers, and what of it is shown to callers
 * without the right personal_data.
 *
 * P(member, how): every member that openapi.yaml marks x-personal, wherever in
 * an answer it stands. TAIL: three asterisks and the last three characters;
 * GONE: null, for what cannot be shown in part; SHOWN: as it is, for who calls
 * somebody must know the name.
 */
#ifndef HTTP_PERSONAL_H
#define HTTP_PERSONAL_H

#include <stddef.h>

#include "base/arena.h"

#define PERSONAL(P)                                                                                \
	P(name, SHOWN)                                                                             \
	P(document_number, TAIL)                                                                   \
	P(phone, TAIL)                                                                             \
	P(email, TAIL)                                                                             \
	P(gender, SHOWN)                                                                           \
	P(birth_date, GONE)                                                                        \
	P(birthday_today, GONE)                                                                    \
	P(legal_representative, TAIL)                                                              \
	P(lines, TAIL)                                                                             \
	P(origin_phone, TAIL)                                                                      \
	P(serial_number, TAIL)                                                                     \
	P(greeting, SHOWN)                                                                         \
	P(phone_to_manage, TAIL)                                                                   \
	P(additional_line, TAIL)

/*
 * personal_masked - an answer with what is personal masked, in the arena; before its entity tag is
 * made, for a tag of what is hidden would let it be guessed.
 * returns  NULL for what is no JSON
 */
const char *personal_masked(
    struct arena *arena, const char *json, size_t length, size_t *ret_length);

#endif
