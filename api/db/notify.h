/*
 * notify - what other processes and hands changed in the database.
 *
 * A thread with a connection of its own LISTENs on the channels
 * "gestor_catalog" and "gestor_session". The callback is called on that
 * thread: for each notification, with its channel and payload; after every
 * (re)connect and every check_ms, with channel NULL: then anything may have
 * changed, for a notification sent while nobody listened is lost.
 */
#ifndef DB_NOTIFY_H
#define DB_NOTIFY_H

#include "base/base.h"

struct notify;
typedef void notify_fn(const char *channel, const char *payload, void *arg);

struct notify *notify_start(const char *url, int check_ms, notify_fn *fn, void *arg) MUSTCHECK;

/* notify_stop - ends the thread; after it returns the callback is called no more. */
void notify_stop(struct notify *n);

#endif
