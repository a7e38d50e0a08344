#include "transfer/import_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_text.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "field/field.h"
#include "resource/rules.h"
#include "spec/faults.h"
#include "spec/validate.h"
#include "transfer/export_kind.h"

/* A fault's text shows so much of a column's name. */
#define NAME_SHOWN_MAX 60

/* As http/body.c: jansson needs stack for each level. */
#define JSON_DEPTH_MAX 32

/* ------------------------------------------------------------------------- head */

static const char *
shown(struct arena *arena, const char *name)
{
	size_t n = strnlen(name, NAME_SHOWN_MAX);

	while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
		n--;
	return text_is_utf8(name, n) ? arena_copy(arena, name, n) : "?";
}

bool
import_head(struct import_reader *r, const struct csv_row *row, struct faults *fs)
{
	const struct import_table *t = r->table;

	memset(r->given, 0, sizeof(r->given));
	r->ncells = row->count;
	if (row->open_quote)
		faults_add(fs, "#", TEXT_quote_open);
	if (row->too_many)
		faults_add(fs, "#", TEXT_cells_extra);
	for (int i = 0; i < row->count; i++) {
		const char *name =
		    field_trim(arena_copy(fs->arena, row->cells[i], strlen(row->cells[i])));
		int column = import_column_named(t, name);

		r->at[i] = column;
		if (column >= 0 && r->given[column])
			faults_add(fs, "#", TEXT_column_repeated, t->columns[column].name);
		else if (column >= 0)
			r->given[column] = true;
		else if (strcasecmp(name, IMPORT_FAULTS_COLUMN) != 0 &&
			 !export_kind_column(t->kind, name))
			faults_add(fs, "#", TEXT_column_unknown, shown(fs->arena, name),
			    import_columns_text(t, fs->arena));
	}
	for (int i = 0; i < t->ncolumns; i++) {
		if (t->columns[i].required && !r->given[i])
			faults_add(fs, "#", TEXT_import_column_required, t->columns[i].name,
			    import_columns_text(t, fs->arena));
	}
	return fs->count == 0;
}

/* ------------------------------------------------------------------------ checks */

static void
check_choice(
    const char *catalog, const char *code, const char *pointer, struct faults *fs, void *arg)
{
	const struct import_reader *r = arg;

	/* Of history the database decides: a code must have been valid at that time. */
	if (!r->table->clients)
		catalog = arena_printf(fs->arena, "%s*", catalog);
	catalog_check(r->catalogs, catalog, code, pointer, fs);
}

static void
check_rule(
    const char *rule, const json_t *object, const char *pointer, struct faults *fs, void *arg)
{
	(void)arg;
	rule_check(rule, object, pointer, fs);
}

/* The column of a pointer into a line: "#/sales/lines/0" is sales.lines. */
static const char *
column_of(struct arena *arena, const char *pointer)
{
	char *name = arena_copy(arena, pointer, strlen(pointer)), *end;

	if (strncmp(name, "#/", 2) != 0)
		return NULL;
	name += 2;
	end = name + strcspn(name, "/");
	if (*end == '/' && strspn(end + 1, "0123456789") == 0) {
		*end = '.';
		end += 1 + strcspn(end + 1, "/");
	}
	*end = '\0';
	return name;
}

static const char *
faults_text(struct arena *arena, const struct faults *fs)
{
	json_t *all = json_array();
	size_t length;
	const char *text;

	for (const struct fault *f = fs->first; f != NULL; f = f->next) {
		json_t *one = json_pack("{s:s?, s:s, s:s}", "field", column_of(arena, f->pointer),
		    "code", f->code, "detail", f->detail);
		json_t *allowed = f->allowed != NULL ? json_array() : NULL;

		for (const char *const *a = f->allowed; a != NULL && *a != NULL; a++)
			json_array_append_new(allowed, json_string(*a));
		if (allowed != NULL)
			json_object_set_new(one, "allowed", allowed);
		json_array_append_new(all, one);
	}
	text = json_text_dump(arena, all, &length);
	json_decref(all);
	return arena_copy(arena, text, length);
}

/* The member of a line; NULL: absent. */
static json_t *
member_of(const json_t *line, const struct import_column *c)
{
	return json_object_get(
	    c->group != NULL ? json_object_get(line, c->group) : line, c->member);
}

/*
 * The values by the last part of the columns' names. A column that the line does not have is left
 * out, so that the record keeps it. An external_id is never cleared: it says whose line this is.
 */
static const char *
flattened(const struct import_reader *r, const json_t *line, const bool *given, struct arena *arena)
{
	json_t *flat = json_object();
	size_t length;
	const char *text;

	for (int i = 0; i < r->table->ncolumns; i++) {
		const struct import_column *c = &r->table->columns[i];
		json_t *value = member_of(line, c), *group = NULL;

		if (c->group != NULL)
			group = json_object_get(line, c->group);
		if (value == NULL && (given != NULL ? given[i] : json_is_null(group)))
			value = json_null();
		if (value == NULL || (strcmp(c->member, "external_id") == 0 && json_is_null(value)))
			continue;
		json_object_set(flat, c->member, value);
	}
	text = json_text_dump(arena, flat, &length);
	json_decref(flat);
	return arena_copy(arena, text, length);
}

/* Checks a line, and fills in what is staged of it. fs may have faults already. */
static void
check(const struct import_reader *r, json_t *line, const bool *given, struct faults *fs,
    struct import_staged *ret_staged)
{
	const struct validate_hooks hooks = {
		.choice = check_choice, .rule = check_rule, .arg = (void *)(uintptr_t)r
	};
	const char *type, *number, *key;
	struct arena *arena = fs->arena;

	(void)validate(r->table->line, line, "#", &hooks, fs);
	type = json_string_value(json_object_get(line, "document_type"));
	number = json_string_value(json_object_get(line, "document_number"));
	key = json_string_value(json_object_get(line, r->table->clients ? "external_id" : "id"));
	if (type != NULL && number != NULL)
		ret_staged->document = arena_printf(arena, "%s %s", type, number);
	if (key != NULL)
		ret_staged->key = arena_copy(arena, key, strlen(key));
	if (fs->count > 0)
		ret_staged->faults = faults_text(arena, fs);
	else
		ret_staged->body = flattened(r, line, given, arena);
}

/* ------------------------------------------------------------------------- cells */

static bool
is_blank(const char *cell)
{
	return cell[strspn(cell, " \t")] == '\0';
}

/* The words for yes and no that spreadsheets write. */
static json_t *
boolean_of(const char *cell)
{
	static const char *const yes[] = { "true", "verdadero", "sí", "si", "1" }, *const no[] = {
		"false", "falso", "no", "0"
	};

	for (size_t i = 0; i < NITEMS(yes); i++) {
		if (strcasecmp(cell, yes[i]) == 0)
			return json_true();
	}
	for (size_t i = 0; i < NITEMS(no); i++) {
		if (strcasecmp(cell, no[i]) == 0)
			return json_false();
	}
	return json_string(cell);
}

static json_t *
integer_of(const char *cell)
{
	size_t n = strspn(cell, "0123456789");

	return n > 0 && n <= 18 && cell[n] == '\0' ? json_integer(strtoll(cell, NULL, 10))
						   : json_string(cell);
}

/* A row of actions: "code", or "code=final state". */
static json_t *
action_of(const char *item)
{
	const char *equals = strchr(item, '=');

	if (equals == NULL)
		return json_pack("{s:s}", "action", item);
	return json_pack(
	    "{s:s%, s:s}", "action", item, (size_t)(equals - item), "final_state", equals + 1);
}

/* The items of a list stand between semicolons. */
static json_t *
list_of(const struct import_column *c, const char *cell, struct arena *arena)
{
	char *items = arena_copy(arena, cell, strlen(cell)), *save = NULL;
	json_t *list = json_array();

	for (char *i = strtok_r(items, ";", &save); i != NULL; i = strtok_r(NULL, ";", &save)) {
		i = field_trim(i);
		if (*i != '\0')
			json_array_append_new(
			    list, c->d.input == INPUT_ROWS ? action_of(i) : json_string(i));
	}
	return list;
}

/* The value of a cell that is not blank; text as it is: the schema brings it into its normal form. */
static json_t *
value_of(const struct import_column *c, const char *cell, struct arena *arena)
{
	const char *trimmed = field_trim(arena_copy(arena, cell, strlen(cell)));

	switch (c->d.input) {
	case INPUT_BOOLEAN:
		return boolean_of(trimmed);
	case INPUT_INTEGER:
		return integer_of(trimmed);
	case INPUT_LIST:
	case INPUT_ROWS:
		return list_of(c, trimmed, arena);
	default:
		return json_string(trimmed);
	}
}

static void
put(json_t *line, const struct import_column *c, json_t *value)
{
	json_t *group = line;

	if (c->group != NULL) {
		group = json_object_get(line, c->group);
		if (group == NULL) {
			group = json_object();
			json_object_set_new(line, c->group, group);
		}
	}
	json_object_set_new(group, c->member, value);
}

void
import_cells(const struct import_reader *r, const struct csv_row *row, struct arena *arena,
    struct import_staged *ret_staged)
{
	json_t *line = json_object();
	struct faults fs;

	memset(ret_staged, 0, sizeof(*ret_staged));
	faults_init(&fs, arena, r->language, r->table->op);
	if (row->open_quote)
		faults_add(&fs, "#", TEXT_quote_open);
	else if (row->count != r->ncells)
		faults_add(&fs, "#", TEXT_import_cells, arena_printf(arena, "%d", row->count),
		    arena_printf(arena, "%d", r->ncells));
	for (int i = 0; i < row->count && i < r->ncells; i++) {
		const char *cell = csv_taken_back(row->cells[i]);

		/* A blank cell is null: `given` tells it from a column that is not there. */
		if (r->at[i] >= 0 && !is_blank(cell))
			put(line, &r->table->columns[r->at[i]],
			    value_of(&r->table->columns[r->at[i]], cell, arena));
	}
	check(r, line, r->given, &fs, ret_staged);
	json_decref(line);
}

void
import_json(const struct import_reader *r, const char *text, size_t length, struct arena *arena,
    struct import_staged *ret_staged)
{
	json_t *line = NULL;
	json_error_t error;
	struct faults fs;

	memset(ret_staged, 0, sizeof(*ret_staged));
	faults_init(&fs, arena, r->language, r->table->op);
	if (json_text_depth(text, length, JSON_DEPTH_MAX) <= JSON_DEPTH_MAX)
		line = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(line)) {
		faults_add(&fs, "#", TEXT_import_json);
		ret_staged->faults = faults_text(arena, &fs);
	} else {
		json_object_del(line, IMPORT_FAULTS_COLUMN);
		check(r, line, NULL, &fs, ret_staged);
	}
	json_decref(line);
}
