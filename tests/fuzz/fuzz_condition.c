/*
 * If-Match, If-None-Match and Idempotency-Key, a line each. A condition that goes
 * to a statement holds nothing but tags of ours; each of them names itself.
 */
#include <sodium.h>
#include "fuzz.h"
#include "http/condition.h"
#include "http/idempotency.h"

static void
check_condition(const char *condition, const char *list)
{
	char tag[32];
	bool none_match = condition[0] == '!';

	condition += none_match;
	if (none_match && strcmp(condition, "*") == 0)
		return;
	MUST(strspn(condition, "0123456789abcdef,") == strlen(condition));
	while (*condition != '\0') {
		size_t n = strcspn(condition, ",");

		MUST(n >= 1 && n <= 16);
		memcpy(tag, condition, n);
		tag[n] = '\0';
		MUST(condition_names(list, tag));
		condition += n;
		MUST(*condition == '\0' || condition[1] != '\0');
		condition += *condition == ',';
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
