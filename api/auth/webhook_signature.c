#include "auth/webhook_signature.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define SECRET_BYTES 32
#define BASE64_SIZE  sodium_base64_ENCODED_LEN(SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL)

static_assert(WEBHOOK_SECRET_SIZE == sizeof("whsec_") - 1 + BASE64_SIZE, "a secret fits");
static_assert(crypto_auth_hmacsha256_BYTES == SECRET_BYTES &&
		  WEBHOOK_SIGNATURE_SIZE == sizeof("v1,") - 1 + BASE64_SIZE,
    "a signature fits");

/* The bytes of a token that the program itself made; a wrong one gives zeros. */
static void
bytes_of(const char *token, unsigned char ret_bytes[static SECRET_BYTES])
{
	size_t length = 0;

	memset(ret_bytes, 0, SECRET_BYTES);
	if (sodium_base642bin(ret_bytes, SECRET_BYTES, token, strlen(token), NULL, &length, NULL,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    length != SECRET_BYTES)
		memset(ret_bytes, 0, SECRET_BYTES);
}

void
webhook_secret_text(
    const char token[static SECRET_TOKEN_SIZE], char ret_text[static WEBHOOK_SECRET_SIZE])
{
	unsigned char bytes[SECRET_BYTES];

	bytes_of(token, bytes);
	sodium_bin2base64(stpcpy(ret_text, "whsec_"), BASE64_SIZE, bytes, sizeof(bytes),
	    sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(bytes, sizeof(bytes));
}

void
webhook_signature(const char token[static SECRET_TOKEN_SIZE], const char *id, const char *timestamp,
    const char *body, size_t length, char ret_signature[static WEBHOOK_SIGNATURE_SIZE])
{
	unsigned char key[SECRET_BYTES], mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	bytes_of(token, key);
	crypto_auth_hmacsha256_init(&state, key, sizeof(key));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)id, strlen(id));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp, strlen(timestamp));
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, length);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2base64(stpcpy(ret_signature, "v1,"), BASE64_SIZE, mac, sizeof(mac),
	    sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(&state, sizeof(state));
}
