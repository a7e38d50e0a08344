#include "transfer/import_load.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/json_text.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "db/session.h"
#include "resource/rules.h"
#include "spec/faults.h"
#include "spec/openapi.h"
#include "spec/schema_compile.h"
#include "sql.h"
#include "transfer/import_line.h"
#include "transfer/import_words.h"

/* A row is no longer than the body of a request. */
#define ROW_BYTES_MAX (64 * 1024)

/* Rows are sent when so much is buffered, and committed after so much or so long. */
#define SEND_BYTES   (16 * 1024)
#define COMMIT_BYTES (8 * 1024 * 1024)
#define COMMIT_MS    3000

#define SESSION_TIMEOUT_MS 30000

/* A row's arena begins with these bytes: most rows need no more. */
#define ROW_ARENA_BYTES (32 * 1024)

static const char copy_sql[] = "copy gestor.import_row (import_id, line, source, body, document, "
			       "key, faults) from stdin";

struct load {
	const struct import_task *task;
	struct import_staging *staging;
	struct arena *arena;
	struct import_table table;
	struct import_reader reader;
	struct csv_stream stream;
	bool has_head;
	char *head; /* of a CSV, as it was sent */
	struct session *session;
	bool copying;
	FILE *out; /* rows in COPY's text format */
	char *bytes;
	size_t length, uncommitted;
	int64_t committed_ms;
	long long rows;
	unsigned char *row_bytes;
};

#define refuse(l, ...) refuse_note(l, MESSAGE(__VA_ARGS__))

static enum import_end
refuse_note(struct load *l, enum text text, const char *const args[])
{
	faults_note(l->staging->faults, "#", text, args);
	return IMPORT_FAULTY;
}

static const char *
number(struct load *l, long long n)
{
	return arena_printf(l->arena, "%lld", n);
}

/* --------------------------------------------------------------------- database */

static enum import_end
begin(struct load *l)
{
	const struct import_task *t = l->task;
	const char separator[2] = { l->stream.separator != '\0' ? l->stream.separator : ',', '\0' };
	const struct call call = { &sql_import_begin,
		{ t->advisor_id, t->kind, t->mode, t->csv ? "csv" : "ndjson", l->head, separator,
		    import_words(t->language, l->arena), t->said, IMPORT_UPLOADS_MAX } };
	auto_result struct result *row = NULL;
	struct db_error error;

	l->session = session_open(t->url, SESSION_TIMEOUT_MS);
	if (l->session == NULL)
		return IMPORT_DOWN;
	if (session_run(l->session, &call, &row, &error) != DB_OK)
		return strncmp(error.message, "too_many_uploads", strlen("too_many_uploads")) == 0
			   ? IMPORT_BUSY
			   : IMPORT_DOWN;
	snprintf(l->staging->id, sizeof(l->staging->id), "%s", result_text(row, 0, 0));
	l->committed_ms = clock_ms();
	return IMPORT_STAGED;
}

/* Sends what is buffered. */
static bool
send_rows(struct load *l)
{
	bool sent;

	fflush(l->out);
	if (l->length == 0)
		return true;
	if (!l->copying && !session_copy(l->session, copy_sql))
		return false;
	l->copying = true;
	sent = session_put(l->session, l->bytes, l->length);
	l->uncommitted += l->length;
	rewind(l->out);
	l->length = 0;
	return sent;
}

/* Commits what was sent, and says that the file still comes. */
static enum import_end
commit(struct load *l)
{
	const struct call heard = { &sql_import_heard, { l->staging->id } };
	auto_result struct result *row = NULL;
	struct db_error error;

	if (!send_rows(l) || (l->copying && !session_done(l->session)))
		return IMPORT_DOWN;
	l->copying = false;
	l->uncommitted = 0;
	l->committed_ms = clock_ms();
	if (session_run(l->session, &heard, &row, &error) != DB_OK)
		return IMPORT_DOWN;
	if (l->task->progress != NULL)
		l->task->progress(l->task->arg, l->rows);
	return result_true(row, 0, 0) ? IMPORT_STAGED : IMPORT_CANCELLED;
}

/* The file did not come whole: its import failed. */
static void
drop(struct load *l, enum import_end end)
{
	const struct call call = { &sql_import_drop,
		{ l->staging->id, end == IMPORT_FAULTY ? "file_refused" : "upload_broken" } };
	auto_result struct result *row = NULL;
	struct session *s;
	struct db_error error;

	/* A COPY that was not ended ends with its connection. */
	session_close(l->session);
	l->session = NULL;
	if (l->staging->id[0] == '\0' || end == IMPORT_CANCELLED)
		return;
	s = session_open(l->task->url, SESSION_TIMEOUT_MS);
	/* Else the import fails when nothing was heard of it for a minute (import_step). */
	if (s != NULL && session_run(s, &call, &row, &error) != DB_OK)
		row = NULL;
	session_close(s);
}

/* ------------------------------------------------------------------------- rows */

/* A value of COPY's text format; NULL: SQL NULL. */
static void
put_value(FILE *out, const char *text, size_t length, char after)
{
	if (text == NULL) {
		fputs("\\N", out);
	} else {
		for (const char *end = text + length; text < end; text++) {
			size_t plain = 0;

			while (text + plain < end && strchr("\t\n\r\\", text[plain]) == NULL)
				plain++;
			fwrite_unlocked(text, 1, plain, out);
			text += plain;
			if (text == end)
				break;
			putc_unlocked('\\', out);
			putc_unlocked(*text == '\t'   ? 't'
				      : *text == '\n' ? 'n'
				      : *text == '\r' ? 'r'
						      : '\\',
			    out);
		}
	}
	putc_unlocked(after, out);
}

static void
put_text(FILE *out, const char *text, char after)
{
	put_value(out, text, text != NULL ? strlen(text) : 0, after);
}

/* The column in which a row is not UTF-8. */
static const char *
column_not_utf8(struct load *l, const struct csv_row *row)
{
	for (int i = 0; i < row->count; i++) {
		if (!text_is_utf8(row->cells[i], strlen(row->cells[i])))
			return l->has_head && i < l->reader.ncells && l->reader.at[i] >= 0
				   ? l->table.columns[l->reader.at[i]].name
				   : number(l, i + 1);
	}
	return "1";
}

/* What is wrong with a row so that nothing of the file can be trusted. */
static enum import_end
check_bytes(struct load *l, const struct csv_piece *piece, const struct csv_row *row)
{
	if (memchr(piece->text, '\0', piece->length) != NULL)
		return refuse(l, TEXT_import_nul, number(l, piece->line));
	if (!text_is_utf8(piece->text, piece->length))
		return refuse(l, TEXT_import_not_utf8, number(l, piece->line),
		    row != NULL ? column_not_utf8(l, row) : "1");
	return IMPORT_STAGED;
}

static void
stage(struct load *l, const struct csv_piece *piece, const struct import_staged *staged)
{
	fprintf(l->out, "%s\t%d\t", l->staging->id, piece->line);
	put_value(l->out, piece->text, piece->length, '\t');
	put_text(l->out, staged->body, '\t');
	put_text(l->out, staged->document, '\t');
	put_text(l->out, staged->key, '\t');
	put_text(l->out, staged->faults, '\n');
	l->rows++;
}

/* Takes the head of a CSV, and begins the import. */
static enum import_end
take_head(struct load *l, const struct csv_piece *piece, const struct csv_row *row)
{
	if (!import_head(&l->reader, row, l->staging->faults))
		return IMPORT_FAULTY;
	l->has_head = true;
	l->head = arena_copy(l->arena, piece->text, piece->length);
	return begin(l);
}

static enum import_end
take_csv(struct load *l, const struct csv_piece *piece, struct arena *arena)
{
	struct import_staged staged;
	struct csv_row row;
	struct csv csv;
	enum import_end end;

	csv_begin_row(&csv, piece->text, piece->length, l->stream.separator, piece->line);
	/* A row without text is none. */
	if (!csv_next(&csv, arena, &row))
		return check_bytes(l, piece, NULL);
	end = check_bytes(l, piece, &row);
	if (end != IMPORT_STAGED)
		return end;
	if (!l->has_head)
		return take_head(l, piece, &row);
	import_cells(&l->reader, &row, arena, &staged);
	stage(l, piece, &staged);
	return IMPORT_STAGED;
}

static enum import_end
take_json(struct load *l, const struct csv_piece *piece, struct arena *arena)
{
	struct import_staged staged;
	enum import_end end = check_bytes(l, piece, NULL);

	if (end != IMPORT_STAGED || strspn(piece->text, " \t") >= piece->length)
		return end;
	import_json(&l->reader, piece->text, piece->length, arena, &staged);
	stage(l, piece, &staged);
	return IMPORT_STAGED;
}

static enum import_end
take_row(struct load *l, const struct csv_piece *piece)
{
	enum import_end end;
	struct arena arena;

	arena_init_with(&arena, l->row_bytes, ROW_ARENA_BYTES);
	end = l->task->csv ? take_csv(l, piece, &arena) : take_json(l, piece, &arena);
	arena_free(&arena);
	if (end != IMPORT_STAGED || l->session == NULL)
		return end;
	if (ftell(l->out) >= SEND_BYTES && !send_rows(l))
		return IMPORT_DOWN;
	return IMPORT_STAGED;
}

static enum import_end
take_rows(struct load *l, bool ended)
{
	enum import_end end = IMPORT_STAGED;
	struct csv_piece piece;
	enum csv_found found;

	while (end == IMPORT_STAGED &&
	       (found = csv_stream_next(&l->stream, &piece)) != CSV_FOUND_NOTHING) {
		if (found == CSV_FOUND_TOO_LONG)
			return refuse(l, TEXT_import_line_long, number(l, l->stream.line),
			    number(l, ROW_BYTES_MAX));
		if (found == CSV_FOUND_OPEN_QUOTE)
			return refuse(l, TEXT_import_quote_open, number(l, l->stream.line));
		end = take_row(l, &piece);
	}
	if (end != IMPORT_STAGED)
		return end;
	if (ended && l->task->csv && !l->has_head)
		return refuse(l, TEXT_import_column_required, l->table.columns[0].name,
		    import_columns_text(&l->table, l->arena));
	if (ended || (l->session != NULL && (l->uncommitted >= COMMIT_BYTES ||
						clock_ms() - l->committed_ms >= COMMIT_MS)))
		return commit(l);
	return IMPORT_STAGED;
}

static enum import_end
take_file(struct load *l)
{
	enum import_end end = l->task->csv ? IMPORT_STAGED : begin(l);
	size_t size;
	long n = 1;

	while (end == IMPORT_STAGED && n > 0) {
		char *room = csv_stream_room(&l->stream, &size);

		n = l->task->read(l->task->arg, room, size);
		if (n < 0)
			return IMPORT_BROKEN;
		csv_stream_fill(&l->stream, (size_t)n);
		end = take_rows(l, n == 0);
	}
	return end;
}

bool
import_contract(char *ret_err, size_t err_size)
{
	const struct schema_names names = { .catalog = catalog_known, .rule = rule_known };

	return openapi_load(&names, ret_err, err_size) == 0;
}

enum import_end
import_load(const struct import_task *task, struct arena *arena, struct import_staging *ret_staging)
{
	struct load l = { .task = task, .staging = ret_staging, .arena = arena };
	enum import_end end;

	ret_staging->id[0] = '\0';
	l.reader = (struct import_reader){ .table = &l.table, .language = task->language };
	l.reader.catalogs = catalog_hold();
	if (!import_table_of(task->kind, arena, &l.table) || l.reader.catalogs == NULL) {
		catalog_release(l.reader.catalogs);
		return IMPORT_DOWN;
	}
	l.out = open_memstream(&l.bytes, &l.length);
	l.row_bytes = malloc(ROW_ARENA_BYTES);
	if (l.out == NULL || l.row_bytes == NULL)
		abort();
	csv_stream_begin(
	    &l.stream, task->csv ? CSV_STREAM_QUOTED : CSV_STREAM_LINES, ROW_BYTES_MAX);
	end = take_file(&l);
	if (end == IMPORT_STAGED)
		session_close(l.session);
	else
		drop(&l, end);
	snprintf(ret_staging->rows, sizeof(ret_staging->rows), "%lld", l.rows);
	csv_stream_end(&l.stream);
	fclose(l.out);
	free(l.bytes);
	free(l.row_bytes);
	catalog_release(l.reader.catalogs);
	return end;
}
