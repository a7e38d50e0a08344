#include "catalog/catalog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "catalog/tree.h"
#include "catalog/tree_text.h"
#include "db/query.h"
#include "spec/faults.h"
#include "sql.h"

static const char *const known_codes[] = { "campaign", "sub_campaign", "retention_action",
	"final_state", "cancellation_reason", "competitor_plan", "competitor_offer",
	"offer_channel", "operator", "advertising_acceptance", "stage", "document_type" };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct catalogs *current;
static int64_t due_ms = INT64_MAX; /* when current is wrong, by clock_ms() */

bool
catalog_known(const char *name)
{
	size_t length = strcspn(name, "*");

	for (size_t i = 0; i < NITEMS(known_codes); i++) {
		if (strncmp(known_codes[i], name, length) == 0 && known_codes[i][length] == '\0')
			return true;
	}
	return false;
}

/* Under the lock: the database's clock is at at_us now. It may be ahead of or behind the system's. */
static void
set_due(int64_t at_us)
{
	due_ms = INT64_MAX;
	if (current->next_us != INT64_MAX)
		due_ms = clock_ms() +
			 (current->next_us > at_us ? (current->next_us - at_us) / 1000 : 0) + 1;
}

int64_t
catalog_due_ms(void)
{
	int64_t due;

	pthread_mutex_lock(&lock);
	due = due_ms;
	pthread_mutex_unlock(&lock);
	return due;
}

/* Whether the current snapshot shows what the database has at this revision and instant. */
static bool
shows(long long revision, int64_t at_us)
{
	bool right;

	pthread_mutex_lock(&lock);
	right = current != NULL && current->revision == revision && at_us < current->next_us;
	if (right)
		set_due(at_us);
	pthread_mutex_unlock(&lock);
	return right;
}

int
catalog_load(struct pool *pool, int64_t deadline_ms)
{
	struct call call = { .st = &sql_catalog_load };
	struct result *rows = NULL;
	struct db_error error;
	struct catalogs *fresh, *old;
	enum db_status status = db_run_by(pool, deadline_ms, DB_PATIENT, &call, 1, &rows, &error);
	long long revision;

	if (status != DB_OK) {
		if (status == DB_REFUSED)
			log_msg(LOG_ERROR, "catalogues not loaded: %s %s", error.sqlstate,
			    error.message);
		return -1;
	}
	fresh = tree_build(rows);
	result_free(rows);
	tree_write_answers(fresh);
	revision = fresh->revision;
	pthread_mutex_lock(&lock);
	/* Concurrent loads may finish out of order. Revisions only grow: keep the newer one. */
	if (current != NULL &&
	    (fresh->revision < current->revision ||
		(fresh->revision == current->revision && fresh->at_us < current->at_us))) {
		old = fresh;
	} else {
		old = current;
		current = fresh;
		set_due(fresh->at_us);
	}
	pthread_mutex_unlock(&lock);
	catalog_release(old);
	log_msg(LOG_INFO, "catalogues loaded, revision %lld", revision);
	return 0;
}

long long
catalog_revision(void)
{
	struct catalogs *cs = catalog_hold();
	long long revision = cs != NULL ? cs->revision : 0;

	catalog_release(cs);
	return revision;
}

int
catalog_refresh(struct pool *pool, int64_t deadline_ms)
{
	struct call call = { .st = &sql_catalog_revision };
	struct db_error error;
	auto_result struct result *row = NULL;

	if (db_run_by(pool, deadline_ms, DB_PATIENT, &call, 1, &row, &error) != DB_OK ||
	    result_rows(row) != 1)
		return -1;
	if (shows(strtoll(result_text(row, 0, 0), NULL, 10),
		strtoll(result_text(row, 0, 1), NULL, 10)) ||
	    catalog_load(pool, deadline_ms) == 0)
		return 0;
	log_msg(LOG_WARN, "catalogues could not be refreshed: the old ones stay in use");
	return -1;
}

bool
catalog_is_current(const struct catalogs *cs)
{
	bool is_current;

	pthread_mutex_lock(&lock);
	is_current = cs == current;
	pthread_mutex_unlock(&lock);
	return is_current;
}

struct catalogs *
catalog_hold(void)
{
	struct catalogs *cs;

	pthread_mutex_lock(&lock);
	cs = current;
	if (cs != NULL)
		cs->held++;
	pthread_mutex_unlock(&lock);
	return cs;
}

void
catalog_release(struct catalogs *cs)
{
	bool last;

	if (cs == NULL)
		return;
	pthread_mutex_lock(&lock);
	last = --cs->held == 0;
	pthread_mutex_unlock(&lock);
	if (last)
		tree_free(cs);
}

struct catalogs *
catalog_past(const struct result *rows)
{
	return tree_build(rows);
}

const char *
catalog_text(const struct catalogs *cs, const char *code, enum catalog_form form, bool inactive,
    struct arena *arena, size_t *ret_length)
{
	const struct catalog *c = tree_find(cs, code, strlen(code));

	if (c == NULL)
		return NULL;
	if (form == CATALOG_CSV)
		return tree_csv(c, inactive, arena, ret_length);
	if (inactive || c->json == NULL)
		return tree_json(c, inactive, arena, ret_length);
	*ret_length = c->json_length;
	return c->json;
}

const char *
catalog_tag(const struct catalogs *cs, const char *code)
{
	const struct catalog *c = tree_find(cs, code, strlen(code));

	return c != NULL ? atomic_load(&c->tag) : NULL;
}

void
catalog_tag_keep(struct catalogs *cs, const char *code, const char *tag)
{
	struct catalog *c = (struct catalog *)tree_find(cs, code, strlen(code));
	char *kept = strdup(tag), *none = NULL;

	if (c == NULL || kept == NULL || !atomic_compare_exchange_strong(&c->tag, &none, kept))
		free(kept);
}

long long
catalog_snapshot_revision(const struct catalogs *cs)
{
	return cs->revision;
}

json_t *
catalog_titles(const struct catalogs *cs, const char *catalog)
{
	const struct catalog *c = tree_find(cs, catalog, strlen(catalog));

	return c != NULL ? json_loads(c->levels, 0, NULL) : NULL;
}

json_t *
catalog_options(const struct catalogs *cs, const char *catalog, const json_t *held, bool flat)
{
	const struct catalog *c = tree_find(cs, catalog, strlen(catalog));

	return c != NULL ? tree_options(c, held, flat) : json_array();
}

bool
catalog_offers(const struct catalogs *cs, const char *catalog, const char *code)
{
	const struct catalog *c = tree_find(cs, catalog, strlen(catalog));

	return c != NULL && tree_offers(c, code);
}

const char *
catalog_list_json(const struct catalogs *cs, size_t *ret_length, const char **ret_tag)
{
	*ret_length = cs->list_length;
	*ret_tag = cs->list_tag;
	return cs->list_json;
}

const char *
catalog_ids(const struct catalogs *cs, const char *catalog, const char *codes, struct arena *arena)
{
	const struct catalog *c = tree_find(cs, catalog, strlen(catalog));

	return c != NULL ? tree_ids(c, codes, false, false, arena) : "{}";
}

const char *
catalog_ids_as(const struct catalogs *cs, const char *catalog, const char *codes, bool exact,
    bool now, struct arena *arena)
{
	const struct catalog *c = tree_find(cs, catalog, strlen(catalog));

	return c != NULL ? tree_ids(c, codes, exact, now, arena) : "{}";
}

void
catalog_check(const struct catalogs *cs, const char *catalog, const char *code, const char *pointer,
    struct faults *fs)
{
	size_t length = strcspn(catalog, "*");
	const struct catalog *c = tree_find(cs, catalog, length);

	if (c == NULL)
		return;
	if (strncmp(catalog + length, "*,", 2) != 0) {
		tree_check(c, code, catalog[length] == '*', pointer, fs);
		return;
	}
	for (const char *next = code, *one; (one = tree_code(&next, fs->arena)) != NULL;) {
		if (strcmp(one, TREE_NONE) != 0 || strcmp(catalog + length + 2, TREE_NONE) != 0)
			tree_check(c, one, true, pointer, fs);
	}
}
