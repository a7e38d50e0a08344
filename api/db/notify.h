/*
 * notify - what other processes and hands changed in the database.
 *
 * A thread with a connection of its own LISTENs on the channels "gestor_catalog" and "gestor_session".
 * A notification is a hint: whoever may connect can send one. The callbacks are called on that thread,
 * which hears nothing while they run: they may ask the database over this connection (notify_run), and
 * wait for nothing else.
 */
#ifndef DB_NOTIFY_H
#define DB_NOTIFY_H

#include "base/base.h"
#include "db/result.h"
#include "db/statement.h"

struct notify;

struct notify_handler {
	/* A notification came. */
	void (*heard)(const char *channel, const char *payload, void *arg);
	/* Those that came together were heard. false: what they ask for was not done, so look soon. */
	bool (*settle)(struct notify *n, void *arg);
	/*
	 * After every (re)connect and every check_ms: anything may have changed, for a notification sent
	 * while nobody listened is lost. Without a connection too. false: it was not done, and is tried again
	 * soon, after pauses from NOTIFY_RETRY_FIRST_MS to NOTIFY_RETRY_LAST_MS.
	 */
	bool (*look)(struct notify *n, void *arg);
};
#define NOTIFY_RETRY_FIRST_MS 50
#define NOTIFY_RETRY_LAST_MS  1000

/* notify_start - begins to listen; url and handler are copied. NULL: no thread (logged). */
struct notify *notify_start(
    const char *url, int check_ms, const struct notify_handler *handler, void *arg) MUSTCHECK;

/*
 * notify_run - one statement on the connection that listens; for settle and look alone.
 * time     NOTIFY_RUN_MS at most, of which a fifth for a lock
 * returns  its result, the caller's (result_free); or NULL with ret_why, in one line for the log
 */
#define NOTIFY_RUN_MS	2000
#define NOTIFY_WHY_SIZE 256
struct result *notify_run(
    struct notify *n, const struct call *call, char ret_why[static NOTIFY_WHY_SIZE]) MUSTCHECK;

/* notify_connected - for settle and look alone: false where notify_run can only fail. */
bool notify_connected(const struct notify *n);

/* notify_stop - ends the thread; after it returns no callback is called any more. */
void notify_stop(struct notify *n);

#endif
