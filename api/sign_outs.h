/*
 * sign_outs - how this process learns that sessions ended elsewhere.
 *
 * The thread that listens for notifications does it, over its own connection, so neither a busy pool
 * nor a lock on another table delays it. A notification names a session or an account; it counts only
 * where the rows say the same, for whoever may connect to the database can send one.
 */
#ifndef SIGN_OUTS_H
#define SIGN_OUTS_H

#include "db/notify.h"
#include "http/request.h"

/* sign_outs_handler - what the thread that listens is to do; its arg is the struct app. */
extern const struct notify_handler sign_outs_handler;

#endif
