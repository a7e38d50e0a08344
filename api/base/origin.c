#include "base/origin.h"

#include <string.h>

#define BETWEEN ", \t"

/* As a browser writes it: one in capitals would never be the same. */
static bool
is_origin(const char *s, size_t length)
{
	static const char authority[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]";
	size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;

	return scheme > 0 && length > scheme && scheme + strspn(s + scheme, authority) >= length;
}

bool
origin_list_valid(const char *origins)
{
	for (const char *p = origins + strspn(origins, BETWEEN); *p != '\0';) {
		size_t length = strcspn(p, BETWEEN);

		if (!is_origin(p, length))
			return false;
		p += length;
		p += strspn(p, BETWEEN);
	}
	return true;
}

bool
origin_list_empty(const char *origins)
{
	return origins[strspn(origins, BETWEEN)] == '\0';
}

bool
origin_listed(const char *origins, const char *origin)
{
	size_t wanted = strlen(origin);

	for (const char *p = origins + strspn(origins, BETWEEN); *p != '\0';) {
		size_t length = strcspn(p, BETWEEN);

		if (length == wanted && memcmp(p, origin, length) == 0)
			return true;
		p += length;
		p += strspn(p, BETWEEN);
	}
	return false;
}
