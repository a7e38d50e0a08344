/*
 * language - the language of texts, from Accept-Language.
 * source   RFC 9110, 12.5.4; RFC 4647 (language ranges)
 */
#ifndef HTTP_LANGUAGE_H
#define HTTP_LANGUAGE_H

#include "base/messages.h"

/*
 * language_choose - chooses English or Spanish.
 *
 * lists    values of the n header lines, together one list; malformed elements are ignored
 * returns  the language with the highest q; of equal ones the one listed first. es-PE means Spanish,
 *          en-GB English, * each language that is not named. English if the list (or its absence)
 *          decides nothing, or allows neither
 */
enum language language_choose(const char *const lists[], size_t n);

#endif
