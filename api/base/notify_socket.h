/*
 * notify_socket - reports the service's state to systemd: a datagram to $NOTIFY_SOCKET.
 *
 * Implemented here because the protocol is small and documented as stable, and
 * libsystemd would add liblzma, libzstd, liblz4 and libgcrypt.
 * source  sd_notify(3), "Notes" (the protocol, and that it may be reimplemented);
 *         sd_watchdog_enabled(3)
 */
#ifndef BASE_NOTIFY_SOCKET_H
#define BASE_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

/* notify_socket_there - returns whether NOTIFY_SOCKET is set. */
bool notify_socket_there(void);

/* notify_socket_watchdog_ms - returns how often systemd expects WATCHDOG=1; 0: never. */
int64_t notify_socket_watchdog_ms(void);

/*
 * notify_socket_send - sends one datagram, such as "READY=1\nSTATUS=…". Never blocks.
 * returns 0; or -1 with errno set
 */
int notify_socket_send(const char *state) MUSTCHECK;

#endif
