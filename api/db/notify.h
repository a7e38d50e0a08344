/*
 * notify - learns of changes that other processes and administrators make in the database.
 *
 * A thread LISTENs with its own connection on the channels "gestor_catalog" and "gestor_session".
 * Every role of the database can send a notification, so it is only a hint. The callbacks run on
 * this thread, which receives nothing meanwhile: they may run statements on its connection
 * (notify_run) and must not block otherwise.
 */
#ifndef DB_NOTIFY_H
#define DB_NOTIFY_H

#include "base/base.h"
#include "db/result.h"
#include "db/statement.h"

struct notify;

struct notify_handler {
	/* Called for each notification. */
	void (*notified)(const char *channel, const char *payload, void *arg);
	/* Called after notifications that arrived together. false: it failed, so reload soon. */
	bool (*batch_end)(struct notify *n, void *arg);
	/*
	 * Called after every (re)connect and every check_ms, also without a connection: notifications
	 * sent while the thread was not connected are lost, so anything may have changed. false: it
	 * failed; retried after NOTIFY_RETRY_FIRST_MS, doubled up to NOTIFY_RETRY_LAST_MS.
	 */
	bool (*reload)(struct notify *n, void *arg);
};
#define NOTIFY_RETRY_FIRST_MS 50
#define NOTIFY_RETRY_LAST_MS  1000

/*
 * notify_start - starts the thread. url and handler are copied; arg is passed to the callbacks.
 * returns  the thread's state, for notify_stop; or NULL (logged): no thread or file descriptor
 */
struct notify *notify_start(
    const char *url, int check_ms, const struct notify_handler *handler, void *arg) MUSTCHECK;

/*
 * notify_run - runs one statement on the thread's connection; only from batch_end and reload.
 * time     at most NOTIFY_RUN_MS, of which a fifth for a lock
 * returns  the result, owned by the caller (result_free); or NULL with ret_why filled in: one line
 *          for the log
 */
#define NOTIFY_RUN_MS	2000
#define NOTIFY_WHY_SIZE 256
struct result *notify_run(
    struct notify *n, const struct call *call, char ret_why[static NOTIFY_WHY_SIZE]) MUSTCHECK;

/* notify_connected - returns whether the thread is connected; only from batch_end and reload. */
bool notify_connected(const struct notify *n);

/* notify_stop - ends the thread, waits for its end, and frees n. No callback runs afterwards. */
void notify_stop(struct notify *n);

#endif
