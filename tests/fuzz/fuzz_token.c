/*
 * token_verify on any bytes; and on tokens with a valid signature whose payload, or whole
 * signed part, is these bytes, so that the checks after the signature are reached.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "auth/token.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "fuzzing-0123456789-abcdefghijklmnopqrst";
static const char previous[] = "fuzzing-9876543210-abcdefghijklmnopqrst";

static void
check(const char *token, const char *real)
{
	struct claims c = { .advisor_id = -1, .session_id = -1, .expires = -1 };

	if (!token_verify(token, &c))
		return;
	if (strlen(token) > TOKEN_SIZE_MAX || strncmp(token, real, strcspn(real, ".") + 1) != 0)
		abort();
	if (c.advisor_id < 1 || c.session_id < 1 || role_name(c.role) == NULL || c.expires < 1)
		abort();
}

/* "header.payload" with its valid signature; the caller frees it. */
static char *
sign(const char *header, size_t header_length, const char *payload)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	size_t n = header_length + strlen(payload) + 64;
	char *token = malloc(n);

	if (token == NULL)
		abort();
	snprintf(token, n, "%.*s.%s", (int)header_length, header, payload);
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, sizeof(secret) - 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)token, strlen(token));
	crypto_auth_hmacsha256_final(&state, mac);
	strcat(token, ".");
	sodium_bin2base64(
	    token + strlen(token), 44, mac, sizeof(mac), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return token;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *real;
	const struct claims who = { .advisor_id = 1, .session_id = 1, .role = ROLE_ADMIN };
	char *text, *encoded, *token;
	struct claims c;
	size_t room;

	if (real == NULL) {
		if (sodium_init() < 0 || token_init(secret, previous) != 0 ||
		    (real = token_issue(
			 &who, clock_epoch_s(), 900, "0af7651916cd43dd8448eb211c80319c")) == NULL)
			abort();
		/* Signs like the program. */
		text = strndup(
		    strchr(real, '.') + 1, (size_t)(strrchr(real, '.') - strchr(real, '.') - 1));
		token = sign(real, strcspn(real, "."), text);
		if (strcmp(token, real) != 0 || !token_verify(token, &c))
			abort();
		free(token);
		free(text);
	}
	text = malloc(size + 1);
	room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	encoded = malloc(room);
	if (text == NULL || encoded == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check(text, real);
	token = sign(real, strcspn(real, "."), text);
	check(token, real);
	free(token);
	sodium_bin2base64(encoded, room, data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	token = sign(real, strcspn(real, "."), encoded);
	check(token, real);
	free(token);
	free(encoded);
	free(text);
	return 0;
}
