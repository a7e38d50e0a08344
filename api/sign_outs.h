/*
 * sign_outs - learns which sessions ended in other processes, and passes them to auth/revoked.h.
 *
 * It runs on the notify thread and that thread's connection (db/notify.h), so neither a busy pool
 * nor a lock on another table delays it. A notification names a session or an account. Every role
 * of the database can send one, so it takes effect only if the rows confirm it.
 */
#ifndef SIGN_OUTS_H
#define SIGN_OUTS_H

#include "db/notify.h"
#include "http/request.h"

/* sign_outs_handler - the callbacks for notify_start; its arg is the struct app. */
extern const struct notify_handler sign_outs_handler;

#endif
