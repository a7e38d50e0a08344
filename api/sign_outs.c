#include "sign_outs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/revoked.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "db/pool.h"
#include "housekeeping.h"
#include "sql.h"

/* A reload covers the life of an access token and this margin. */
#define LOOK_BACK_MARGIN_S 60

/* Notified ids that were not yet looked up. When more arrive, all sign-outs are reloaded. */
#define HINTS_MAX 500
#define ID_SIZE	  20

struct hints {
	char ids[HINTS_MAX * (ID_SIZE + 1) + 3]; /* an array of PostgreSQL: {1,2,3 */
	size_t length;
	int count;
};

/* Used by the notify thread alone. */
static struct {
	struct hints sessions, accounts;
	bool too_many;
	bool failing; /* the failure was logged */
} self;

static void
hints_clear(void)
{
	self.sessions.length = self.accounts.length = 0;
	self.sessions.count = self.accounts.count = 0;
	self.too_many = false;
}

static void
hint_add(struct hints *h, const char *id)
{
	if (h->count == HINTS_MAX) {
		self.too_many = true;
		return;
	}
	h->length += (size_t)snprintf(
	    h->ids + h->length, sizeof(h->ids) - h->length, "%c%s", h->count == 0 ? '{' : ',', id);
	h->count++;
}

static const char *
hints_array(struct hints *h)
{
	snprintf(h->ids + h->length, sizeof(h->ids) - h->length, "%s", h->count == 0 ? "{}" : "}");
	return h->ids;
}

static void
notified(const char *channel, const char *payload, void *arg)
{
	(void)arg;
	if (strcmp(channel, "gestor_catalog") == 0) {
		housekeeping_wake(HOUSEKEEPING_CATALOG);
		return;
	}
	if (strcmp(channel, "gestor_session") != 0)
		return;
	if (*payload == 'a' && text_is_id(payload + 1))
		hint_add(&self.accounts, payload + 1);
	else if (text_is_id(payload) && !revoked_has(strtoll(payload, NULL, 10)))
		hint_add(&self.sessions, payload);
}

/* Records the rows of session_ended and session_hinted. */
static void
add_revoked(const struct result *rows)
{
	enum { SESSION, ACCOUNT, EPOCH, ENDED };

	for (int i = 0; i < result_rows(rows); i++) {
		if (result_text(rows, i, SESSION) != NULL)
			revoked_add(strtoll(result_text(rows, i, SESSION), NULL, 10));
		else
			revoked_add_account(strtoll(result_text(rows, i, ACCOUNT), NULL, 10),
			    strtoll(result_text(rows, i, EPOCH), NULL, 10),
			    strtoll(result_text(rows, i, ENDED), NULL, 10));
	}
}

static const char *
look_back(const struct app *app, char ret_text[static 16])
{
	snprintf(ret_text, 16, "%d", app->config->access_ttl_s + LOOK_BACK_MARGIN_S);
	return ret_text;
}

/* Logs the first failure and the recovery; why NULL: success. */
static void
log_outcome(const char *why)
{
	if (why == NULL && self.failing)
		log_msg(LOG_INFO, "sign-outs can be loaded again");
	else if (why != NULL && !self.failing)
		log_msg(LOG_ERROR, "sign-outs cannot be loaded%s: %s",
		    revoked_ready() ? "" : "; until they are, every token is answered with 503",
		    why);
	self.failing = why != NULL;
}

/* Looks up the sessions and accounts of the notifications that arrived together. */
static bool
batch_end(struct notify *n, void *arg)
{
	const struct app *app = arg;
	char seconds[16], why[NOTIFY_WHY_SIZE];
	const struct call call = { &sql_session_hinted,
		{ hints_array(&self.sessions), hints_array(&self.accounts),
		    look_back(app, seconds) } };
	bool needed = self.sessions.count + self.accounts.count > 0,
	     accounts = self.accounts.count > 0, complete = !self.too_many;
	auto_result struct result *rows = needed ? notify_run(n, &call, why) : NULL;

	hints_clear();
	if (rows != NULL)
		add_revoked(rows);
	else if (needed)
		log_outcome(why);
	if (accounts)
		housekeeping_wake(HOUSEKEEPING_SESSIONS);
	return complete && (rows != NULL || !needed);
}

/* Uses the pool while the notify thread has no connection: no notification arrives then. */
static bool
reload(struct notify *n, void *arg)
{
	struct app *app = arg;
	char seconds[16], why[NOTIFY_WHY_SIZE];
	const struct call call = { &sql_session_ended, { look_back(app, seconds) } };
	bool connected = notify_connected(n);
	auto_result struct result *rows = notify_run(n, &call, why);
	struct db_error error;

	housekeeping_wake(HOUSEKEEPING_CATALOG | HOUSEKEEPING_SESSIONS);
	if (rows == NULL && (connected || db_run(app->pool, &call, 1, &rows, &error) != DB_OK)) {
		log_outcome(why);
		return false;
	}
	add_revoked(rows);
	revoked_loaded();
	log_outcome(NULL);
	return true;
}

const struct notify_handler sign_outs_handler = { notified, batch_end, reload };
