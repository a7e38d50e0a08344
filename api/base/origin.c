#include "base/origin.h"

#include <string.h>

#define SEPARATORS ", \t"

/* Browsers write origins in lower case: an entry with capitals would never match. */
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
	for (const char *p = origins + strspn(origins, SEPARATORS); *p != '\0';) {
		size_t length = strcspn(p, SEPARATORS);

		if (!is_origin(p, length))
			return false;
		p += length;
		p += strspn(p, SEPARATORS);
	}
	return true;
}

bool
origin_list_empty(const char *origins)
{
	return origins[strspn(origins, SEPARATORS)] == '\0';
}

bool
origin_listed(const char *origins, const char *origin)
{
	size_t wanted = strlen(origin);

	for (const char *p = origins + strspn(origins, SEPARATORS); *p != '\0';) {
		size_t length = strcspn(p, SEPARATORS);

		if (length == wanted && memcmp(p, origin, length) == 0)
			return true;
		p += length;
		p += strspn(p, SEPARATORS);
	}
	return false;
}
