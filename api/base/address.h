/*
 * address - the client's IP address, from the connection and X-Forwarded-For. Safe from any thread.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_SIZE 46 /* INET6_ADDRSTRLEN */

/* address_list_valid - an empty list, or IPv4 addresses and blocks (10.0.0.0/8) separated by commas. */
bool address_list_valid(const char *list);

/*
 * address_of - writes the address of the right-most hop that is not a trusted proxy.
 *
 * peer       the address of the connection's other end
 * forwarded  X-Forwarded-For, to which each proxy appends its peer, perhaps with a port; or NULL
 * trusted    the trusted proxies: a valid list
 * ret        the address as inet_ntop writes it. It is the peer's unless the peer is trusted and
 *            forwarded a valid address; "" when the peer's is malformed
 */
void address_of(
    const char *peer, const char *forwarded, const char *trusted, char ret[static ADDRESS_SIZE]);

/*
 * address_block - writes the block whose sign-in attempts are counted together: an IPv4 address
 * itself; of an IPv6 address its /64 network, as a client usually has all addresses of one.
 */
void address_block(const char *address, char ret[static ADDRESS_SIZE]);

#endif
