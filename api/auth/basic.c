#include "auth/basic.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

static const char scheme[] = "Basic ";

bool
basic_is(const char *authorization)
{
	return authorization != NULL && strncasecmp(authorization, scheme, sizeof(scheme) - 1) == 0;
}

bool
basic_read(const char *authorization, struct basic *ret_basic)
{
	const char *encoded;
	char *colon;
	size_t length;

	if (!basic_is(authorization))
		return false;
	encoded = authorization + sizeof(scheme) - 1;
	encoded += strspn(encoded, " ");
	if (sodium_base642bin((unsigned char *)ret_basic->text, sizeof(ret_basic->text) - 1,
		encoded, strlen(encoded), NULL, &length, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    memchr(ret_basic->text, '\0', length) != NULL)
		return false;
	ret_basic->text[length] = '\0';
	/* The id's colons are encoded, so the first one separates. */
	colon = strchr(ret_basic->text, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	ret_basic->id = ret_basic->text;
	ret_basic->secret = colon + 1;
	return text_percent_decode(ret_basic->text, true) && text_percent_decode(colon + 1, true);
}
