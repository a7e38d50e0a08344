#include "http/check.h"

#include <string.h>

#include "catalog/catalog.h"
#include "http/mask.h"
#include "http/problem.h"
#include "resource/rules.h"
#include "spec/field_name.h"
#include "spec/schema_compile.h"
#include "spec/validate.h"

const struct schema_names check_names = { .catalog = catalog_known, .rule = rule_known };

/* Whether the record that the request changes already holds this choice. */
static bool
is_held(struct request *rq, const char *catalog, const char *code)
{
	return rq->held != NULL &&
	       strstr(rq->held, arena_printf(&rq->arena, " %s/%s ", catalog, code)) != NULL;
}

static void
check_choice(
    const char *catalog, const char *code, const char *pointer, struct faults *fs, void *arg)
{
	struct request *rq = arg;
	int before = fs->count;

	if (rq->catalogs == NULL)
		rq->catalogs = catalog_hold();
	if (rq->catalogs == NULL) {
		rq->catalogs_missing = true;
		return;
	}
	if (is_held(rq, catalog, code))
		return;
	catalog_check(rq->catalogs, catalog, code, pointer, fs);
	if (fs->count > before)
		rq->choice_fault = true;
}

static void
check_rule(
    const char *rule, const json_t *object, const char *pointer, struct faults *fs, void *arg)
{
	(void)arg;
	rule_check(rule, object, pointer, fs);
}

/* Where a parameter's value is stored; NULL: absent or blank. */
static const char **
query_value(struct request *rq, const char *name)
{
	for (int i = 0; i < rq->nquery; i++) {
		if (strcmp(rq->query_name[i], name) == 0)
			return rq->query_value[i] != NULL ? &rq->query_value[i] : NULL;
	}
	return NULL;
}

/* Writes rq->body_text again: validation changed the body, and handlers send the text to the database. */
static void
write_body(struct request *rq)
{
	size_t length = json_dumpb(rq->body, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);

	rq->body_text = arena_alloc(&rq->arena, length + 1);
	rq->body_length =
	    json_dumpb(rq->body, rq->body_text, length, JSON_COMPACT | JSON_ENCODE_ANY);
	rq->body_text[rq->body_length] = '\0';
}

static const char *
pointer_of(struct request *rq, const struct parameter *p)
{
	return arena_printf(&rq->arena, "#/%s", p->name);
}

/*
 * A program that reads a record with null in place of a hidden value, and sends that null back in a
 * patch, would clear the value without knowing it.
 */
static void
check_masked_nulls(struct request *rq, const json_t *object, const char *pointer)
{
	const char *name, *here;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		here = arena_printf(&rq->arena, "%s/%s", pointer, name);
		if (json_is_null(value) && mask_is_null(name))
			faults_add(&rq->faults, here, TEXT_masked,
			    faults_label(&rq->faults, field_of(rq->op, here, &rq->arena)));
		check_masked_nulls(rq, value, here);
	}
}

void
check_again(struct request *rq)
{
	const struct validate_hooks hooks = {
		.choice = check_choice, .rule = check_rule, .arg = rq
	};

	faults_init(&rq->faults, &rq->arena, rq->language, rq->op);
	rq->choice_fault = false;
	catalog_release(rq->catalogs);
	rq->catalogs = NULL;
	for (int i = 0; i < rq->op->nparams; i++) {
		const struct parameter *p = &rq->op->params[i];
		const char **value = p->in_path ? NULL : query_value(rq, p->name);

		if (value != NULL)
			*value = validate_text(
			    p->schema, *value, pointer_of(rq, p), &hooks, &rq->faults);
		else if (p->required && !p->in_path)
			faults_add(&rq->faults, pointer_of(rq, p), TEXT_required,
			    faults_label_inside(
				&rq->faults, field_of(rq->op, pointer_of(rq, p), &rq->arena)));
	}
	if (rq->body != NULL && validate(rq->op->body, rq->body, "#", &hooks, &rq->faults))
		write_body(rq);
	if (rq->masked && rq->op->body_merge_patch)
		check_masked_nulls(rq, rq->body, "#");
}

int
check_request(struct request *rq, int (*take_held)(struct request *rq))
{
	int status;

	check_again(rq);
	if (rq->catalogs_missing)
		return reply_problem(rq, "not_ready");
	if (rq->choice_fault) {
		/* The choice may exist in a newer revision of the catalogues. */
		if (catalog_refresh(rq->app->pool, request_deadline_ms(rq)) != 0)
			return reply_problem(rq, "database_unavailable");
		status = take_held(rq);
		if (status != 0)
			return status;
		/* Another thread may have loaded newer catalogues since this request took its own. */
		if (rq->held != NULL || !catalog_is_current(rq->catalogs))
			check_again(rq);
	}
	return rq->faults.count > 0 ? reply_faults(rq) : 0;
}
