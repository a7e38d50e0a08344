/*
 * Cursors: bytes without a valid signature never open, and a signed cursor opens only
 * for its own list. The same for encrypted secrets.
 */
#include <sodium.h>
#include "auth/secret.h"
#include "fuzz.h"
#include "http/page.h"

#define CONTEXT "client_opportunity_list 7"

static void
check_given(char *given)
{
	char text[128], cursor[256], token[SECRET_TOKEN_SIZE];
	struct request rq;
	struct page page;
	int status;

	if (secret_verify(CONTEXT, given, text, sizeof(text))) {
		MUST(secret_sign(CONTEXT, text, cursor, sizeof(cursor)) != NULL);
		MUST(strcmp(cursor, given) == 0);
	}
	(void)!secret_decrypt(given, token);
	memset(&rq, 0, sizeof(rq));
	arena_init(&rq.arena);
	rq.op = openapi_operation("client_opportunity_list");
	rq.param[0] = "7";
	rq.query_name[0] = "cursor";
	rq.query_value[0] = given;
	rq.nquery = 1;
	status = request_page(&rq, &page);
	MUST(status == 0 || status == 400);
	MUST(status != 0 || (page.created_at != NULL && page.id != NULL));
	arena_free(&rq.arena);
}

static void
check_signed(const char *text, uint8_t which)
{
	char cursor[256], verified[128];
	size_t n;

	if (strlen(text) >= sizeof(verified) ||
	    secret_sign(CONTEXT, text, cursor, sizeof(cursor)) == NULL)
		return;
	MUST(secret_verify(CONTEXT, cursor, verified, sizeof(verified)) &&
	     strcmp(verified, text) == 0);
	MUST(!secret_verify("contact_list 7", cursor, verified, sizeof(verified)));
	/* Changes one letter; the low bits of the last one are not part of the data. */
	n = strlen(cursor);
	cursor[which % (n - 1)] = cursor[which % (n - 1)] == 'A' ? 'B' : 'A';
	MUST(!secret_verify(CONTEXT, cursor, verified, sizeof(verified)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char *given;

	if (!ready) {
		fuzz_contract();
		MUST(sodium_init() >= 0);
		secret_init("fuzzing-0123456789-abcdefghijklmnopqrst", NULL);
		ready = true;
	}
	given = fuzz_text(data, size);
	check_given(given);
	check_signed(given, size > 0 ? data[size - 1] : 0);
	free(given);
	return 0;
}
