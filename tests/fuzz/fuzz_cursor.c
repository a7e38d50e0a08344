/*
 * Cursors: bytes without a valid signature never open, and a signed cursor opens only
 * for its own list. The same for encrypted secrets.
 */
#include <sodium.h>
#include "auth/secret.h"
#include "fuzz.h"
#include "http/page.h"

#define ABOUT "client_opportunity_list 7"

static void
check_given(char *given)
{
	char text[128], sealed[256], token[SECRET_TOKEN_SIZE];
	struct request rq;
	struct page page;
	int status;

	if (secret_open(ABOUT, given, text, sizeof(text))) {
		MUST(secret_seal(ABOUT, text, sealed, sizeof(sealed)) != NULL);
		MUST(strcmp(sealed, given) == 0);
	}
	(void)!secret_kept(given, token);
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
check_sealed(const char *text, uint8_t which)
{
	char sealed[256], opened[128];
	size_t n;

	if (strlen(text) >= sizeof(opened) ||
	    secret_seal(ABOUT, text, sealed, sizeof(sealed)) == NULL)
		return;
	MUST(secret_open(ABOUT, sealed, opened, sizeof(opened)) && strcmp(opened, text) == 0);
	MUST(!secret_open("contact_list 7", sealed, opened, sizeof(opened)));
	/* Changes one letter; the low bits of the last one are not part of the data. */
	n = strlen(sealed);
	sealed[which % (n - 1)] = sealed[which % (n - 1)] == 'A' ? 'B' : 'A';
	MUST(!secret_open(ABOUT, sealed, opened, sizeof(opened)));
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
	check_sealed(given, size > 0 ? data[size - 1] : 0);
	free(given);
	return 0;
}
