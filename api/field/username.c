#include "field/username.h"

#include <string.h>

#define DIGITS	      "0123456789"
#define SMALL_LETTERS "abcdefghijklmnopqrstuvwxyz"

bool
username_is_person(const char *name)
{
	return (name[0] == 'E' || name[0] == 'e') && strlen(name) == 8 &&
	       strspn(name + 1, DIGITS) == 7;
}

enum text
username_fault(const char *normal)
{
	size_t n = strlen(normal);

	if (normal[0] == 'E' && username_is_person(normal))
		return TEXT_NONE;
	return n > 0 && n <= USERNAME_MAX && strchr(SMALL_LETTERS, normal[0]) != NULL &&
		       strspn(normal, SMALL_LETTERS DIGITS "-") == n
		   ? TEXT_NONE
		   : TEXT_username_form;
}
