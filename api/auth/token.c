#include "auth/token.h"

#include <jansson.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/secret.h"
#include "auth/verified.h"
#include "base/clock.h"
#include "base/text.h"

#define ISSUER	 "gestor"
#define AUDIENCE "gestor-api"

/* The clock of another process that shares the secret may be a little ahead. */
#define CLOCK_SKEW_S 5

struct key {
	const unsigned char *secret;
	int secret_bytes;
	char id[17]; /* the header's kid, which tells the keys apart: a hash of the secret */
	char header[128]; /* the first segment of every token with this key */
	size_t header_length;
};

/* The first key signs and verifies, the other only verifies. */
static struct {
	struct key keys[2];
	size_t count;
} key_ring;

static int
add_number(jwt_t *jwt, const char *name, int64_t value)
{
	return jwt_add_grant_int(jwt, name, (long)value);
}

static int
add_id(jwt_t *jwt, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return jwt_add_grant(jwt, name, text);
}

static char *
sign(const struct key *key, const struct claims *claims, int64_t issued, int life_s, const char *id)
{
	char scope[RIGHTS_SIZE];
	jwt_t *jwt = NULL;
	char *token = NULL;

	if (jwt_new(&jwt) == 0 &&
	    jwt_set_alg(jwt, JWT_ALG_HS256, key->secret, key->secret_bytes) == 0 &&
	    jwt_add_header(jwt, "kid", key->id) == 0 && /* typ and alg are added by the library */
	    jwt_add_grant(jwt, "iss", ISSUER) == 0 && jwt_add_grant(jwt, "aud", AUDIENCE) == 0 &&
	    jwt_add_grant(jwt, "jti", id) == 0 && add_id(jwt, "sub", claims->advisor_id) == 0 &&
	    add_id(jwt, "sid", claims->session_id) == 0 &&
	    jwt_add_grant(jwt, "role", role_name(claims->role)) == 0 &&
	    (claims->role != ROLE_INTEGRATION ||
		jwt_add_grant(jwt, "scope", rights_text(claims->rights, " ", scope)) == 0) &&
	    (claims->epoch < 0 || add_number(jwt, "epoch", claims->epoch) == 0) &&
	    (!claims->must_change || jwt_add_grant_bool(jwt, "must_change", 1) == 0) &&
	    add_number(jwt, "iat", issued) == 0 && add_number(jwt, "nbf", issued) == 0 &&
	    add_number(jwt, "exp", issued + life_s) == 0)
		token = jwt_encode_str(jwt);
	jwt_free(jwt);
	return token;
}

char *
token_issue(const struct claims *claims, int64_t issued, int life_s, const char *id)
{
	return sign(&key_ring.keys[0], claims, issued, life_s, id);
}

static int
add_key(const char *secret)
{
	const struct claims nobody = { .advisor_id = 1, .session_id = 1, .role = ROLE_ADVISOR };
	struct key *key = &key_ring.keys[key_ring.count];
	char hash[SECRET_HASH_SIZE], *token;

	memset(key, 0, sizeof(*key));
	key->secret = (const unsigned char *)secret;
	key->secret_bytes = (int)strlen(secret);
	secret_hash(secret, hash);
	memcpy(key->id, hash, sizeof(key->id) - 1);
	token = sign(key, &nobody, 0, 0, "");
	if (token == NULL)
		return -1;
	key->header_length = strcspn(token, ".");
	if (key->header_length >= sizeof(key->header)) {
		free(token);
		return -1;
	}
	memcpy(key->header, token, key->header_length);
	free(token);
	key_ring.count++;
	return 0;
}

int
token_init(const char *secret, const char *previous)
{
	key_ring.count = 0;
	verified_init();
	if (add_key(secret) != 0)
		return -1;
	return previous != NULL && *previous != '\0' ? add_key(previous) : 0;
}

/* The key whose header the token has; NULL: none of our keys. */
static const struct key *
key_of(const char *token)
{
	for (size_t i = 0; i < key_ring.count; i++) {
		const struct key *key = &key_ring.keys[i];

		if (strncmp(token, key->header, key->header_length) == 0 &&
		    token[key->header_length] == '.')
			return key;
	}
	return NULL;
}

/* Three base64url segments. Checked first, as libjwt parses header and payload before it verifies. */
static bool
is_well_formed(const char *token, size_t length)
{
	size_t dots = 0;

	for (size_t i = 0; i < length; i++) {
		if (token[i] == '.') {
			dots++;
			if (i + 1 == length || token[i + 1] == '.')
				return false;
		} else if (!base64url_char(token[i])) {
			return false;
		}
	}
	return dots == 2;
}

static bool
signature_is_of(const struct key *key, const char *token)
{
	jwt_t *jwt = NULL;
	bool valid = jwt_decode(&jwt, token, key->secret, key->secret_bytes) == 0 &&
		     jwt_get_alg(jwt) == JWT_ALG_HS256;

	jwt_free(jwt);
	return valid;
}

/* The payload, parsed here rather than by libjwt, which accepts duplicate keys. */
static json_t *
payload_of(const char *token)
{
	char text[TOKEN_SIZE_MAX];
	const char *start = strchr(token, '.') + 1;
	size_t length;

	if (!base64url_decode(start, strcspn(start, "."), text, sizeof(text), &length))
		return NULL;
	return json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
}

static bool
claim_is(const json_t *payload, const char *name, const char *expected)
{
	const char *value = json_string_value(json_object_get(payload, name));

	return value != NULL && strcmp(value, expected) == 0;
}

static bool
id_of(const json_t *payload, const char *name, int64_t *ret_id)
{
	const char *value = json_string_value(json_object_get(payload, name));

	if (value == NULL || !text_is_id(value))
		return false;
	*ret_id = strtoll(value, NULL, 10);
	return true;
}

/* An integration's rights are in its scope (RFC 9068, 2.2.3); other roles have none. */
static bool
rights_of(const json_t *payload, enum role role, unsigned *ret_rights)
{
	const json_t *scope = json_object_get(payload, "scope");

	*ret_rights = 0;
	if (role != ROLE_INTEGRATION)
		return true;
	return json_is_string(scope) && rights_named(json_string_value(scope), ret_rights);
}

/* No version issues a negative epoch, so -1 can stand for a missing one. */
static bool
epoch_of(const json_t *payload, int64_t *ret_epoch)
{
	const json_t *epoch = json_object_get(payload, "epoch");

	*ret_epoch = epoch != NULL ? json_integer_value(epoch) : -1;
	return epoch == NULL || (json_is_integer(epoch) && *ret_epoch >= 0);
}

static bool
claims_of(const json_t *payload, int64_t now, struct claims *ret_claims, int64_t *ret_from)
{
	const json_t *exp = json_object_get(payload, "exp"), *nbf = json_object_get(payload, "nbf"),
		     *iat = json_object_get(payload, "iat");
	const char *role = json_string_value(json_object_get(payload, "role"));
	struct claims c;

	if (!claim_is(payload, "iss", ISSUER) || !claim_is(payload, "aud", AUDIENCE) ||
	    !id_of(payload, "sub", &c.advisor_id) || !id_of(payload, "sid", &c.session_id) ||
	    role == NULL || !role_named(role, &c.role) || !rights_of(payload, c.role, &c.rights) ||
	    !epoch_of(payload, &c.epoch) || !json_is_string(json_object_get(payload, "jti")))
		return false;
	if (!json_is_integer(exp) || !json_is_integer(nbf) || !json_is_integer(iat) ||
	    json_integer_value(exp) <= now || json_integer_value(nbf) > now + CLOCK_SKEW_S ||
	    json_integer_value(iat) > now + CLOCK_SKEW_S)
		return false;
	*ret_from = (json_integer_value(nbf) > json_integer_value(iat) ? json_integer_value(nbf)
								       : json_integer_value(iat)) -
		    CLOCK_SKEW_S;
	c.issued = json_integer_value(iat);
	c.expires = json_integer_value(exp);
	c.must_change = json_object_get(payload, "must_change") != NULL;
	*ret_claims = c;
	return true;
}

bool
token_verify(const char *token, struct claims *ret_claims)
{
	const struct key *key = key_of(token);
	unsigned char hash[VERIFIED_HASH_BYTES];
	int64_t now = clock_epoch_s(), from;
	size_t length = strnlen(token, TOKEN_SIZE_MAX + 1);
	json_t *payload;
	bool valid;

	if (key == NULL || length > TOKEN_SIZE_MAX)
		return false;
	verified_hash(token, length, hash);
	if (verified_find(hash, now, ret_claims))
		return true;
	if (!is_well_formed(token, length) || !signature_is_of(key, token))
		return false;
	payload = payload_of(token);
	valid = payload != NULL && claims_of(payload, now, ret_claims, &from);
	json_decref(payload);
	if (valid)
		verified_keep(hash, ret_claims, from);
	return valid;
}
