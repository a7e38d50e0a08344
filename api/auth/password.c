#include "auth/password.h"

#include <errno.h>
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "field/unicode.h"

#define OPS_LIMIT    2
#define MEMORY_BYTES (19U * 1024 * 1024)

/* Of an encoded hash, as libsodium makes them. */
#define HASH_BYTES 32
#define UNPADDED   sodium_base64_VARIANT_ORIGINAL_NO_PADDING

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "an encoded hash fits");

#define NICE 10

/* A result of a job, beside libsodium's 0 and -1. */
#define NO_MEMORY (-2)

/* One password to look at. It is the asker's, who waits for it. */
struct job {
	const char *password, *hash; /* hash NULL: make one */
	char *ret_hash;
	int result;
	bool taken, done;
	pthread_cond_t over;
	struct job *next;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;
	bool serving;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &queue.first
};

static int places = PASSWORD_PLACES, taken;

static char nobodys_hash[PASSWORD_HASH_SIZE];

/* libsodium says of a wrong password and of want of memory the same. */
static bool
memory_is_there(void)
{
	void *m =
	    mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED) {
		log_msg(LOG_WARN, "no memory for the hash of a password");
		return false;
	}
	munmap(m, MEMORY_BYTES);
	return true;
}

static int
work_on(const struct job *j)
{
	if (j->hash == NULL)
		return crypto_pwhash_str(
		    j->ret_hash, j->password, strlen(j->password), OPS_LIMIT, MEMORY_BYTES);
	if (crypto_pwhash_str_verify(j->hash, j->password, strlen(j->password)) == 0)
		return 0;
	return memory_is_there() ? -1 : NO_MEMORY;
}

static void *
worker(void *arg)
{
	struct job *j;

	(void)arg;
	/* Of this thread alone, on Linux. That it fails is no harm but to the others' speed. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		while ((j = queue.first) == NULL)
			pthread_cond_wait(&queue.more, &queue.lock);
		queue.first = j->next;
		if (queue.first == NULL)
			queue.last = &queue.first;
		j->taken = true;
		pthread_mutex_unlock(&queue.lock);
		j->result = work_on(j);
		pthread_mutex_lock(&queue.lock);
		j->done = true;
		pthread_cond_signal(&j->over);
	}
	return NULL;
}

int
password_init(void)
{
	unsigned char salt[crypto_pwhash_SALTBYTES], hash[HASH_BYTES];
	char salt_text[32], hash_text[64];

	if (sodium_init() < 0)
		return -1;
	/*
	 * No password comes to random bytes, and to find that out takes as long as
	 * for any other hash; to make one of a password would take as long here.
	 */
	randombytes_buf(salt, sizeof(salt));
	randombytes_buf(hash, sizeof(hash));
	snprintf(nobodys_hash, sizeof(nobodys_hash), "$argon2id$v=19$m=%u,t=%d,p=1$%s$%s",
	    MEMORY_BYTES / 1024, OPS_LIMIT,
	    sodium_bin2base64(salt_text, sizeof(salt_text), salt, sizeof(salt), UNPADDED),
	    sodium_bin2base64(hash_text, sizeof(hash_text), hash, sizeof(hash), UNPADDED));
	/* It is read as one of ours. */
	return crypto_pwhash_str_needs_rehash(nobodys_hash, OPS_LIMIT, MEMORY_BYTES);
}

int
password_serve(int most)
{
	long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;
	pthread_t thread;

	for (long i = 0; i < (half > 0 ? half : 1); i++) {
		if (pthread_create(&thread, NULL, worker, NULL) != 0)
			return -1;
		pthread_detach(thread);
	}
	if (most < places)
		places = most;
	queue.serving = true;
	return 0;
}

static void
leave(struct job *j)
{
	struct job **p = &queue.first;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (queue.last == &j->next)
		queue.last = p;
}

/* false when its turn did not come within wait_ms. */
static bool
have_done(struct job *j, int wait_ms)
{
	const struct timespec until = clock_timespec(clock_ms() + wait_ms);

	if (!queue.serving) {
		j->result = work_on(j);
		return true;
	}
	clock_cond_init(&j->over);
	pthread_mutex_lock(&queue.lock);
	*queue.last = j;
	queue.last = &j->next;
	pthread_cond_signal(&queue.more);
	while (!j->done) {
		if (pthread_cond_timedwait(&j->over, &queue.lock, &until) == ETIMEDOUT &&
		    !j->taken) {
			leave(j);
			break;
		}
		/* Once begun it is soon over. */
		if (j->taken && !j->done)
			pthread_cond_wait(&j->over, &queue.lock);
	}
	pthread_mutex_unlock(&queue.lock);
	pthread_cond_destroy(&j->over);
	return j->done;
}

/*
 * A password as it is hashed and compared: in NFC (RFC 8265, 4.2.1), for one keyboard composes the letter that
 * another sends in parts. Nothing else of it is changed: neither blanks nor letters' case.
 */
static const char *
prepared(struct arena *a, const char *password)
{
	return text_is_utf8(password, strlen(password)) ? unicode_nfc(a, password) : password;
}

static int
hash_prepared(const char *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
	struct job j = { .password = password, .ret_hash = ret_hash };

	return have_done(&j, PASSWORD_WAIT_MS) ? j.result : -1;
}

int
password_hash(const char *password, char ret_hash[static PASSWORD_HASH_SIZE])
{
	struct arena a;
	int result;

	arena_init(&a);
	result = hash_prepared(prepared(&a, password), ret_hash);
	arena_free(&a);
	return result;
}

static enum password_answer
check_one(const char *hash, const char *password, int wait_ms)
{
	struct job j = { .password = password, .hash = hash != NULL ? hash : nobodys_hash };

	if (!have_done(&j, wait_ms) || j.result == NO_MEMORY)
		return PASSWORD_BUSY;
	return j.result == 0 && hash != NULL ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

enum password_answer
password_check(const char *hash, const char *password, int wait_ms)
{
	struct arena a;
	const char *form;
	enum password_answer answer;

	arena_init(&a);
	form = prepared(&a, password);
	answer = check_one(hash, form, wait_ms);
	/* A version before hashed what was sent. Of nobody's hash this is asked too, so that it takes as long. */
	if (answer == PASSWORD_WRONG && form != password)
		answer = check_one(hash, password, wait_ms);
	arena_free(&a);
	return answer;
}

bool
password_same(const char *one, const char *other)
{
	struct arena a;
	bool same;

	arena_init(&a);
	same = strcmp(prepared(&a, one), prepared(&a, other)) == 0;
	arena_free(&a);
	return same;
}

bool
password_admit(void)
{
	if (__atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED) <= places)
		return true;
	password_leave();
	return false;
}

void
password_leave(void)
{
	__atomic_sub_fetch(&taken, 1, __ATOMIC_RELAXED);
}

static const char *const common_passwords[] = {
#include "auth/common_passwords.def"
#include "auth/leaked_passwords.def"
};
static_assert(NITEMS(common_passwords) > 3000, "OWASP ASVS 5.0, 6.2.4");

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

static enum password_strength
weakness_of(const char *password, const char *username)
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

enum password_strength
password_weakness(const char *password, const char *username)
{
	struct arena a;
	enum password_strength strength;

	arena_init(&a);
	strength = weakness_of(prepared(&a, password), username);
	arena_free(&a);
	return strength;
}
