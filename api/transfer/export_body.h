/*
 * export_body - the bytes of an export, piece by piece: its rows as CSV or as NDJSON.
 *
 * NDJSON has a line for each record, which is the record as the API shows it, an opportunity with its `etags`. Memory holds one
 * batch of rows (db/stream.h) and one piece.
 */
#ifndef TRANSFER_EXPORT_BODY_H
#define TRANSFER_EXPORT_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "db/replica.h"
#include "db/stream.h"
#include "transfer/export_kind.h"

/* A piece has that many bytes, or some more. */
#define EXPORT_PIECE_BYTES 49152

enum export_format { EXPORT_NDJSON, EXPORT_CSV };

struct export_task {
	const struct export_kind *kind;
	enum export_format format;
	bool masked; /* personal data is hidden (http/mask.h) */
	const char *args[DB_ARGS_MAX]; /* of kind->st; must live until export_begin returns */
};

struct export_body;

/*
 * export_begin - opens the stream and reads the first rows.
 * returns  DB_OK with ret_body, for export_end; otherwise ret_error is filled in
 */
enum db_status export_begin(const struct stream_config *config, const struct export_task *task,
    struct export_body **ret_body, struct db_error *ret_error) MUSTCHECK;

/*
 * export_open - begins at the read replica, if it is fit, and else at the primary.
 *
 * config   as for export_begin, with the primary's URL
 * from     holds the replica; gets who answers, and as_of
 * returns  as export_begin
 */
enum db_status export_open(const struct stream_config *config, const struct export_task *task,
    struct replica_stream *from, struct export_body **ret_body,
    struct db_error *ret_error) MUSTCHECK;

/*
 * export_next - makes the next piece.
 * ret_bytes  valid until the next call
 * returns    1; 0: the export is whole; -1: it broke off (export_error)
 */
int export_next(struct export_body *b, const char **ret_bytes, size_t *ret_length) MUSTCHECK;

/* export_rows - returns how many rows the pieces so far have. */
uint64_t export_rows(const struct export_body *b);

/* export_error - why it broke off: a SQLSTATE, or a few words. "" while it did not. */
const char *export_error(const struct export_body *b);

/* export_end - ends the transaction and frees all. NULL is allowed. */
void export_end(struct export_body *b);

#endif
