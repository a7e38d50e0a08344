/*
 * Bodies: read in pieces, parsed, validated with the catalogues, hashed for a key, and
 * used as an answer that a preview masks. The first bytes choose the operation, the
 * framing and the size of the pieces.
 */
#include <sodium.h>
#include "base/log.h"
#include "config.h"
#include "database.h"
#include "http/body.h"
#include "http/guard.h"
#include "http/idempotency.h"
#include "http/preview.h"
#include "http/record.h"

#define BODY_MAX 4096

struct source {
	const char *at;
	size_t left, piece;
	int at_end; /* 0: the end; -1: connection lost */
};

static int
read_piece(void *arg, char *buf, size_t size)
{
	struct source *s = arg;
	size_t n = s->left < s->piece ? s->left : s->piece;

	n = n < size ? n : size;
	if (n == 0)
		return s->at_end;
	memcpy(buf, s->at, n);
	s->at += n;
	s->left -= n;
	return (int)n;
}

static void
send_continue(void *arg)
{
	(void)arg;
}

static const struct operation *
operation(uint8_t which)
{
	int n = 0;

	for (int i = 0; openapi_at(i) != NULL; i++)
		n += openapi_at(i)->body != NULL;
	n = which % n;
	for (int i = 0;; i++) {
		if (openapi_at(i)->body != NULL && n-- == 0)
			return openapi_at(i);
	}
}

/* The record that the request changes holds no choices. */
static int
held_none(struct request *rq)
{
	(void)rq;
	return 0;
}

static bool
is_no_id(const json_t *value)
{
	return json_is_null(value) ||
	       (json_is_string(value) && strcmp(json_string_value(value), "0") == 0);
}

/* The body used as an answer: whatever it holds, the hidden ids become null or "0". */
static void
check_preview(struct request *rq, bool created)
{
	json_t *answer, *value;
	const char *name;
	char id[256];

	if (!json_is_object(rq->body))
		return;
	reply_json(rq, created ? 201 : 200, rq->body_text, rq->body_length);
	MUST(preview_hide(rq) == 200 && rq->reply.status == 200 && rq->reply.headers == NULL);
	answer = json_loadb(rq->reply.body, rq->reply.length, JSON_REJECT_DUPLICATES, NULL);
	MUST(answer != NULL);
	MUST(json_object_size(answer) == json_object_size(rq->body));
	value = json_object_get(answer, "id");
	MUST(!created || value == NULL || is_no_id(value));
	json_object_foreach (rq->body, name, value) {
		if (!json_is_object(value) || strlen(name) > 200)
			continue;
		snprintf(id, sizeof(id), "%s_id", name);
		MUST(json_object_get(answer, id) == NULL || is_no_id(json_object_get(answer, id)));
	}
	for (size_t i = 0; i < json_array_size(json_object_get(answer, "actions")); i++) {
		value =
		    json_object_get(json_array_get(json_object_get(answer, "actions"), i), "id");
		MUST(value == NULL || is_no_id(value));
	}
	json_decref(answer);
}

static void
check_faults(const struct request *rq)
{
	int n = 0;

	for (const struct fault *f = rq->faults.first; f != NULL; f = f->next, n++)
		MUST(f->pointer[0] == '#' && f->code[0] != '\0' && f->detail[0] != '\0');
	MUST(n == rq->faults.count && n <= FAULTS_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config config = { .body_max_bytes = BODY_MAX,
		.request_timeout_ms = 60000 };
	static struct app app = { .config = &config };
	static bool ready;
	struct source source;
	struct body_source from = { read_piece, send_continue, &source, "application/json", NULL };
	struct guard g = { .framing = FRAMING_LENGTH };
	struct request rq;
	bool unread = false;
	int status;

	if (!ready) {
		log_set_level(LOG_ERROR);
		json_object_seed(1);
		fuzz_contract();
		MUST(sodium_init() >= 0 && catalog_load(NULL, 0) == 0);
		ready = true;
	}
	if (size < 3)
		return 0;
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	rq.app = &app;
	rq.op = operation(data[0]);
	rq.advisor_id = "1";
	source = (struct source){ (const char *)data + 3, size - 3, (size_t)data[2] + 1,
		data[1] & 1 ? -1 : 0 };
	if (data[1] & 2)
		from.content_type = "application/merge-patch+json; charset=utf-8";
	g.content_length = (long long)(size - 3);
	if (data[1] & 4)
		g.framing = FRAMING_CHUNKED;
	else if (data[1] & 8)
		g.content_length++; /* one byte is missing */
	status = body_take(&rq, &g, &from, &unread);
	MUST(status == rq.reply.status);
	MUST(status == 0 || status == 400 || status == 413 || status == 415);
	if (status == 0) {
		MUST(!unread && rq.body != NULL && rq.body_length == size - 3);
		MUST(rq.body_length <= BODY_MAX && memchr(rq.body_text, '\0', size - 3) == NULL);
		status = check_request(&rq, held_none);
		MUST(status == 0 || status == 422);
		check_faults(&rq);
		MUST(idempotency_take(&rq, "a-key") == 0);
		check_preview(&rq, size % 2 == 0);
	}
	json_decref(rq.body);
	catalog_release(rq.catalogs);
	arena_free(&rq.arena);
	MUST(database_results == 0);
	return 0;
}
