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

/* The parts of an encoded hash, as libsodium writes it. */
#define HASH_BYTES 32
#define UNPADDED   sodium_base64_VARIANT_ORIGINAL_NO_PADDING

static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "an encoded hash fits");

#define NICE 10

/* A job's result besides libsodium's 0 and -1. */
#define NO_MEMORY (-2)

/* One password to hash or verify. It lives on the stack of the thread that waits for it. */
struct job {
	const char *password, *hash; /* hash NULL: make one */
	char *ret_hash;
	int result;
	bool taken, done; /* a hash thread has begun, has finished */
	pthread_cond_t finished;
	struct job *next;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	struct job *first, **last;
	bool serving;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.not_empty = PTHREAD_COND_INITIALIZER,
	.last = &queue.first };

static int places = PASSWORD_PLACES, taken;

/* No password has this hash: for unknown users, whose check must take as long. */
static char dummy_hash[PASSWORD_HASH_SIZE];

/* libsodium returns -1 for a wrong password and for lack of memory: tell them apart. */
static bool
memory_is_available(void)
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
run_job(const struct job *j)
{
	if (j->hash == NULL)
		return crypto_pwhash_str(
		    j->ret_hash, j->password, strlen(j->password), OPS_LIMIT, MEMORY_BYTES);
	if (crypto_pwhash_str_verify(j->hash, j->password, strlen(j->password)) == 0)
		return 0;
	return memory_is_available() ? -1 : NO_MEMORY;
}

static void *
hash_thread(void *arg)
{
	struct job *j;

	(void)arg;
	/* On Linux this is this thread's own niceness. A failure only costs the others some speed. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		while ((j = queue.first) == NULL)
			pthread_cond_wait(&queue.not_empty, &queue.lock);
		queue.first = j->next;
		if (queue.first == NULL)
			queue.last = &queue.first;
		j->taken = true;
		pthread_mutex_unlock(&queue.lock);
		j->result = run_job(j);
		pthread_mutex_lock(&queue.lock);
		j->done = true;
		pthread_cond_signal(&j->finished);
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
	 * Random bytes instead of a real hash: no password matches them, verifying takes as long as
	 * for any other hash, and the start need not compute one.
	 */
	randombytes_buf(salt, sizeof(salt));
	randombytes_buf(hash, sizeof(hash));
	snprintf(dummy_hash, sizeof(dummy_hash), "$argon2id$v=19$m=%u,t=%d,p=1$%s$%s",
	    MEMORY_BYTES / 1024, OPS_LIMIT,
	    sodium_bin2base64(salt_text, sizeof(salt_text), salt, sizeof(salt), UNPADDED),
	    sodium_bin2base64(hash_text, sizeof(hash_text), hash, sizeof(hash), UNPADDED));
	/* 0: libsodium reads it as a hash with our parameters. */
	return crypto_pwhash_str_needs_rehash(dummy_hash, OPS_LIMIT, MEMORY_BYTES);
}

int
password_serve(int max_places)
{
	long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;
	pthread_t thread;

	for (long i = 0; i < (half > 0 ? half : 1); i++) {
		if (pthread_create(&thread, NULL, hash_thread, NULL) != 0)
			return -1;
		pthread_detach(thread);
	}
	if (max_places < places)
		places = max_places;
	queue.serving = true;
	return 0;
}

static void
remove_from_queue(struct job *j)
{
	struct job **p = &queue.first;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	if (queue.last == &j->next)
		queue.last = p;
}

/* Has a hash thread run the job. Returns false when none began it within wait_ms. */
static bool
run_in_queue(struct job *j, int wait_ms)
{
	int64_t until_ms = clock_ms() + wait_ms;

	if (!queue.serving) {
		j->result = run_job(j);
		return true;
	}
	pthread_cond_init(&j->finished, NULL);
	pthread_mutex_lock(&queue.lock);
	*queue.last = j;
	queue.last = &j->next;
	pthread_cond_signal(&queue.not_empty);
	while (!j->done) {
		if (!clock_cond_wait(&j->finished, &queue.lock, until_ms) && !j->taken) {
			remove_from_queue(j);
			break;
		}
		/* A job that has begun is soon finished, so it is waited for without a limit. */
		if (j->taken && !j->done)
			pthread_cond_wait(&j->finished, &queue.lock);
	}
	pthread_mutex_unlock(&queue.lock);
	pthread_cond_destroy(&j->finished);
	return j->done;
}

/*
 * Passwords are hashed and compared in NFC (RFC 8265, 4.2.1), because keyboards differ in how they
 * compose accented letters. Nothing else is changed, neither blanks nor case.
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

	return run_in_queue(&j, PASSWORD_WAIT_MS) ? j.result : -1;
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
	struct job j = { .password = password, .hash = hash != NULL ? hash : dummy_hash };

	if (!run_in_queue(&j, wait_ms) || j.result == NO_MEMORY)
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
	/* Older versions hashed the password as sent. The dummy hash takes this step too: equal times. */
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

/* "abcabcabcabc", "000000000000": a piece of up to four bytes, repeated. */
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
