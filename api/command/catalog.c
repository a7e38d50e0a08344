/*
 * "gestor catalog export|plan|apply": a catalogue as a file, and back, as the API's plans do it.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/json_text.h"
#include "catalog/catalog.h"
#include "catalog/sheet.h"
#include "command/command.h"
#include "command/database.h"
#include "command/plan_print.h"
#include "spec/openapi.h"
#include "spec/schema_compile.h"
#include "spec/validate.h"
#include "sql.h"

#define FILE_BYTES_MAX (16 * 1024 * 1024)

/* What the command line asks for. */
struct task {
	const char *what; /* export, plan or apply */
	const char *file; /* "-": standard input or output */
	char catalog[65];
	bool json, inactive, retire_missing, yes;
	struct pool *pool;
	struct arena *arena;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: gestor catalog export [--catalog CODE] [--inactive] FILE\n"
	    "       gestor catalog plan [--catalog CODE] [--retire-missing] FILE\n"
	    "       gestor catalog apply [--catalog CODE] [--retire-missing] [--yes] FILE\n");
	return 2;
}

/* The catalogue is the file's name without its ending, unless --catalog names it. */
static bool
take_names(struct task *t, const char *catalog, const char *file)
{
	const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file,
		   *end = strrchr(name, '.');
	size_t length = end != NULL ? (size_t)(end - name) : strlen(name);

	t->file = file;
	t->json = end != NULL && strcmp(end, ".json") == 0;
	if (catalog != NULL) {
		name = catalog;
		length = strlen(catalog);
	}
	if (length >= sizeof(t->catalog) || (catalog == NULL && strcmp(file, "-") == 0))
		return false;
	memcpy(t->catalog, name, length);
	t->catalog[length] = '\0';
	return true;
}

static bool
take_options(struct task *t, int argc, char *argv[])
{
	static const struct option options[] = { { "catalog", required_argument, NULL, 'c' },
		{ "inactive", no_argument, NULL, 'i' },
		{ "retire-missing", no_argument, NULL, 'r' }, { "yes", no_argument, NULL, 'y' },
		{ NULL, 0, NULL, 0 } };
	const char *catalog = NULL;
	int option;

	if (argc < 2)
		return false;
	t->what = argv[1];
	while ((option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			catalog = optarg;
			break;
		case 'i':
			t->inactive = true;
			break;
		case 'r':
			t->retire_missing = true;
			break;
		case 'y':
			t->yes = true;
			break;
		default:
			return false;
		}
	}
	if (optind != argc - 2 || !take_names(t, catalog, argv[argc - 1]))
		return false;
	if (strcmp(t->what, "export") == 0)
		return !t->retire_missing && !t->yes;
	if (t->inactive)
		return false;
	return strcmp(t->what, "apply") == 0 || (strcmp(t->what, "plan") == 0 && !t->yes);
}

/* ---------------------------------------------------------------------- export */

static int export(const struct task *t)
{
	size_t length;
	struct catalogs *cs = catalog_hold();
	const char *text = catalog_text(
	    cs, t->catalog, t->json ? CATALOG_JSON : CATALOG_CSV, t->inactive, t->arena, &length);
	FILE *f = NULL;
	bool written = false;

	if (text == NULL) {
		fprintf(stderr, "gestor: there is no catalogue %s\n", t->catalog);
	} else {
		f = strcmp(t->file, "-") == 0 ? stdout : fopen(t->file, "we");
		written = f != NULL && fwrite(text, 1, length, f) == length;
		if (f != NULL && (f == stdout ? fflush(f) : fclose(f)) != 0)
			written = false;
		if (!written)
			perror(t->file);
	}
	catalog_release(cs);
	return written ? 0 : 1;
}

/* --------------------------------------------------------------------- reading */

static char *
read_file(const struct task *t, size_t *ret_length)
{
	FILE *f = strcmp(t->file, "-") == 0 ? stdin : fopen(t->file, "re");
	char *text = f != NULL ? malloc(FILE_BYTES_MAX + 1) : NULL;
	size_t n = text != NULL ? fread(text, 1, FILE_BYTES_MAX + 1, f) : 0;

	if (f == NULL || text == NULL || ferror(f)) {
		perror(t->file);
		free(text);
		text = NULL;
	} else if (n > FILE_BYTES_MAX || memchr(text, '\0', n) != NULL) {
		fprintf(stderr, "gestor: %s: more than 16 MiB, or no text\n", t->file);
		free(text);
		text = NULL;
	}
	if (f != NULL && f != stdin)
		fclose(f);
	*ret_length = n;
	return text;
}

static void
no_choice(const char *catalog, const char *code, const char *pointer, struct faults *fs, void *arg)
{
	(void)catalog;
	(void)code;
	(void)pointer;
	(void)fs;
	(void)arg;
}

static void
no_rule(const char *rule, const json_t *object, const char *pointer, struct faults *fs, void *arg)
{
	(void)rule;
	(void)object;
	(void)pointer;
	(void)fs;
	(void)arg;
}

/* The service checks at its start that the contract's names of catalogues and rules exist. */
static bool
any_name(const char *name)
{
	(void)name;
	return true;
}

/* Reads a tree as the API does: by the schema of catalog_plan_create. */
static bool
read_tree(const struct task *t, const char *text, size_t length, struct sheet *ret_sheet)
{
	const struct validate_hooks hooks = { .choice = no_choice, .rule = no_rule };
	const struct schema_names names = { .catalog = any_name, .rule = any_name };
	const struct operation *op = NULL;
	struct faults faults;
	json_error_t error;
	char why[256];
	json_t *tree = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (tree == NULL) {
		fprintf(stderr, "gestor: %s: line %d, column %d: %s\n", t->file, error.line,
		    error.column, error.text);
		return false;
	}
	if (openapi_load(&names, why, sizeof(why)) != 0)
		fprintf(stderr, "gestor: openapi.yaml: %s\n", why);
	else
		op = openapi_operation("catalog_plan_create");
	if (op != NULL) {
		faults_init(&faults, t->arena, LANGUAGE_EN, op);
		(void)validate(op->body, tree, "#", &hooks, &faults);
		for (const struct fault *f = faults.first; f != NULL; f = f->next)
			fprintf(stderr, "%s: %s\n", f->pointer, f->detail);
		if (faults.first == NULL)
			*ret_sheet = sheet_read_tree(tree);
		else
			op = NULL;
	}
	json_decref(tree);
	return op != NULL;
}

/* ----------------------------------------------------------------------- plans */

/* Runs a statement that refuses with a code. Returns its result; NULL: the reason is on standard error. */
static struct result *
run(const struct task *t, const struct call *call)
{
	struct db_error error = { .sqlstate = "" };
	struct result *row = NULL;

	if (db_run(t->pool, call, 1, &row, &error) == DB_OK)
		return row;
	if (strcmp(error.sqlstate, "GE001") != 0)
		fprintf(stderr, "gestor: the database cannot be reached, or refuses (%s %s)\n",
		    error.sqlstate, error.message);
	else if (strncmp(error.message, "not_found", strlen("not_found")) == 0)
		fprintf(stderr, "gestor: there is no catalogue %s\n", t->catalog);
	else
		fprintf(stderr, "gestor: %s changed meanwhile, so nothing was applied: try again\n",
		    t->catalog);
	return NULL;
}

static const char *
dumped(const struct task *t, json_t *value)
{
	size_t length;
	const char *text = json_text_dump(t->arena, value, &length);

	return arena_copy(t->arena, text, length);
}

/* Makes the plan of the file. Returns it, the caller's; NULL: the reason is on standard error. */
static json_t *
make_plan(const struct task *t)
{
	size_t length;
	char *text = read_file(t, &length);
	struct catalogs *cs = catalog_hold();
	struct sheet sheet;
	json_t *plan = NULL, *words;

	if (text != NULL && !t->json)
		sheet = sheet_read_csv(text, length, LANGUAGE_EN, t->arena);
	if (text != NULL && (!t->json || read_tree(t, text, length, &sheet))) {
		sheet_compare(&sheet, cs, t->catalog, t->arena);
		words = sheet_words(LANGUAGE_EN);
		const struct call call = { &sql_catalog_plan_create,
			{ t->catalog, dumped(t, sheet.lines), t->retire_missing ? "true" : "false",
			    dumped(t, sheet.faults), dumped(t, words) } };
		auto_result struct result *row = run(t, &call);

		if (row != NULL)
			plan =
			    json_loadb(result_text(row, 0, 1), result_length(row, 0, 1), 0, NULL);
		json_decref(words);
		sheet_free(&sheet);
	}
	catalog_release(cs);
	free(text);
	return plan;
}

static bool
confirmed(const struct task *t, size_t changes)
{
	char line[16] = "";

	if (t->yes)
		return true;
	if (!isatty(STDIN_FILENO) || strcmp(t->file, "-") == 0) {
		fprintf(stderr, "gestor: there is nobody to ask: give --yes to apply it\n");
		return false;
	}
	printf("Apply %zu change%s to %s? [y/N] ", changes, changes == 1 ? "" : "s", t->catalog);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

static int
apply(const struct task *t, const json_t *plan)
{
	size_t changes = json_array_size(json_object_get(plan, "changes"));
	const struct call call = { &sql_catalog_plan_apply,
		{ t->catalog, json_string_value(json_object_get(plan, "id")) } };

	if (!confirmed(t, changes))
		return 1;
	auto_result struct result *row = run(t, &call);
	if (row == NULL)
		return 1;
	json_t *done = json_loadb(result_text(row, 0, 0), result_length(row, 0, 0), 0, NULL);
	printf("%zu change%s applied, revision %lld\n", changes, changes == 1 ? "" : "s",
	    (long long)json_integer_value(
		json_object_get(json_object_get(done, "applied"), "revision")));
	json_decref(done);
	return 0;
}

static int
plan_or_apply(const struct task *t)
{
	json_t *plan = make_plan(t);
	int status = 0;

	if (plan == NULL)
		return 1;
	plan_print(t->arena, plan);
	if (json_array_size(json_object_get(plan, "errors")) > 0)
		status = 1;
	else if (json_array_size(json_object_get(plan, "changes")) == 0)
		printf("%s: no changes\n", t->catalog);
	else if (strcmp(t->what, "apply") == 0)
		status = apply(t, plan);
	json_decref(plan);
	return status;
}

int
command_catalog(int argc, char *argv[])
{
	struct arena arena;
	struct task t = { .arena = &arena };
	struct config c;
	int status = 1;

	if (!take_options(&t, argc, argv))
		return usage();
	if (config_load(&c, 0) != 0)
		return 2;
	t.pool = command_pool(&c);
	if (t.pool == NULL)
		return 1;
	arena_init(&arena);
	if (catalog_load(t.pool, db_deadline_ms(t.pool)) != 0)
		fprintf(stderr, "gestor: the database cannot be reached, or has no catalogues\n");
	else
		status = strcmp(t.what, "export") == 0 ? export(&t) : plan_or_apply(&t);
	arena_free(&arena);
	pool_stop(t.pool);
	return status;
}
