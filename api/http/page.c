#include "http/page.h"

#include <stdlib.h>
#include <string.h>

#include "auth/secret.h"
#include "base/text.h"
#include "http/entity_tag.h"
#include "http/mask.h"
#include "http/problem.h"
#include "http/record.h"
#include "http/reply.h"
#include "http/route.h"
#include "spec/field_name.h"

/* The columns of a page's rows. */
enum { DOCUMENT, INSTANT, ID, TAG };

/* A cursor is valid only for this operation, path id and filters: this text goes into its MAC. */
static const char *
list_identity(struct request *rq)
{
	const char *identity =
	    arena_printf(&rq->arena, "%s %s", rq->op->id, rq->param[0] != NULL ? rq->param[0] : "");

	for (int i = 0; i < rq->op->nparams; i++) {
		const char *name = rq->op->params[i].name, *value = request_query_value(rq, name);

		if (value != NULL && strcmp(name, "cursor") != 0 && strcmp(name, "limit") != 0 &&
		    strcmp(name, "count") != 0)
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
	ret_page->count = NULL;
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

/* Adds the Link header: the same request with the next cursor. */
static void
link_next(struct request *rq, const char *path, const char *cursor)
{
	const char *url = arena_printf(
	    &rq->arena, "%s?cursor=%s%s", path, cursor, route_query_text(rq, "cursor"));

	reply_header(rq, "Link", arena_printf(&rq->arena, "<%s>; rel=\"next\"", url));
}

/* An item of the page: masked for this caller, and its entity tag, or NULL. */
struct item {
	struct span json;
	const char *tag;
	const struct span *beside; /* the records of page->beside, in its order; NULL: none */
};

/* A record that an item shows inside, masked and tagged like an item of a list; "null": there is none. */
static struct span
record_beside(struct request *rq, const struct result *rows, int row, int col, enum entity entity)
{
	struct span json = { result_text(rows, row, col), 0 };
	char *tagged;

	if (json.at == NULL)
		return (struct span){ "null", strlen("null") };
	json.length = result_length(rows, row, col);
	if (rq->masked)
		json.at = mask_json(&rq->arena, json.at, json.length, &json.length);
	if (json.at == NULL)
		return json;
	tagged = arena_alloc(&rq->arena, json.length + ENTITY_TAG_ROOM);
	json.length = (size_t)(entity_with_tags(tagged, entity, json,
				   entity_tag(&rq->arena, entity, json), true) -
			       tagged);
	json.at = tagged;
	return json;
}

/* The records beside the item of a row; NULL: masking failed. Adds their bytes to ret_size. */
static const struct span *
records_beside(struct request *rq, const struct result *rows, int row, const struct beside *beside,
    size_t *ret_size)
{
	struct span *records;
	size_t n = 0;

	while (beside[n].member != NULL)
		n++;
	records = arena_alloc(&rq->arena, n * sizeof(*records));
	for (size_t i = 0; i < n; i++) {
		records[i] = record_beside(rq, rows, row, beside[i].column, beside[i].entity);
		if (records[i].at == NULL)
			return NULL;
		*ret_size += records[i].length + strlen(beside[i].member) + strlen(",\"\":");
	}
	return records;
}

/*
 * Masks and tags the documents. Each by itself: to find them again in an array would mean to read all of it.
 * Returns the items; NULL: masking failed. ret_size: bytes of all with their tags and commas.
 */
static const struct item *
items_shown(struct request *rq, const struct page *page, const struct result *rows,
    const struct span documents[], int count, size_t *ret_size)
{
	struct item *items = arena_alloc(&rq->arena, (size_t)count * sizeof(*items));
	size_t room = rq->shows == ENTITY_OPPORTUNITY ? ENTITY_TAGS_ROOM : ENTITY_TAG_ROOM;

	*ret_size = 0;
	for (int i = 0; i < count; i++) {
		struct span *json = &items[i].json;

		*json = documents[i];
		if (rq->masked)
			json->at = mask_json(&rq->arena, json->at, json->length, &json->length);
		if (json->at == NULL)
			return NULL;
		items[i].tag =
		    rq->shows != ENTITY_OTHER ? entity_tag(&rq->arena, rq->shows, *json) : NULL;
		*ret_size += json->length + room + strlen(",");
		items[i].beside = NULL;
		if (page->beside != NULL &&
		    (items[i].beside = records_beside(rq, rows, i, page->beside, ret_size)) == NULL)
			return NULL;
	}
	return items;
}

static char *
put_items(const struct request *rq, const struct page *page, char *out, const struct item items[],
    int count)
{
	*out++ = '[';
	for (int i = 0; i < count; i++) {
		const struct item *item = &items[i];

		if (i > 0)
			*out++ = ',';
		out = item->tag != NULL
			  ? entity_with_tags(out, rq->shows, item->json, item->tag, true)
			  : mempcpy(out, item->json.at, item->json.length);
		if (item->beside == NULL)
			continue;
		/* Inside the object, before its end; the entity tag does not cover them. */
		out--;
		for (size_t k = 0; page->beside[k].member != NULL; k++) {
			out = stpcpy(stpcpy(stpcpy(out, ",\""), page->beside[k].member), "\":");
			out = mempcpy(out, item->beside[k].at, item->beside[k].length);
		}
		*out++ = '}';
	}
	*out++ = ']';
	return out;
}

/* What rq->shown says of the first `count` rows. */
static const char *
ids_joined(struct request *rq, const struct result *rows, const struct item items[],
    const struct span documents[], int count)
{
	char *at = arena_alloc(&rq->arena, 1 + (size_t)count * (1 + 2 * TEXT_NUMBER_SIZE)),
	     *end = at;

	for (int i = 0; i < count; i++) {
		if (i > 0)
			*end++ = ' ';
		end = result_columns(rows) > ID
			  ? mempcpy(end, result_text(rows, i, ID), result_length(rows, i, ID))
			  : record_id(end, documents[i]);
		if (rq->shows == ENTITY_OPPORTUNITY)
			end = record_client(end, items[i].json);
	}
	*end = '\0';
	return at;
}

int
reply_page_of(struct request *rq, const struct page *page, const struct result *rows,
    const struct span documents[])
{
	int count = result_rows(rows), limit = (int)strtol(page->limit, NULL, 10);
	const struct item *items;
	const char *next = "null";
	char cursor[256], *text, *end;
	size_t size;

	if (count == 0 && rq->param[0] != NULL)
		return reply_problem(rq, "not_found");
	if (count == 1 && documents[0].at == NULL)
		count = 0;
	if (count > limit) {
		const char *after = arena_printf(&rq->arena, "%s %s",
		    result_text(rows, limit - 1, INSTANT), result_text(rows, limit - 1, ID));

		count = limit;
		if (secret_sign(list_identity(rq), after, cursor, sizeof(cursor)) == NULL)
			return reply_problem(rq, "internal");
		next = arena_printf(&rq->arena, "\"%s\"", cursor);
		link_next(rq, rq->path, cursor);
	}
	items = items_shown(rq, page, rows, documents, count, &size);
	if (items == NULL)
		return reply_problem(rq, "internal");
	text = arena_alloc(
	    &rq->arena, strlen("{\"items\":[],\"next\":,\"count\":,\"as_of\":\"\"}") + size +
			    strlen(next) + TEXT_NUMBER_SIZE + strlen(rq->as_of) + 1);
	/* stpcpy, because printf is slow with long strings. */
	end = put_items(rq, page, stpcpy(text, "{\"items\":"), items, count);
	end = stpcpy(stpcpy(end, ",\"next\":"), next);
	if (page->count != NULL)
		end = stpcpy(stpcpy(end, ",\"count\":"), page->count);
	if (rq->as_of[0] != '\0')
		end = stpcpy(stpcpy(stpcpy(end, ",\"as_of\":\""), rq->as_of), "\"");
	end = stpcpy(end, "}");
	reply_json_as_is(rq, 200, text, (size_t)(end - text));
	if (rq->param[0] == NULL)
		rq->shown = ids_joined(rq, rows, items, documents, count);
	return 200;
}

int
reply_page(struct request *rq, const struct page *page, struct result **result)
{
	const struct result *rows = *result;
	int n = result_rows(rows);
	struct span *documents = arena_alloc(&rq->arena, (size_t)n * sizeof(*documents));
	int status;

	for (int i = 0; i < n; i++)
		documents[i] = (struct span){ result_text(rows, i, DOCUMENT),
			result_length(rows, i, DOCUMENT) };
	status = reply_page_of(rq, page, rows, documents);
	return status == 200 && result_columns(rows) == TAG + 1
		   ? reply_tag(rq, result_text(rows, 0, TAG))
		   : status;
}
