/*
 * "gestor import clients|opportunities FILE": a file in, as the API imports it.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "command/command.h"
#include "command/database.h"
#include "db/session.h"
#include "spec/faults.h"
#include "sql.h"
#include "transfer/import_load.h"
#include "transfer/import_report.h"

#define STEP_ROWS      "1000"
#define STEP_MS	       600000
#define FAULTS_SHOWN   20
#define PROGRESS_MS    200 /* on a terminal */
#define PLAIN_MS       5000 /* elsewhere */
#define OTHERS_STEP_MS 200

/* The columns of import_state. */
enum { STATE, REASON, TOTAL, CREATED, UPDATED, UNCHANGED, FAILED, DONE_LINE };

struct task {
	const char *kind, *file, *mode, *report, *failed;
	enum language language;
	bool csv;
	FILE *in;
	struct pool *pool;
	char id[24];
	int64_t told_ms;
};

static int
usage(void)
{
	fprintf(stderr,
	    "usage: gestor import clients|opportunities [--mode dry_run|atomic|valid_only]\n"
	    "                     [--format csv|ndjson] [--report FILE] [--failed FILE] [--lang "
	    "en|es] FILE\n");
	return 2;
}

static bool
is_one_of(const char *text, const char *const names[])
{
	for (; *names != NULL; names++) {
		if (strcmp(text, *names) == 0)
			return true;
	}
	return false;
}

static bool
take_options(struct task *t, int argc, char *argv[])
{
	static const struct option options[] = { { "mode", required_argument, NULL, 'm' },
		{ "format", required_argument, NULL, 'f' },
		{ "report", required_argument, NULL, 'r' },
		{ "failed", required_argument, NULL, 'x' },
		{ "lang", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 } };
	static const char *const kinds[] = { "clients", "opportunities", NULL };
	static const char *const modes[] = { "dry_run", "atomic", "valid_only", NULL };
	static const char *const formats[] = { "csv", "ndjson", NULL };
	static const char *const languages[] = { "en", "es", NULL };
	const char *format = NULL, *end;
	int option;

	if (argc < 3)
		return false;
	t->kind = argv[1];
	t->mode = "dry_run";
	while ((option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
		if (option == 'm')
			t->mode = optarg;
		else if (option == 'f')
			format = optarg;
		else if (option == 'r')
			t->report = optarg;
		else if (option == 'x')
			t->failed = optarg;
		else if (option == 'l' && is_one_of(optarg, languages))
			t->language = strcmp(optarg, "es") == 0 ? LANGUAGE_ES : LANGUAGE_EN;
		else
			return false;
	}
	if (optind != argc - 2)
		return false;
	t->file = argv[argc - 1];
	end = strrchr(t->file, '.');
	if (format == NULL)
		format = end != NULL && strcmp(end, ".csv") != 0 ? end + 1 : "csv";
	t->csv = strcmp(format, "csv") == 0;
	return is_one_of(t->kind, kinds) && is_one_of(t->mode, modes) && is_one_of(format, formats);
}

/* --------------------------------------------------------------------- progress */

/* A bar on a terminal, a line now and then elsewhere. */
static void
show(struct task *t, const char *what, long long done, long long of, bool last)
{
	bool terminal = isatty(STDERR_FILENO) != 0;

	if (!last && clock_ms() - t->told_ms < (terminal ? PROGRESS_MS : PLAIN_MS))
		return;
	t->told_ms = clock_ms();
	if (!terminal) {
		if (of > 0)
			fprintf(stderr, "%s: %lld of %lld rows\n", what, done, of);
		else
			fprintf(stderr, "%s: %lld rows\n", what, done);
		return;
	}
	fprintf(stderr, "\r\033[K%-8s ", what);
	if (of > 0) {
		int filled = (int)(40 * done / of);

		fprintf(stderr, "[%.*s%*s] %lld of %lld%s", filled,
		    "########################################", 40 - filled, "", done, of,
		    last ? "\n" : "");
	} else {
		fprintf(stderr, "%lld%s", done, last ? "\n" : "");
	}
}

static long
read_file(void *arg, char *buf, size_t size)
{
	struct task *t = arg;
	size_t n = fread(buf, 1, size, t->in);

	return n == 0 && ferror(t->in) ? -1 : (long)n;
}

static void
show_loaded(void *arg, long long rows)
{
	show(arg, "read", rows, 0, false);
}

/* ------------------------------------------------------------------------- work */

/* Stages the file. Returns whether all of it came. */
static bool
load(struct task *t, const struct config *c, struct arena *arena)
{
	static const char said[] = "{\"operation\":\"import_create\"}";
	const struct import_task task = { .url = c->database_url,
		.kind = t->kind,
		.mode = t->mode,
		.csv = t->csv,
		.language = t->language,
		.said = said,
		.read = read_file,
		.arg = t,
		.progress = show_loaded };
	struct faults faults;
	struct import_staging staging = { .faults = &faults };
	enum import_end end;

	faults_init(&faults, arena, t->language, NULL);
	end = import_load(&task, arena, &staging);
	for (const struct fault *f = faults.first; f != NULL; f = f->next)
		fprintf(stderr, "gestor: %s: %s\n", t->file, f->detail);
	if (end == IMPORT_BROKEN)
		perror(t->file);
	else if (end == IMPORT_BUSY)
		fprintf(stderr, "gestor: other files are being received: try again later\n");
	else if (end != IMPORT_STAGED && end != IMPORT_FAULTY)
		fprintf(stderr, "gestor: the database cannot be reached, or refuses\n");
	if (end != IMPORT_STAGED)
		return false;
	show(t, "read", strtoll(staging.rows, NULL, 10), 0, true);
	memcpy(t->id, staging.id, sizeof(t->id));
	const struct call received = { &sql_import_create, { t->id, staging.rows } };
	auto_result struct result *row = command_run(t->pool, &received);
	return row != NULL;
}

/* Works until the import has ended; a service may do its steps too. Returns its last state; NULL: the reason is on standard error. */
static struct result *
work(struct task *t, struct session *s)
{
	const struct call step = { &sql_import_step, { STEP_ROWS } },
			  state = { &sql_import_state, { t->id } };
	const struct timespec pause = { .tv_nsec = OTHERS_STEP_MS * 1000000L };
	struct db_error error;

	for (;;) {
		auto_result struct result *done = NULL;
		struct result *row = command_run(t->pool, &state);

		if (row == NULL)
			return NULL;
		if (strcmp(result_text(row, 0, STATE), "queued") != 0 &&
		    strcmp(result_text(row, 0, STATE), "running") != 0) {
			show(t, "checked", command_number(row, TOTAL), command_number(row, TOTAL),
			    true);
			return row;
		}
		show(t, "checked",
		    command_number(row, CREATED) + command_number(row, UPDATED) +
			command_number(row, UNCHANGED) + command_number(row, FAILED),
		    command_number(row, TOTAL), false);
		result_free(row);
		if (session_run(s, &step, &done, &error) != DB_OK) {
			fprintf(stderr, "gestor: a step failed (%s %s)\n", error.sqlstate,
			    error.constraint);
			return NULL;
		}
		if (strcmp(result_text(done, 0, 0), "more") != 0)
			nanosleep(&pause, NULL);
	}
}

/* ----------------------------------------------------------------------- report */

static struct result *
report_rows(void *arg, const char *after)
{
	const struct task *t = arg;
	const struct call call = { &sql_import_report_rows, { t->id, after } };

	return command_run(t->pool, &call);
}

/* Writes a report; as_sent: the failed rows, as they were sent. */
static bool
write_report(struct task *t, const char *file, bool as_sent)
{
	const struct call call = { &sql_import_report, { t->id, "true", NULL } };
	auto_result struct result *row = command_run(t->pool, &call);
	struct import_report r = { .rows = report_rows,
		.arg = t,
		.csv = t->csv,
		.outcome = as_sent ? "failed" : NULL,
		.as_sent = as_sent };
	FILE *f = row != NULL ? fopen(file, "we") : NULL;
	const char *bytes;
	size_t length;
	int more = -1;

	if (f != NULL) {
		r.header = result_text(row, 0, 1);
		r.separator = *result_text(row, 0, 2);
		while ((more = import_report_next(&r, &bytes, &length)) == 1)
			fwrite(bytes, 1, length, f);
		import_report_end(&r, true);
	}
	if (f == NULL || fclose(f) != 0 || more != 0) {
		perror(file);
		return false;
	}
	return true;
}

/* Prints the faults of the first failed rows. */
static void
print_faults(struct task *t)
{
	char after[16] = "0";
	int shown = 0;

	for (;;) {
		auto_result struct result *rows = report_rows(t, after);
		int n = rows != NULL ? result_rows(rows) : 0;

		for (int i = 0; i < n; i++) {
			const char *faults = result_text(rows, i, 3);
			json_t *all, *one;
			size_t k;

			if (*result_text(rows, i, 2) != 'f' || faults == NULL)
				continue;
			if (shown++ == FAULTS_SHOWN) {
				printf("… and more: --report FILE writes all\n");
				return;
			}
			all = json_loads(faults, 0, NULL);
			json_array_foreach (all, k, one) {
				const char *field =
				    json_string_value(json_object_get(one, "field"));

				printf("line %s: %s%s%s\n", result_text(rows, i, 0),
				    field != NULL ? field : "", field != NULL ? ": " : "",
				    json_string_value(json_object_get(one, "detail")));
			}
			json_decref(all);
		}
		if (n == 0)
			return;
		snprintf(after, sizeof(after), "%s", result_text(rows, 0, 5));
	}
}

/* Tells what became of the import. Returns the exit status. */
static int
tell(struct task *t, const struct result *row)
{
	const char *state = result_text(row, 0, STATE), *reason = result_text(row, 0, REASON);
	bool written = true;

	if (command_number(row, FAILED) > 0)
		print_faults(t);
	if (t->report != NULL)
		written &= write_report(t, t->report, false);
	if (t->failed != NULL)
		written &= write_report(t, t->failed, true);
	printf("%s%s%s: %lld rows: %lld created, %lld updated, %lld unchanged, %lld failed%s\n",
	    state, reason != NULL ? ": " : "", reason != NULL ? reason : "",
	    command_number(row, TOTAL), command_number(row, CREATED), command_number(row, UPDATED),
	    command_number(row, UNCHANGED), command_number(row, FAILED),
	    strcmp(t->mode, "dry_run") == 0 ? " (a dry run: nothing was stored)" : "");
	return written && strcmp(state, "done") == 0 && command_number(row, FAILED) == 0 ? 0 : 1;
}

static int
run(struct task *t, const struct config *c, struct arena *arena)
{
	auto_result struct result *row = NULL;
	struct session *s;

	if (!load(t, c, arena))
		return 1;
	s = session_open(c->database_url, STEP_MS);
	if (s != NULL)
		row = work(t, s);
	session_close(s);
	return row != NULL ? tell(t, row) : 1;
}

int
command_import(int argc, char *argv[])
{
	struct task t = { .language = LANGUAGE_EN };
	struct arena arena;
	struct config c;
	char why[256];
	int status = 1;

	if (!take_options(&t, argc, argv))
		return usage();
	if (config_load(&c, 0) != 0)
		return 2;
	t.in = strcmp(t.file, "-") == 0 ? stdin : fopen(t.file, "re");
	if (t.in == NULL) {
		perror(t.file);
		return 1;
	}
	t.pool = command_pool(&c);
	if (t.pool == NULL)
		return 1;
	arena_init(&arena);
	if (!import_contract(why, sizeof(why)))
		fprintf(stderr, "gestor: openapi.yaml: %s\n", why);
	else if (catalog_load(t.pool, db_deadline_ms(t.pool)) != 0)
		fprintf(stderr, "gestor: the database cannot be reached, or has no catalogues\n");
	else
		status = run(&t, &c, &arena);
	arena_free(&arena);
	pool_stop(t.pool);
	if (t.in != stdin)
		fclose(t.in);
	return status;
}
