#include "auth/base64url.h"

#include <sodium.h>

bool
base64url_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool
base64url_decode(const char *text, size_t length, char *ret_bytes, size_t size, size_t *ret_length)
{
	const char *end;

	return sodium_base642bin((unsigned char *)ret_bytes, size, text, length, NULL, ret_length,
		   &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	       end == text + length;
}
