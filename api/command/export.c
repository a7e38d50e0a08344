/*
 * "gestor export KIND [--from DAY] [--to DAY] [--format csv|ndjson] [FILE]": the same bytes as GET /v1/exports/KIND.
 *
 * A file is written under another name and gets its own when it is whole, so that no program takes a part for all.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "command/command.h"
#include "command/database.h"
#include "command/progress.h"
#include "db/replica.h"
#include "sql.h"
#include "transfer/export_body.h"
#include "transfer/export_entry.h"

/* A batch may take longer than in the service: nobody waits behind it. */
#define FETCH_MS 60000
#define IDLE_MS	 3600000
/* How long to wait for a read replica to show that it is fit; then the primary is asked. */
#define REPLICA_MS 5000

struct task {
	struct export_task export;
	const char *from, *to;
	const char *file; /* "-": standard output */
	char *partial; /* the file's name until it is whole; NULL: standard output */
	int fd;
	struct pool *pool;
	struct replica *replica;
	struct export_entry entry;
};

static volatile sig_atomic_t stopped;

static void
stop(int sig)
{
	stopped = sig;
}

static int
usage(void)
{
	fprintf(stderr, "usage: gestor export clients|contacts|opportunities|consents|audit\n"
			"           [--from YYYY-MM-DD] [--to YYYY-MM-DD] [--format csv|ndjson] "
			"[FILE]\n");
	return 2;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static bool
take_days(const struct task *t)
{
	if ((t->from != NULL && !text_is_date(t->from)) || (t->to != NULL && !text_is_date(t->to)))
		fprintf(stderr, "gestor: --from and --to are days, such as 2025-05-03\n");
	else if (text_days_reversed(t->from, t->to))
		fprintf(stderr, "gestor: --to is before --from\n");
	else
		return true;
	return false;
}

static bool
take_format(struct task *t, const char *format)
{
	bool json = format != NULL ? strcmp(format, "ndjson") == 0
				   : ends_with(t->file, ".ndjson") || ends_with(t->file, ".jsonl");

	t->export.format = json ? EXPORT_NDJSON : EXPORT_CSV;
	return format == NULL || json || strcmp(format, "csv") == 0;
}

static bool
take_options(struct task *t, int argc, char *argv[])
{
	static const struct option options[] = { { "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' }, { "format", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 } };
	const char *format = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f')
			t->from = optarg;
		else if (option == 't')
			t->to = optarg;
		else if (option == 'o')
			format = optarg;
		else
			return false;
	}
	if (optind >= argc || argc - optind > 2)
		return false;
	t->export.kind = export_kind_named(argv[optind]);
	t->file = optind + 1 < argc ? argv[optind + 1] : "-";
	if (t->export.kind == NULL || !take_format(t, format))
		return false;
	t->export.args[0] = t->from;
	t->export.args[1] = t->to;
	return take_days(t);
}

/* ---------------------------------------------------------------- the record of reads */

/* Who runs this: the name that the operating system knows. */
static const char *
who(void)
{
	static char text[100];
	const struct passwd *user = getpwuid(getuid());

	if (user != NULL)
		snprintf(text, sizeof(text), "command line: %.80s", user->pw_name);
	else
		snprintf(text, sizeof(text), "command line: user %u", (unsigned)getuid());
	return text;
}

/* Adds an entry. number: the export's; NULL: a new one. Returns the number, the caller's (free); NULL: the reason is on standard error. */
static char *
note(const struct task *t, const char *number)
{
	struct arena arena;
	char *made = NULL;

	arena_init(&arena);
	const struct call call = { &sql_export_note,
		{ number, NULL, NULL, NULL, "command-line", "gestor_export",
		    export_entry_json(&t->entry, &arena) } };
	auto_result struct result *row = command_run(t->pool, &call);
	if (row != NULL)
		made = strdup(result_text(row, 0, 0));
	arena_free(&arena);
	return made;
}

/* ------------------------------------------------------------------------ the file */

static bool
open_file(struct task *t)
{
	t->fd = STDOUT_FILENO;
	if (strcmp(t->file, "-") == 0)
		return true;
	if (asprintf(&t->partial, "%s.partial-XXXXXX", t->file) == -1)
		abort();
	/* Only its owner may read what is personal. */
	t->fd = mkstemp(t->partial);
	if (t->fd == -1)
		perror(t->file);
	return t->fd != -1;
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0 && !stopped) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return !stopped;
}

/* Gives the file its name, or removes it. Returns whether it has its name. */
static bool
close_file(const struct task *t, bool whole)
{
	if (t->partial == NULL)
		return whole;
	whole = whole && fsync(t->fd) == 0;
	whole = close(t->fd) == 0 && whole && rename(t->partial, t->file) == 0;
	if (!whole)
		unlink(t->partial);
	return whole;
}

static bool
write_body(const struct task *t, struct export_body *body, struct progress *progress)
{
	const char *bytes;
	size_t length;
	int more = 1;

	while (!stopped && (more = export_next(body, &bytes, &length)) == 1) {
		if (!write_all(t->fd, bytes, length)) {
			if (!stopped)
				perror(t->file);
			return false;
		}
		progress_at(progress, export_rows(body));
	}
	if (more == -1)
		fprintf(stderr, "gestor: the export broke off: %s\n", export_error(body));
	return !stopped && more == 0;
}

/* How many rows there will be, for the progress bar; 0: nobody sees it, or it is unknown. */
static uint64_t
expected(const struct task *t)
{
	const struct call call = { &sql_export_count, { t->export.kind->name, t->from, t->to } };
	auto_result struct result *row = NULL;
	char as_of[AS_OF_SIZE];
	struct db_error error;

	if (!isatty(STDERR_FILENO))
		return 0;
	if (replica_run_by(
		t->replica, db_deadline_ms(t->pool), &call, false, &row, as_of, &error) != DB_OK)
		return 0;
	return (uint64_t)command_number(row, 0);
}

/* Returns the exit status. */
static int export(struct task *t, const char *url)
{
	const struct stream_config stream = {
		.url = url, .fetch_ms = FETCH_MS, .idle_ms = IDLE_MS
	};
	struct replica_stream from = { .replica = t->replica };
	struct export_body *body = NULL;
	struct db_error error = { .sqlstate = "" };
	struct progress progress;
	char *number = NULL;
	bool whole = false;

	progress_begin(&progress, t->export.kind->name, expected(t));
	if (export_open(&stream, &t->export, &from, &body, &error) != DB_OK)
		fprintf(stderr, "gestor: the database cannot be reached, or refuses (%s)\n",
		    error.sqlstate);
	else
		number = note(t, NULL);
	if (number != NULL) {
		whole = write_body(t, body, &progress);
		t->entry.state = whole ? "done" : "cut";
		t->entry.rows = export_rows(body);
		free(note(t, number));
	}
	whole = close_file(t, whole);
	if (body != NULL)
		progress_end(&progress, export_rows(body), t->file, whole);
	if (whole)
		fprintf(stderr, "as of %s, from the %s\n", from.as_of,
		    from.standby ? "read replica" : "primary");
	export_end(body);
	free(number);
	return whole ? 0 : 1;
}

int
command_export(int argc, char *argv[])
{
	const struct sigaction action = { .sa_handler = stop };
	struct task t = { .fd = -1 };
	char filters[64];
	struct config c;
	int status = 1;

	if (!take_options(&t, argc, argv))
		return usage();
	if (config_load(&c, 0) != 0)
		return 2;
	snprintf(filters, sizeof(filters), "%s%s%s", t.from != NULL ? t.export.kind->from : "",
	    t.from != NULL && t.to != NULL ? "," : "", t.to != NULL ? t.export.kind->to : "");
	t.entry = (struct export_entry){ .kind = t.export.kind->name,
		.filters = filters,
		.csv = t.export.format == EXPORT_CSV,
		.state = "begun",
		.by = who() };
	if (t.export.kind->entity == ENTITY_OPPORTUNITY)
		t.export.args[EXPORT_DOCUMENT_ARG] =
		    t.export.format == EXPORT_CSV ? "true" : "false";
	t.pool = command_pool(&c);
	if (t.pool == NULL)
		return 1;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	t.replica = replica_start(&(struct replica_config){ .url = c.database_read_url,
	    .primary = t.pool,
	    .size = 1,
	    .wait_ms = COMMAND_CONNECT_MS,
	    .query_timeout_ms = COMMAND_TIMEOUT_MS,
	    .lag_max_ms = c.read_lag_s * 1000 });
	if (t.replica != NULL && open_file(&t)) {
		replica_await(t.replica, REPLICA_MS);
		status = export(&t, c.database_url);
	}
	free(t.partial);
	if (t.replica != NULL)
		replica_stop(t.replica);
	pool_stop(t.pool);
	return stopped ? 128 + stopped : status;
}
