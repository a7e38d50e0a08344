/*
 * username - the two forms of usernames: a person's, E and 7 digits, and a name of an integration's own.
 */
#ifndef FIELD_USERNAME_H
#define FIELD_USERNAME_H

#include <stdbool.h>
#include "base/messages.h"

/* Characters of an integration's username; the database has the same limit. */
#define USERNAME_MAX 40

/* username_is_person - whether it is E or e and 7 digits. */
bool username_is_person(const char *name);

/* username_fault - what is wrong with a username in its normal form; TEXT_NONE: nothing. */
enum text username_fault(const char *normal);

#endif
