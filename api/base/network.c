#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_PREFIX 96
#define BLOCK_SIZE    64 /* longest text of a block, and a NUL */

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

/* IPv4 blocks that are not public; bits behind the prefix are 0. */
static const struct {
	unsigned char bytes[4];
	int prefix;
} special_v4[] = {
	{ { 0 }, 8 }, /* this network, unspecified */
	{ { 10 }, 8 }, { { 100, 64 }, 10 }, /* CGNAT */
	{ { 127 }, 8 }, { { 169, 254 }, 16 }, /* link-local; metadata services of clouds */
	{ { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 }, { { 192, 0, 2 }, 24 }, /* documentation */
	{ { 192, 88, 99 }, 24 }, /* 6to4 relays */
	{ { 192, 168 }, 16 }, { { 198, 18 }, 15 }, /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 }, /* documentation */
	{ { 224 }, 3 }, /* multicast, reserved, broadcast */
};

/* Of IPv6, 2000::/3 is public without these. 2001::/23 has Teredo, benchmarks and ORCHID. */
static const struct network global_v6 = { { 0x20 }, 3 };
static const struct network special_v6[] = {
	{ { 0x20, 0x01 }, 23 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x3f, 0xff }, 20 }, /* documentation */
};
static const struct network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 };
static const struct network six_to_four = { { 0x20, 0x02 }, 16 };

static bool
starts(const unsigned char *bytes, const unsigned char *wanted, int prefix)
{
	int whole = prefix / 8, rest = prefix % 8;

	return memcmp(bytes, wanted, (size_t)whole) == 0 &&
	       (rest == 0 || ((bytes[whole] ^ wanted[whole]) >> (8 - rest)) == 0);
}

static bool
in(const unsigned char bytes[static 16], const struct network *n)
{
	return starts(bytes, n->bytes, n->prefix);
}

/* Returns false for another family than IPv4 and IPv6. */
static bool
bytes_of(const struct sockaddr *address, unsigned char ret_bytes[static 16])
{
	if (address->sa_family == AF_INET) {
		memcpy(ret_bytes, mapped, sizeof(mapped));
		memcpy(ret_bytes + 12,
		    &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		memcpy(ret_bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
		    16);
		return true;
	}
	return false;
}

static bool
public_v4(const unsigned char bytes[static 4])
{
	for (size_t i = 0; i < NITEMS(special_v4); i++) {
		if (starts(bytes, special_v4[i].bytes, special_v4[i].prefix))
			return false;
	}
	return true;
}

bool
network_public(const struct sockaddr *address)
{
	unsigned char bytes[16];

	if (!bytes_of(address, bytes))
		return false;
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0 || in(bytes, &nat64))
		return public_v4(bytes + 12);
	if (in(bytes, &six_to_four))
		return public_v4(bytes + 2);
	for (size_t i = 0; i < NITEMS(special_v6); i++) {
		if (in(bytes, &special_v6[i]))
			return false;
	}
	return in(bytes, &global_v6);
}

bool
network_list_has(const struct network *networks, int n, const struct sockaddr *address)
{
	unsigned char bytes[16];

	if (!bytes_of(address, bytes))
		return false;
	for (int i = 0; i < n; i++) {
		if (in(bytes, &networks[i]))
			return true;
	}
	return false;
}

/* Whether all bits behind the prefix are 0. */
static bool
tail_empty(const struct network *n)
{
	for (int bit = n->prefix; bit < 128; bit++) {
		if ((n->bytes[bit / 8] & 0x80 >> bit % 8) != 0)
			return false;
	}
	return true;
}

static bool
block_read(char *text, struct network *ret_network)
{
	char *slash = strchr(text, '/'), *end;
	bool v4 = strchr(text, ':') == NULL;
	int most = v4 ? 32 : 128;
	long prefix = most;

	*ret_network = (struct network){ .prefix = 0 };
	if (slash != NULL) {
		*slash++ = '\0';
		if (*slash < '0' || *slash > '9')
			return false;
		prefix = strtol(slash, &end, 10);
		if (*end != '\0' || prefix > most)
			return false;
	}
	if (v4)
		memcpy(ret_network->bytes, mapped, sizeof(mapped));
	if (inet_pton(v4 ? AF_INET : AF_INET6, text, ret_network->bytes + (v4 ? 12 : 0)) != 1)
		return false;
	ret_network->prefix = (int)prefix + (v4 ? MAPPED_PREFIX : 0);
	return tail_empty(ret_network);
}

int
network_list_read(const char *text, struct network ret_networks[static NETWORKS_MAX])
{
	char block[BLOCK_SIZE];
	size_t length;
	int n = 0;

	for (const char *p = text + strspn(text, " "); *p != '\0';) {
		length = strcspn(p, ", ");
		if (length == 0 || length >= sizeof(block) || n == NETWORKS_MAX)
			return -1;
		memcpy(block, p, length);
		block[length] = '\0';
		if (!block_read(block, &ret_networks[n++]))
			return -1;
		p += length;
		p += strspn(p, " ");
		if (*p == '\0')
			break;
		if (*p != ',')
			return -1;
		p++;
		p += strspn(p, " ");
		if (*p == '\0')
			return -1;
	}
	return n;
}
