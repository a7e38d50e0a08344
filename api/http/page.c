#include "http/page.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "http/mask.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "spec/field_name.h"

/* A cursor is valid only for this operation, path id and filters: this text goes into its MAC. */
static const char *
list_identity(struct request *rq)
{
	const char *identity =
	    arena_printf(&rq->arena, "%s %s", rq->op->id, rq->param[0] != NULL ? rq->param[0] : "");

	for (int i = 0; i < rq->op->nparams; i++) {
		const char *name = rq->op->params[i].name, *value = request_query_value(rq, name);

		if (value != NULL && strcmp(name, "cursor") != 0 && strcmp(name, "limit") != 0)
			identity = arena_printf(&rq->arena, "%s\n%s=%s", identity, name, value);
	}
	return identity;
}

int
request_page(struct request *rq, struct page *ret_page)
{
	const char *limit = request_query_value(rq, "limit"),
		   *cursor = request_query_value(rq, "cursor");
	char text[128], *space;

	ret_page->limit = limit != NULL ? limit : "15";
	ret_page->created_at = NULL;
	ret_page->id = NULL;
	ret_page->beside = NULL;
	if (cursor == NULL)
		return 0;
	if (!secret_verify(list_identity(rq), cursor, text, sizeof(text)) ||
	    (space = strrchr(text, ' ')) == NULL)
		return reply_problem(rq, "cursor_invalid");
	ret_page->created_at = arena_copy(&rq->arena, text, (size_t)(space - text));
	ret_page->id = arena_copy(&rq->arena, space + 1, strlen(space + 1));
	return 0;
}

/* The column of a list's own entity tag, which is the last one. */
#define TAG_COLUMN 3

/* As many as a page may have. */
#define IDS_MAX	 100
#define ID_WIDTH 18 /* digits of an id that a request may name */

bool
request_ids(struct request *rq, const char **ret_ids)
{
	const char *list = request_query_value(rq, "ids");
	int n = 0;

	*ret_ids = NULL;
	if (list == NULL)
		return true;
	for (const char *p = list;; p++) {
		size_t digits = strspn(p, "0123456789");

		p += digits;
		if (digits == 0 || digits > ID_WIDTH || ++n > IDS_MAX ||
		    (*p != ',' && *p != '\0')) {
			faults_add(&rq->faults, "#/ids", TEXT_ids_form,
			    faults_label(&rq->faults, "ids"),
			    arena_printf(&rq->arena, "%d", IDS_MAX));
			return false;
		}
		if (*p == '\0')
			break;
	}
	for (int i = 0; i < rq->nquery; i++) {
		const char *name = rq->query_name[i];

		if (rq->query_value[i] == NULL || strcmp(name, "ids") == 0 ||
		    strcmp(name, "include") == 0)
			continue;
		faults_add(&rq->faults, arena_printf(&rq->arena, "#/%s", name), TEXT_ids_alone,
		    faults_label(&rq->faults,
			field_of(rq->op, arena_printf(&rq->arena, "#/%s", name), &rq->arena)));
		return false;
	}
	*ret_ids = arena_printf(&rq->arena, "{%s}", list);
	return true;
}

/* Adds the Link header: the same request with the next cursor. Query values were decoded, so they are encoded again. */
static void
link_next(struct request *rq, const char *path, const char *cursor)
{
	const char *url = arena_printf(&rq->arena, "%s?cursor=%s", path, cursor);

	for (int i = 0; i < rq->nquery; i++) {
		char *encoded, *q;

		if (rq->query_value[i] == NULL || strcmp(rq->query_name[i], "cursor") == 0)
			continue;
		q = encoded = arena_alloc(&rq->arena, 3 * strlen(rq->query_value[i]) + 1);
		for (const char *p = rq->query_value[i]; *p != '\0'; p++) {
			if ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
			    (*p >= 'A' && *p <= 'Z') || strchr("-._~", *p) != NULL) {
				*q++ = *p;
			} else {
				static const char hex[] = "0123456789ABCDEF";

				*q++ = '%';
				*q++ = hex[(unsigned char)*p >> 4];
				*q++ = hex[(unsigned char)*p & 15];
			}
		}
		*q = '\0';
		url = arena_printf(&rq->arena, "%s&%s=%s", url, rq->query_name[i], encoded);
	}
	reply_header(rq, "Link", arena_printf(&rq->arena, "<%s>; rel=\"next\"", url));
}

/* The items masked for this caller, with their entity tags; at NULL: masking failed. */
static struct span
items_shown(struct request *rq, struct span items)
{
	if (rq->masked)
		items.at = mask_json(&rq->arena, items.at, items.length, &items.length);
	if (items.at == NULL || rq->shows == ENTITY_OTHER)
		return items;
	return reply_items_tagged(rq, items, rq->shows, true);
}

/* The first `count` documents of the rows as a JSON array. */
static struct span
items_joined(struct request *rq, const struct result *rows, int count)
{
	size_t size = strlen("[]");
	char *at, *end;

	for (int i = 0; i < count; i++)
		size += result_length(rows, i, 0) + strlen(",");
	at = end = arena_alloc(&rq->arena, size);
	*end++ = '[';
	for (int i = 0; i < count; i++) {
		if (i > 0)
			*end++ = ',';
		memcpy(end, result_text(rows, i, 0), result_length(rows, i, 0));
		end += result_length(rows, i, 0);
	}
	*end++ = ']';
	return (struct span){ at, (size_t)(end - at) };
}

/* The ids of the first `count` rows, separated by blanks: for the record of reads. */
static const char *
ids_joined(struct request *rq, const struct result *rows, int count)
{
	size_t size = 1;
	char *at, *end;

	for (int i = 0; i < count; i++)
		size += result_length(rows, i, 2) + 1;
	at = end = arena_alloc(&rq->arena, size);
	for (int i = 0; i < count; i++) {
		if (i > 0)
			*end++ = ' ';
		memcpy(end, result_text(rows, i, 2), result_length(rows, i, 2));
		end += result_length(rows, i, 2);
	}
	*end = '\0';
	return at;
}

/* A record that an item shows inside, masked and tagged like an item of a list; "null": there is none. */
static struct span
record_beside(struct request *rq, const struct result *rows, int row, int col, enum entity entity)
{
	const char *text = result_text(rows, row, col);
	struct span list;

	if (text == NULL)
		return (struct span){ "null", strlen("null") };
	list.at = arena_printf(&rq->arena, "[%s]", text);
	list.length = result_length(rows, row, col) + strlen("[]");
	if (rq->masked)
		list.at = mask_json(&rq->arena, list.at, list.length, &list.length);
	if (list.at == NULL)
		return list;
	list = reply_items_tagged(rq, list, entity, true);
	return (struct span){ list.at + 1, list.length - strlen("[]") };
}

/* Appends a text to a piece list. */
static void
add_piece(struct span **end, const char *at, size_t length)
{
	*(*end)++ = (struct span){ at, length };
}

/* The items with the records of `beside` inside, whose entity tags do not cover these; at NULL: masking failed. */
static struct span
items_with(
    struct request *rq, struct span items, const struct result *rows, const struct beside *beside)
{
	size_t n = (size_t)result_rows(rows), columns = 0, length = 0;
	struct span rest = items, name, item, record, *pieces, *end;
	char *made, *at;

	while (beside[columns].member != NULL)
		columns++;
	end = pieces = arena_alloc(&rq->arena, (2 + n * (2 + 2 * columns)) * sizeof(*pieces));
	for (int row = 0; json_text_next(&rest, &name, &item); row++) {
		add_piece(&end, row > 0 ? "," : "[", 1);
		add_piece(&end, item.at, item.length - strlen("}"));
		for (size_t i = 0; i < columns; i++) {
			const char *key = arena_printf(&rq->arena, ",\"%s\":", beside[i].member);

			record = record_beside(rq, rows, row, beside[i].column, beside[i].entity);
			if (record.at == NULL)
				return record;
			add_piece(&end, key, strlen(key));
			add_piece(&end, record.at, record.length);
		}
	}
	for (const struct span *p = pieces; p < end; p++)
		length += p->length;
	at = made = arena_alloc(&rq->arena, length + n + strlen("[]"));
	for (const struct span *p = pieces; p < end; p++) {
		/* A record's end, where the next one begins. */
		if (p > pieces && p->length == 1 && p->at[0] == ',')
			*at++ = '}';
		at = mempcpy(at, p->at, p->length);
	}
	at = stpcpy(at, end > pieces ? "}]" : "[]");
	return (struct span){ made, (size_t)(at - made) };
}

int
reply_page(struct request *rq, const struct page *page, struct result **result)
{
	const struct result *rows = *result;
	int count = result_rows(rows), limit = (int)strtol(page->limit, NULL, 10);
	const char *next = "null";
	struct span items;
	char cursor[256], *text, *end;

	if (count == 0 && rq->param[0] != NULL)
		return reply_problem(rq, "not_found");
	if (count == 1 && result_text(rows, 0, 0) == NULL)
		count = 0;
	if (count > limit) {
		const char *after = arena_printf(&rq->arena, "%s %s",
		    result_text(rows, limit - 1, 1), result_text(rows, limit - 1, 2));

		count = limit;
		if (secret_sign(list_identity(rq), after, cursor, sizeof(cursor)) == NULL)
			return reply_problem(rq, "internal");
		next = arena_printf(&rq->arena, "\"%s\"", cursor);
		link_next(rq, rq->path, cursor);
	}
	items = items_shown(rq, items_joined(rq, rows, count));
	if (items.at != NULL && page->beside != NULL)
		items = items_with(rq, items, rows, page->beside);
	if (items.at == NULL)
		return reply_problem(rq, "internal");
	text = arena_alloc(
	    &rq->arena, strlen("{\"items\":,\"next\":}") + items.length + strlen(next) + 1);
	/* stpcpy and mempcpy, because printf is slow with long strings. */
	end = mempcpy(stpcpy(text, "{\"items\":"), items.at, items.length);
	end = stpcpy(stpcpy(stpcpy(end, ",\"next\":"), next), "}");
	reply_json_as_is(rq, 200, text, (size_t)(end - text));
	if (rq->param[0] == NULL)
		rq->shown = ids_joined(rq, rows, count);
	if (result_columns(rows) == TAG_COLUMN + 1)
		return reply_tag(rq, result_text(rows, 0, 3));
	return 200;
}
