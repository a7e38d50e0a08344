#include "auth/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define SEAL_BYTES	16
#define SECRET_ID_BYTES 16
#define TEXT_MAX	128
#define VARIANT		sodium_base64_VARIANT_URLSAFE_NO_PADDING

static_assert(SECRET_TOKEN_SIZE == sodium_base64_ENCODED_LEN(32, VARIANT), "a token fits");

/* Nonce, authenticator and the token without its NUL. */
#define KEPT_BYTES (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + SECRET_TOKEN_SIZE - 1)
static_assert(SECRET_KEPT_SIZE >= sodium_base64_ENCODED_LEN(KEPT_BYTES, VARIANT), "it fits");

/* The first signs, encrypts and hashes; both verify and decrypt. */
static struct {
	unsigned char seal[crypto_generichash_KEYBYTES];
	unsigned char keep[crypto_secretbox_KEYBYTES];
	unsigned char mac[crypto_generichash_KEYBYTES];
} keys[2];
static size_t nkeys;

void
secret_token(char ret_token[static SECRET_TOKEN_SIZE])
{
	unsigned char bytes[32];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(ret_token, SECRET_TOKEN_SIZE, bytes, sizeof(bytes), VARIANT);
}

void
secret_hash(const char *token, char ret_hash[static SECRET_HASH_SIZE])
{
	unsigned char hash[32];

	crypto_generichash(
	    hash, sizeof(hash), (const unsigned char *)token, strlen(token), NULL, 0);
	sodium_bin2hex(ret_hash, SECRET_HASH_SIZE, hash, sizeof(hash));
}

void
secret_id(char ret_id[static SECRET_ID_SIZE])
{
	static _Thread_local struct {
		unsigned char bytes[32 * SECRET_ID_BYTES];
		size_t left;
	} stock;

	/* Every request needs an id: one system call fetches the bytes of 32. */
	if (stock.left == 0) {
		randombytes_buf(stock.bytes, sizeof(stock.bytes));
		stock.left = sizeof(stock.bytes);
	}
	stock.left -= SECRET_ID_BYTES;
	sodium_bin2hex(ret_id, SECRET_ID_SIZE, stock.bytes + stock.left, SECRET_ID_BYTES);
}

static void
derive(const char *purpose, const char *signing_secret, unsigned char *ret_key, size_t size)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, (const unsigned char *)purpose, strlen(purpose), size);
	crypto_generichash_update(
	    &state, (const unsigned char *)signing_secret, strlen(signing_secret));
	crypto_generichash_final(&state, ret_key, size);
}

static void
add_key(const char *signing_secret)
{
	derive("gestor seal 1", signing_secret, keys[nkeys].seal, sizeof(keys[nkeys].seal));
	derive("gestor keep 1", signing_secret, keys[nkeys].keep, sizeof(keys[nkeys].keep));
	derive("gestor mac 1", signing_secret, keys[nkeys].mac, sizeof(keys[nkeys].mac));
	nkeys++;
}

void
secret_init(const char *signing_secret, const char *previous)
{
	nkeys = 0;
	add_key(signing_secret);
	if (previous != NULL && *previous != '\0')
		add_key(previous);
}

void
secret_keep(const char token[static SECRET_TOKEN_SIZE], char ret_kept[static SECRET_KEPT_SIZE])
{
	unsigned char bytes[KEPT_BYTES];

	randombytes_buf(bytes, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES, (const unsigned char *)token,
	    SECRET_TOKEN_SIZE - 1, bytes, keys[0].keep);
	sodium_bin2base64(ret_kept, SECRET_KEPT_SIZE, bytes, sizeof(bytes), VARIANT);
}

void
secret_mac(const char *text, char ret_macs[static 2][SECRET_HASH_SIZE])
{
	unsigned char mac[32];

	for (size_t i = 0; i < 2; i++) {
		const unsigned char *key = keys[i < nkeys ? i : 0].mac;

		crypto_generichash(mac, sizeof(mac), (const unsigned char *)text, strlen(text), key,
		    sizeof(keys[0].mac));
		sodium_bin2hex(ret_macs[i], SECRET_HASH_SIZE, mac, sizeof(mac));
	}
}

bool
secret_kept(const char *kept, char ret_token[static SECRET_TOKEN_SIZE])
{
	unsigned char bytes[KEPT_BYTES];
	size_t length;

	if (sodium_base642bin(
		bytes, sizeof(bytes), kept, strlen(kept), NULL, &length, NULL, VARIANT) != 0 ||
	    length != sizeof(bytes))
		return false;
	for (size_t i = 0; i < nkeys; i++) {
		if (crypto_secretbox_open_easy((unsigned char *)ret_token,
			bytes + crypto_secretbox_NONCEBYTES,
			sizeof(bytes) - crypto_secretbox_NONCEBYTES, bytes, keys[i].keep) == 0) {
			ret_token[SECRET_TOKEN_SIZE - 1] = '\0';
			return true;
		}
	}
	return false;
}

static void
seal(size_t key, const char *about, const char *text, unsigned char ret_seal[static SEAL_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, keys[key].seal, sizeof(keys[key].seal), SEAL_BYTES);
	/* The NUL is included, so that ("ab", "c") differs from ("a", "bc"). */
	crypto_generichash_update(&state, (const unsigned char *)about, strlen(about) + 1);
	crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
	crypto_generichash_final(&state, ret_seal, SEAL_BYTES);
}

char *
secret_seal(const char *about, const char *text, char *ret_sealed, size_t size)
{
	unsigned char bytes[SEAL_BYTES + TEXT_MAX];
	size_t length = strlen(text);

	if (length > TEXT_MAX || sodium_base64_encoded_len(SEAL_BYTES + length, VARIANT) > size)
		return NULL;
	seal(0, about, text, bytes);
	memcpy(bytes + SEAL_BYTES, text, length);
	return sodium_bin2base64(ret_sealed, size, bytes, SEAL_BYTES + length, VARIANT);
}

bool
secret_open(const char *about, const char *sealed, char *ret_text, size_t size)
{
	unsigned char bytes[SEAL_BYTES + TEXT_MAX], expected[SEAL_BYTES];
	const char *end;
	size_t length;

	if (sodium_base642bin(
		bytes, sizeof(bytes), sealed, strlen(sealed), NULL, &length, &end, VARIANT) != 0 ||
	    *end != '\0' || length < SEAL_BYTES || length - SEAL_BYTES >= size)
		return false;
	memcpy(ret_text, bytes + SEAL_BYTES, length - SEAL_BYTES);
	ret_text[length - SEAL_BYTES] = '\0';
	/* Bytes behind a NUL would not be sealed. */
	if (strlen(ret_text) != length - SEAL_BYTES)
		return false;
	for (size_t i = 0; i < nkeys; i++) {
		seal(i, about, ret_text, expected);
		if (sodium_memcmp(bytes, expected, SEAL_BYTES) == 0)
			return true;
	}
	return false;
}
