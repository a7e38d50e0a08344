#include "auth/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define MAC_BYTES	16
#define SECRET_ID_BYTES 16
#define TEXT_MAX	128
#define VARIANT		sodium_base64_VARIANT_URLSAFE_NO_PADDING

static_assert(SECRET_TOKEN_SIZE == sodium_base64_ENCODED_LEN(32, VARIANT), "a token fits");

/* The nonce, the authenticator and the token without its NUL. */
#define ENCRYPTED_BYTES                                                                            \
	(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + SECRET_TOKEN_SIZE - 1)
static_assert(
    SECRET_ENCRYPTED_SIZE >= sodium_base64_ENCODED_LEN(ENCRYPTED_BYTES, VARIANT), "it fits");

/* The first signs, encrypts and hashes; both verify and decrypt. */
static struct {
	unsigned char sign[crypto_generichash_KEYBYTES];
	unsigned char encrypt[crypto_secretbox_KEYBYTES];
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

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct secret_hashing),
    "the header does not know libsodium's type");

static crypto_generichash_state *
hashing_state(struct secret_hashing *h)
{
	return (crypto_generichash_state *)(void *)h->state;
}

void
secret_hash_begin(struct secret_hashing *h)
{
	crypto_generichash_init(hashing_state(h), NULL, 0, 32);
}

void
secret_hash_add(struct secret_hashing *h, const char *bytes, size_t n)
{
	crypto_generichash_update(hashing_state(h), (const unsigned char *)bytes, n);
}

void
secret_hash_end(struct secret_hashing *h, char ret_hash[static SECRET_HASH_SIZE])
{
	unsigned char hash[32];

	crypto_generichash_final(hashing_state(h), hash, sizeof(hash));
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

/* A changed purpose string would invalidate what clients and the database hold. */
static void
add_key(const char *signing_secret)
{
	derive("gestor seal 1", signing_secret, keys[nkeys].sign, sizeof(keys[nkeys].sign));
	derive("gestor keep 1", signing_secret, keys[nkeys].encrypt, sizeof(keys[nkeys].encrypt));
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
secret_encrypt(
    const char token[static SECRET_TOKEN_SIZE], char ret_encrypted[static SECRET_ENCRYPTED_SIZE])
{
	unsigned char bytes[ENCRYPTED_BYTES];

	randombytes_buf(bytes, crypto_secretbox_NONCEBYTES);
	crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES, (const unsigned char *)token,
	    SECRET_TOKEN_SIZE - 1, bytes, keys[0].encrypt);
	sodium_bin2base64(ret_encrypted, SECRET_ENCRYPTED_SIZE, bytes, sizeof(bytes), VARIANT);
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

/* Returns the index of the key that decrypts it; -1: none does. */
static int
decrypt(const char *encrypted, char ret_token[static SECRET_TOKEN_SIZE])
{
	unsigned char bytes[ENCRYPTED_BYTES];
	size_t length;

	if (sodium_base642bin(bytes, sizeof(bytes), encrypted, strlen(encrypted), NULL, &length,
		NULL, VARIANT) != 0 ||
	    length != sizeof(bytes))
		return -1;
	for (size_t i = 0; i < nkeys; i++) {
		if (crypto_secretbox_open_easy((unsigned char *)ret_token,
			bytes + crypto_secretbox_NONCEBYTES,
			sizeof(bytes) - crypto_secretbox_NONCEBYTES, bytes, keys[i].encrypt) == 0) {
			ret_token[SECRET_TOKEN_SIZE - 1] = '\0';
			return (int)i;
		}
	}
	return -1;
}

bool
secret_decrypt(const char *encrypted, char ret_token[static SECRET_TOKEN_SIZE])
{
	return decrypt(encrypted, ret_token) >= 0;
}

bool
secret_is_current(const char *encrypted)
{
	char token[SECRET_TOKEN_SIZE];

	return decrypt(encrypted, token) == 0;
}

static void
mac_of(size_t key, const char *context, const char *text, unsigned char ret_mac[static MAC_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, keys[key].sign, sizeof(keys[key].sign), MAC_BYTES);
	/* The NUL is included, so that ("ab", "c") differs from ("a", "bc"). */
	crypto_generichash_update(&state, (const unsigned char *)context, strlen(context) + 1);
	crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
	crypto_generichash_final(&state, ret_mac, MAC_BYTES);
}

char *
secret_sign(const char *context, const char *text, char *ret_signed, size_t size)
{
	unsigned char bytes[MAC_BYTES + TEXT_MAX];
	size_t length = strlen(text);

	if (length > TEXT_MAX || sodium_base64_encoded_len(MAC_BYTES + length, VARIANT) > size)
		return NULL;
	mac_of(0, context, text, bytes);
	memcpy(bytes + MAC_BYTES, text, length);
	return sodium_bin2base64(ret_signed, size, bytes, MAC_BYTES + length, VARIANT);
}

bool
secret_verify(const char *context, const char *signed_text, char *ret_text, size_t size)
{
	unsigned char bytes[MAC_BYTES + TEXT_MAX], expected[MAC_BYTES];
	const char *end;
	size_t length;

	if (sodium_base642bin(bytes, sizeof(bytes), signed_text, strlen(signed_text), NULL, &length,
		&end, VARIANT) != 0 ||
	    *end != '\0' || length < MAC_BYTES || length - MAC_BYTES >= size)
		return false;
	memcpy(ret_text, bytes + MAC_BYTES, length - MAC_BYTES);
	ret_text[length - MAC_BYTES] = '\0';
	/* The MAC covers the text up to its NUL: bytes after one would be unauthenticated. */
	if (strlen(ret_text) != length - MAC_BYTES)
		return false;
	for (size_t i = 0; i < nkeys; i++) {
		mac_of(i, context, ret_text, expected);
		if (sodium_memcmp(bytes, expected, MAC_BYTES) == 0)
			return true;
	}
	return false;
}
