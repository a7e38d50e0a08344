#include "http/preview.h"

#include <string.h>

#include "base/json_text.h"

/* The id of a record that was not created: no record has it, and the type is that of the real answer. */
#define NO_ID "0"

static void
hide(json_t *object, const char *name)
{
	if (json_object_get(object, name) != NULL)
		json_object_set_new(object, name, json_string(NO_ID));
}

/* For each object x in the request, which creates it, hides x_id; hides the ids of created actions. */
static void
hide_parts(struct request *rq, json_t *answer)
{
	const char *name;
	json_t *value, *rows = json_object_get(answer, "actions");

	json_object_foreach (rq->body, name, value) {
		if (json_is_object(value))
			hide(answer, arena_printf(&rq->arena, "%s_id", name));
	}
	if (json_object_get(rq->body, "actions") != NULL) {
		for (size_t i = 0; i < json_array_size(rows); i++)
			hide(json_array_get(rows, i), "id");
	}
}

/* The created record: the answer itself, or the last action if the client asked for the opportunity. */
static json_t *
created_record(const struct request *rq, json_t *answer)
{
	json_t *rows = json_object_get(answer, "actions");

	return request_query_value(rq, "return") != NULL
		   ? json_array_get(rows, json_array_size(rows) - 1)
		   : answer;
}

int
preview_hide(struct request *rq)
{
	json_t *answer = json_loadb(rq->reply.body, rq->reply.length, 0, NULL);

	rq->reply.headers = NULL;
	if (answer == NULL)
		return rq->reply.status;
	if (rq->reply.status == 201) {
		rq->reply.status = 200;
		hide(created_record(rq, answer), "id");
	}
	if (rq->reply.status == 202)
		rq->reply.status = 200;
	hide_parts(rq, answer);
	rq->reply.body = json_text_dump(&rq->arena, answer, &rq->reply.length);
	json_decref(answer);
	return rq->reply.status;
}
