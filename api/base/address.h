/*
 * address - whom a request comes from, as far as can be believed.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_SIZE 46 /* INET6_ADDRSTRLEN */

/* address_list_valid - IPv4 addresses and blocks (10.0.0.0/8), with commas between; or nothing. */
bool address_list_valid(const char *list);

/*
 * address_of - the last address that none of ours vouches for.
 *
 * peer       of the connection, as text
 * forwarded  X-Forwarded-For, each proxy having added its own peer at the end, perhaps with its port; or NULL
 * trusted    the proxies that are believed: a valid list
 * ret        the address as inet_ntop writes it: the peer's, unless the peer is
 *            trusted and has said another that is one; "" where even that is none
 */
void address_of(
    const char *peer, const char *forwarded, const char *trusted, char ret[static ADDRESS_SIZE]);

/*
 * address_block - whose attempts are counted together: an address of IPv4 itself, of
 * IPv6 its 64 bits of network, for one who has any address there has all of them.
 */
void address_block(const char *address, char ret[static ADDRESS_SIZE]);

#endif
