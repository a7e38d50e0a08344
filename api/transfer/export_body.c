#include "transfer/export_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "http/mask.h"
#include "transfer/export_row.h"

/* The cells of an opportunity's client: document type and number. */
#define BESIDE 2

struct export_body {
	struct export_task task; /* without args */
	struct stream *stream;
	struct result *rows; /* NULL: the end was reached */
	int at; /* the next row of these */
	uint64_t count;
	bool head_written;
	const char *error;
	struct db_error db;
	struct arena arena; /* for one piece */
	char *piece;
	size_t used, size;
};

/* Room for n more bytes in the piece. */
static char *
room(struct export_body *b, size_t n)
{
	if (b->size - b->used < n) {
		b->size = b->used + n;
		b->piece = realloc(b->piece, b->size);
		if (b->piece == NULL)
			abort();
	}
	return b->piece + b->used;
}

/* Reads the next batch. Returns false when that failed. */
static bool
fetch(struct export_body *b)
{
	result_free(b->rows);
	b->rows = NULL;
	b->at = 0;
	if (stream_next(b->stream, &b->rows, &b->db) != DB_OK) {
		b->error =
		    b->db.sqlstate[0] != '\0' ? b->db.sqlstate : "the database does not answer";
		return false;
	}
	if (result_rows(b->rows) == 0) {
		result_free(b->rows);
		b->rows = NULL;
	}
	return true;
}

enum db_status
export_begin(const struct stream_config *config, const struct export_task *task,
    struct export_body **ret_body, struct db_error *ret_error)
{
	struct call call = { .st = task->kind->st };
	struct export_body *b = calloc(1, sizeof(*b));
	enum db_status status;

	if (b == NULL)
		abort();
	memcpy(call.args, task->args, sizeof(call.args));
	b->task = *task;
	memset(b->task.args, 0, sizeof(b->task.args));
	b->error = "";
	status = stream_open(config, &call, &b->stream, ret_error);
	if (status == DB_OK)
		status = stream_next(b->stream, &b->rows, ret_error);
	if (status != DB_OK) {
		export_end(b);
		return status;
	}
	*ret_body = b;
	return DB_OK;
}

enum db_status
export_open(const struct stream_config *config, const struct export_task *task,
    struct replica_stream *from, struct export_body **ret_body, struct db_error *ret_error)
{
	enum db_status status;

	from->standby = task->kind->st->replica && replica_fit(from->replica);
	for (;;) {
		struct stream_config stream = *config;

		replica_stream(from, &stream);
		status = export_begin(&stream, task, ret_body, ret_error);
		if (status == DB_OK)
			replica_streamed(from);
		if (status == DB_OK || !from->standby ||
		    !replica_failed(from->replica, status, ret_error))
			return status;
		from->standby = false;
	}
}

/* The document of the row's client, which the statement gives as "ruc 20467534026". */
static void
take_beside(const struct export_body *b, struct span ret_cells[static BESIDE])
{
	static const char mask[] = "***";
	const char *text = result_columns(b->rows) > 1 ? result_text(b->rows, b->at, 1) : NULL;
	size_t length = text != NULL ? strlen(text) : 0,
	       type = text != NULL ? strcspn(text, " ") : 0;

	ret_cells[0] = (struct span){ text != NULL ? text : "", type };
	ret_cells[1] = (struct span){ "", 0 };
	if (length <= type)
		return;
	ret_cells[1] = (struct span){ text + type + 1, length - type - 1 };
	if (b->task.masked)
		ret_cells[1] = (struct span){ mask, strlen(mask) };
}

/* The record of the row as this reader may see it. Returns false when it cannot be masked. */
static bool
take_record(struct export_body *b, struct span *ret_json)
{
	ret_json->at = result_text(b->rows, b->at, 0);
	ret_json->length = result_length(b->rows, b->at, 0);
	if (b->task.masked)
		ret_json->at =
		    mask_json(&b->arena, ret_json->at, ret_json->length, &ret_json->length);
	return ret_json->at != NULL;
}

static bool
put_row(struct export_body *b)
{
	struct span json, beside[BESIDE];
	char *end;

	if (!take_record(b, &json)) {
		b->error = "a record cannot be masked";
		return false;
	}
	if (b->task.format == EXPORT_CSV) {
		take_beside(b, beside);
		end = export_row_put(room(b, export_row_room(json, beside, BESIDE)),
		    b->task.kind->columns, json, beside);
	} else if (b->task.kind->entity != ENTITY_OTHER) {
		const enum entity entity = b->task.kind->entity;
		const char *tag = entity_tag(&b->arena, entity, json);

		end = entity_with_tags(
		    room(b, json.length + ENTITY_TAGS_ROOM + 1), entity, json, tag, false);
		*end++ = '\n';
	} else {
		end = mempcpy(room(b, json.length + 1), json.at, json.length);
		*end++ = '\n';
	}
	b->used = (size_t)(end - b->piece);
	b->at++;
	b->count++;
	return true;
}

static bool
fill(struct export_body *b)
{
	if (b->task.format == EXPORT_CSV && !b->head_written) {
		b->used =
		    (size_t)(export_head_put(room(b, EXPORT_HEAD_ROOM), b->task.kind->columns) -
			     b->piece);
		b->head_written = true;
	}
	while (b->rows != NULL && b->used < EXPORT_PIECE_BYTES) {
		if (b->at < result_rows(b->rows) ? !put_row(b) : !fetch(b))
			return false;
	}
	return true;
}

int
export_next(struct export_body *b, const char **ret_bytes, size_t *ret_length)
{
	bool filled;

	b->used = 0;
	arena_init(&b->arena);
	filled = fill(b);
	arena_free(&b->arena);
	*ret_bytes = b->piece;
	*ret_length = b->used;
	if (!filled)
		return -1;
	return b->used > 0 ? 1 : 0;
}

uint64_t
export_rows(const struct export_body *b)
{
	return b->count;
}

const char *
export_error(const struct export_body *b)
{
	return b->error;
}

void
export_end(struct export_body *b)
{
	if (b == NULL)
		return;
	result_free(b->rows);
	stream_close(b->stream);
	free(b->piece);
	free(b);
}
