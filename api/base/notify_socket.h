/*
 * notify_socket - tells systemd how the service is: a datagram to $NOTIFY_SOCKET.
 *
 * Our own, for the protocol is these few lines and is promised to stay as it
 * is, and libsystemd would bring liblzma, libzstd, liblz4 and libgcrypt along.
 * source  sd_notify(3), "Notes" (the protocol, and that it may be reimplemented);
 *         sd_watchdog_enabled(3)
 */
#ifndef BASE_NOTIFY_SOCKET_H
#define BASE_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/base.h"

/* notify_socket_there - somebody listens: NOTIFY_SOCKET is set. */
bool notify_socket_there(void);

/* notify_socket_watchdog_ms - within how long WATCHDOG=1 must come, 0: nobody waits for it. */
int64_t notify_socket_watchdog_ms(void);

/* notify_socket_send - "READY=1\nSTATUS=…"; -1 when it could not be sent (errno set). Never waits. */
int notify_socket_send(const char *state) MUSTCHECK;

#endif
