/*
 * language - Accept-Language (RFC 9110, 12.5.4; ranges: RFC 4647).
 */
#ifndef HTTP_LANGUAGE_H
#define HTTP_LANGUAGE_H

#include "base/messages.h"

/*
 * language_choose - the language of the answer.
 *
 * lists    the header's n values, which are one list
 * returns  the language with the highest q; of equals the first listed. es-PE
 *          asks for Spanish, en-GB for English, * for what is not named,
 *          English before Spanish. English when there is no header, or when
 *          nothing of it can be had. A malformed element is passed over
 */
enum language language_choose(const char *const lists[], size_t n);

#endif
