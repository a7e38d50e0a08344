/*
 * If-Match, If-None-Match and Idempotency-Key, one line each. A condition that is passed
 * to a statement holds only tags of the service's form, and each of them matches itself.
 */
#include <sodium.h>
#include "fuzz.h"
#include "http/condition.h"
#include "http/entity_tag.h"
#include "http/idempotency.h"

static void
check_condition(const char *condition, const char *list)
{
	char tag[ENTITY_TAG_MAX + 1];
	bool none_match = condition[0] == '!';

	condition += none_match;
	if (none_match && strcmp(condition, "*") == 0)
		return;
	MUST(strspn(condition, "0123456789abcdef.-,") == strlen(condition));
	while (*condition != '\0') {
		size_t n = strcspn(condition, ",");

		MUST(n >= 1 && n <= ENTITY_TAG_MAX);
		memcpy(tag, condition, n);
		tag[n] = '\0';
		MUST(entity_tags_match_weak(list, tag));
		condition += n;
		MUST(*condition == '\0' || condition[1] != '\0');
		condition += *condition == ',';
	}
}

/* The condition that a statement gets is shorter than the header. */
static void
check_parts(struct request *rq)
{
	static const unsigned parts[] = { 0, PART_OPPORTUNITY, PART_CLOSURE,
		PART_OPPORTUNITY | PART_DIAGNOSIS, 31 };

	for (size_t i = 0; i < NITEMS(parts); i++) {
		const char *condition = condition_of(rq, parts[i]);

		MUST(strlen(condition) <= strlen(rq->condition));
		MUST((condition[0] == '!') == (rq->condition[0] == '!'));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct operation op = {
		.id = "fuzz", .takes_if_match = true, .takes_idempotency_key = true
	};
	char *match = fuzz_text(data, size), *none_match = fuzz_cut(match, '\n'), *key = NULL;
	struct request rq;
	int status;

	MUST(sodium_init() >= 0);
	if (none_match != NULL)
		key = fuzz_cut(none_match, '\n');
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	rq.op = &op;
	rq.advisor_id = "1";
	status = condition_take(&rq, *match != '\0' ? match : NULL, none_match);
	MUST((status == 0 || status == 400) && status == rq.reply.status);
	if (status == 0 && rq.condition != NULL)
		check_parts(&rq);
	if (status == 0 && rq.condition != NULL)
		check_condition(rq.condition, *match != '\0' ? match : none_match);
	status = idempotency_take(&rq, key);
	MUST(status == 0 || status == 400);
	if (status == 0 && key != NULL) {
		size_t n = strlen(rq.idempotency.key);

		MUST(n >= 1 && n <= 255 && strstr(key, rq.idempotency.key) != NULL);
		for (size_t i = 0; i < n; i++)
			MUST(rq.idempotency.key[i] > ' ' && rq.idempotency.key[i] < 127);
	}
	arena_free(&rq.arena);
	free(match);
	return 0;
}
