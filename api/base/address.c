#include "base/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* An address with brackets and port. */
#define ADDRESS_FIELD_SIZE (ADDRESS_SIZE + 8)

/* Copies the text from begin to end without the blanks around it. Returns false when it is too long. */
static bool
trimmed(const char *begin, const char *end, char *ret, size_t size)
{
	while (begin < end && (*begin == ' ' || *begin == '\t'))
		begin++;
	while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if ((size_t)(end - begin) >= size)
		return false;
	memcpy(ret, begin, (size_t)(end - begin));
	ret[end - begin] = '\0';
	return true;
}

/* Reads an address or a block: its first address and its mask, in host byte order. */
static bool
block_of(const char *begin, const char *end, uint32_t *ret_first, uint32_t *ret_mask)
{
	char text[ADDRESS_SIZE], *slash, rest;
	struct in_addr address;
	unsigned bits = 32;

	if (!trimmed(begin, end, text, sizeof(text)))
		return false;
	slash = strchr(text, '/');
	if (slash != NULL) {
		*slash++ = '\0';
		if (strspn(slash, "0123456789") != strlen(slash) ||
		    sscanf(slash, "%2u%c", &bits, &rest) != 1 || bits > 32)
			return false;
	}
	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	*ret_mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
	*ret_first = ntohl(address.s_addr) & *ret_mask;
	return true;
}

bool
address_list_valid(const char *list)
{
	uint32_t first, mask;
	const char *end;

	if (list[strspn(list, " \t")] == '\0')
		return true;
	for (;; list = end + 1) {
		end = list + strcspn(list, ",");
		if (!block_of(list, end, &first, &mask))
			return false;
		if (*end == '\0')
			return true;
	}
}

static bool
is_trusted(const char *text, const char *trusted)
{
	struct in_addr address;
	uint32_t first, mask;
	const char *end;

	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	for (; *trusted != '\0'; trusted = *end != '\0' ? end + 1 : end) {
		end = trusted + strcspn(trusted, ",");
		if (block_of(trusted, end, &first, &mask) &&
		    (ntohl(address.s_addr) & mask) == first)
			return true;
	}
	return false;
}

/* Writes an IPv4 or IPv6 address in its canonical form. Returns false when text is none. */
static bool
canonical(const char *text, char ret[static ADDRESS_SIZE])
{
	struct in6_addr address;

	if (strchr(text, ':') != NULL)
		return inet_pton(AF_INET6, text, &address) == 1 &&
		       inet_ntop(AF_INET6, &address, ret, ADDRESS_SIZE) != NULL;
	/* An IPv4 address has one form: inet_pton() takes neither leading zeros nor less than four numbers. */
	if (inet_pton(AF_INET, text, &address) != 1)
		return false;
	strcpy(ret, text);
	return true;
}

/*
 * Removes the port that some proxies add, and the brackets of an IPv6 address: 203.0.113.9:51234,
 * [2001:db8::1]:443, [2001:db8::1]. Leaves other text as it is.
 */
static void
cut_port(char text[static ADDRESS_FIELD_SIZE])
{
	char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
	bool brackets =
	    text[0] == '[' && bracket != NULL && colon != NULL && strchr(text, ':') < bracket;
	/* In an IPv6 address without brackets, the part after the last colon is not a port. */
	bool port = colon != NULL && (brackets ? colon == bracket + 1 : colon == strchr(text, ':'));
	size_t digits = port ? strspn(colon + 1, "0123456789") : 0;

	if (port && (digits == 0 || digits > 5 || colon[1 + digits] != '\0'))
		return;
	if (brackets && !port && bracket[1] != '\0')
		return;
	if (port)
		*colon = '\0';
	if (brackets) {
		*bracket = '\0';
		memmove(text, text + 1, strlen(text));
	}
}

void
address_of(
    const char *peer, const char *forwarded, const char *trusted, char ret[static ADDRESS_SIZE])
{
	char text[ADDRESS_FIELD_SIZE];
	const char *begin, *end = forwarded != NULL ? forwarded + strlen(forwarded) : NULL;

	ret[0] = '\0';
	if (!canonical(peer, ret))
		return;
	/* From right to left: only a trusted proxy is believed about the hop before it. */
	while (end != NULL && is_trusted(ret, trusted)) {
		for (begin = end; begin > forwarded && begin[-1] != ','; begin--)
			;
		if (!trimmed(begin, end, text, sizeof(text)))
			return;
		cut_port(text);
		if (!canonical(text, ret))
			return;
		end = begin > forwarded ? begin - 1 : NULL;
	}
}

void
address_block(const char *address, char ret[static ADDRESS_SIZE])
{
	struct in6_addr block;

	if (inet_pton(AF_INET6, address, &block) != 1) {
		memccpy(ret, address, '\0', ADDRESS_SIZE);
	} else if (IN6_IS_ADDR_V4MAPPED(&block)) {
		inet_ntop(AF_INET, &block.s6_addr[12], ret, ADDRESS_SIZE);
	} else {
		memset(&block.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &block, ret, ADDRESS_SIZE);
	}
}
