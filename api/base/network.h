/*
 * network - blocks of IP addresses, and which addresses are public.
 *
 * Webhooks go to public addresses only: an account must not make the service talk to what stands beside it.
 * Both families are compared as 16 bytes, IPv4 in its mapped form (::ffff:a.b.c.d).
 * source   IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 6890, 6052, 3056, 4380, 9637
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <stdbool.h>
#include <sys/socket.h>
#include "base/base.h"

struct network {
	unsigned char bytes[16];
	int prefix; /* bits that count, of 128 */
};

#define NETWORKS_MAX 64

/*
 * network_list_read - reads addresses and blocks separated by commas: "10.0.0.0/8, fd00::/8, 192.0.2.1".
 *
 * ret_networks  NETWORKS_MAX of them
 * returns       their number; or -1: not such a list, too many, or bits behind a prefix that are not 0
 */
int network_list_read(const char *text, struct network ret_networks[static NETWORKS_MAX]);

/* network_list_has - whether an address is in one of the blocks. */
bool network_list_has(const struct network *networks, int n, const struct sockaddr *address);

/*
 * network_public - whether an address belongs to the public Internet.
 *
 * Not public: private, shared (CGNAT), loopback, link-local, unspecified, multicast, reserved, documentation and benchmark
 * addresses. An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4) is judged by that; Teredo and the
 * IPv4-compatible form, which nobody uses, are not public.
 */
bool network_public(const struct sockaddr *address);

#endif
