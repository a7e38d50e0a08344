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

/* Sign-outs are looked up a little further back than a token can live. */
#define LOOK_BACK_MARGIN_S 60

/* What was heard and not asked about yet. What has no room makes it look up everything. */
#define HINTS_MAX 500
#define ID_SIZE	  20

struct hints {
	char ids[HINTS_MAX * (ID_SIZE + 1) + 3]; /* {1,2,3} */
	size_t length;
	int count;
};

/* The thread that listens alone has them. */
static struct {
	struct hints sessions, accounts;
	bool too_many;
	bool failing; /* logged already */
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
heard(const char *channel, const char *payload, void *arg)
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

/* The rows of session_ended and session_hinted. */
static void
take(const struct result *rows)
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

static void
say(const char *why)
{
	if (why == NULL && self.failing)
		log_msg(LOG_INFO, "sign-outs are looked up again");
	else if (why != NULL && !self.failing)
		log_msg(LOG_ERROR, "sign-outs cannot be looked up%s: %s",
		    revoked_ready() ? "" : ", and until they are nobody is let in", why);
	self.failing = why != NULL;
}

static bool
settle(struct notify *n, void *arg)
{
	const struct app *app = arg;
	char seconds[16], why[NOTIFY_WHY_SIZE];
	const struct call call = { &sql_session_hinted,
		{ hints_array(&self.sessions), hints_array(&self.accounts),
		    look_back(app, seconds) } };
	bool asked = self.sessions.count + self.accounts.count > 0,
	     accounts = self.accounts.count > 0, known = !self.too_many;
	auto_result struct result *rows = asked ? notify_run(n, &call, why) : NULL;

	hints_clear();
	if (rows != NULL)
		take(rows);
	else if (asked)
		say(why);
	if (accounts)
		housekeeping_wake(HOUSEKEEPING_SESSIONS);
	return known && (rows != NULL || !asked);
}

/* Over the pool where the thread that listens has no connection: then no notification comes either. */
static bool
look(struct notify *n, void *arg)
{
	struct app *app = arg;
	char seconds[16], why[NOTIFY_WHY_SIZE];
	const struct call call = { &sql_session_ended, { look_back(app, seconds) } };
	bool connected = notify_connected(n);
	auto_result struct result *rows = notify_run(n, &call, why);
	struct db_error error;

	housekeeping_wake(HOUSEKEEPING_CATALOG | HOUSEKEEPING_SESSIONS);
	if (rows == NULL && (connected || db_run(app->pool, &call, 1, &rows, &error) != DB_OK)) {
		say(why);
		return false;
	}
	take(rows);
	revoked_loaded();
	say(NULL);
	return true;
}

const struct notify_handler sign_outs_handler = { heard, settle, look };
