#include "auth/password.h"

#include <errno.h>
#include <assert.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define OPS_LIMIT    2
#define MEMORY_BYTES (19U * 1024 * 1024)

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "an encoded hash fits");

static sem_t turns;
static char nobodys_hash[PASSWORD_HASH_SIZE];

int
password_init(void)
{
	char nobody[32];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (sodium_init() < 0 || sem_init(&turns, 0, cores > 0 ? (unsigned)cores : 1) != 0)
		return -1;
	randombytes_buf(nobody, sizeof(nobody));
	return crypto_pwhash_str(nobodys_hash, nobody, sizeof(nobody), OPS_LIMIT, MEMORY_BYTES);
}

int
password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
	return crypto_pwhash_str(ret_hash, password, strlen(password), OPS_LIMIT, MEMORY_BYTES);
}

enum password_answer
password_check(const char *hash, const char *password, int wait_ms)
{
	struct timespec until;
	int right;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (sem_clockwait(&turns, CLOCK_MONOTONIC, &until) != 0) {
		if (errno != EINTR)
			return PASSWORD_BUSY;
	}
	right = crypto_pwhash_str_verify(
		    hash != NULL ? hash : nobodys_hash, password, strlen(password)) == 0;
	sem_post(&turns);
	return right && hash != NULL ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

static const char *const common_passwords[] = {
#include "auth/common_passwords.def"
};

/* "abcabcabcabc", "000000000000": a piece of up to four bytes again and again. */
static bool
repeats_itself(const char *s, size_t n)
{
	for (size_t piece = 1; piece <= 4; piece++) {
		size_t i = piece;

		while (i < n && s[i] == s[i - piece])
			i++;
		if (i == n)
			return true;
	}
	return false;
}

enum password_strength
password_weakness(const char *password, const char *username)
{
	if (strcasecmp(password, username) == 0)
		return PASSWORD_IS_USERNAME;
	if (repeats_itself(password, strlen(password)))
		return PASSWORD_IS_COMMON;
	for (size_t i = 0; i < NITEMS(common_passwords); i++) {
		if (strcasecmp(password, common_passwords[i]) == 0)
			return PASSWORD_IS_COMMON;
	}
	return PASSWORD_STRONG;
}
