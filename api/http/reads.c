#include "http/reads.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sql.h"

/* Entries. 2.5 MB: 8000 searches a second for two seconds, more than two cores can serve. */
#define RING	 16384
#define BATCH	 1000
#define FLUSH_MS 500
/* A batch takes some 20 ms, so this is enough for 500 threads with 100 entries each: 50 batches, 1 s. */
#define ROOM_WAIT_MS 5000
#define COLUMNS	     9
/* Bytes of the longest value, a request's id of 64 characters, with its length. */
#define WIDTH 68
/* Bytes before an array's values, with its length. */
#define ARRAY_HEAD 24

struct entry {
	int64_t at_us; /* since 1970 */
	int64_t advisor_id, session_id, object_id; /* object_id 0: none */
	int64_t client_id; /* whose record that is; 0: unknown */
	const char *object_type;
	const struct operation *op;
	char address[ADDRESS_SIZE];
	char request_id[REQUEST_ID_SIZE];
};

/*
 * A ring buffer: `count` slots from `first` on are full. A request fills the next slot under the
 * lock. Only this module's thread frees slots, so it reads full ones without the lock.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake, room;
	pthread_t thread;
	struct pool *pool;
	struct entry ring[RING];
	size_t first, count;
	unsigned long
	    lost; /* entries that found no free slot, since the last log message about it */
	bool stopping, failing; /* failing: the last batch could not be stored */
	int64_t until_ms; /* when stopping: the deadline, by clock_ms() */
} reads = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ------------------------------------------------------------ called by requests */

/*
 * The caller holds the lock. A request waits if entries come faster than they can be stored: without that, a
 * flood of long lists could push out the entries of other reads. It does not wait while the database
 * stores nothing at all, because then no reader is the cause.
 */
static void
wait_for_room(void)
{
	int64_t until_ms = clock_ms() + ROOM_WAIT_MS;

	while (reads.count == RING && !reads.failing &&
	       clock_cond_wait(&reads.room, &reads.lock, until_ms))
		;
}

/* Adds an entry; the caller holds the lock. */
static void
put(const struct request *rq, int64_t at_us, const char *object_type, int64_t object_id,
    int64_t client_id)
{
	struct entry *e;

	if (reads.count == RING)
		wait_for_room();
	if (reads.count == RING) {
		reads.lost++;
		return;
	}
	e = &reads.ring[(reads.first + reads.count++) % RING];
	e->at_us = at_us;
	e->advisor_id = rq->who.advisor_id;
	e->session_id = rq->who.session_id;
	e->object_id = object_id;
	e->client_id = client_id;
	e->object_type = object_type;
	e->op = rq->op;
	memcpy(e->address, rq->address, sizeof(e->address));
	memcpy(e->request_id, rq->id, sizeof(e->request_id));
	if (reads.count == RING / 2)
		pthread_cond_signal(&reads.wake);
}

/*
 * Whether this answer shows personal data, given that the operation can. Among an opportunity's
 * parts only the competitor's offer is personal. A write of another part shows personal data only if
 * the client asked for the whole opportunity.
 */
static bool
shows_person(const struct request *rq)
{
	switch (rq->shows) {
	case ENTITY_ACTION:
	case ENTITY_DIAGNOSIS:
	case ENTITY_CLOSURE:
		return rq->reply.length > 0 && request_query_value(rq, "return") != NULL;
	case ENTITY_COMPETITOR_OFFER:
		/* Its removal answers without a body. */
		return rq->reply.status != 204;
	default:
		return true;
	}
}

/* The type of record that an operation's ids identify, from its path; NULL: not in the table. */
static const char *
object_type(const struct operation *op)
{
	static const struct {
		const char *path, *type;
	} types[] = {
		{ "/v1/clients", "client" },
		{ "/v1/contacts", "contact" },
		{ "/v1/opportunities", "opportunity" },
		{ "/v1/typifications", "opportunity" },
		{ "/v1/agenda", "opportunity" },
		{ "/v1/forms", "client" },
	};

	for (size_t i = 0; i < NITEMS(types); i++) {
		size_t length = strlen(types[i].path);

		if (strncmp(op->path, types[i].path, length) == 0 &&
		    (op->path[length] == '/' || op->path[length] == '\0'))
			return types[i].type;
	}
	return NULL;
}

int
reads_check(char *ret_err, size_t err_size)
{
	const struct operation *op;

	for (int i = 0; (op = openapi_at(i)) != NULL; i++) {
		if (op->personal && object_type(op) == NULL) {
			snprintf(ret_err, err_size,
			    "%s shows what is personal, and http/reads.c does not know of whom",
			    op->id);
			return -1;
		}
	}
	return 0;
}

/* The ids of the persons' records that the reply showed, as rq->shown has them; NULL: none. */
static const char *
ids_shown(const struct request *rq)
{
	int status = rq->reply.status;

	if (rq->guess == GUESS_CONFIRMED)
		return rq->shown;
	if (!rq->op->personal || (status != 304 && (status < 200 || status > 299)) ||
	    !shows_person(rq))
		return NULL;
	/* A request that creates a record has no id in its path, and shows only what the client sent. */
	return rq->shown != NULL ? rq->shown : rq->param[0];
}

void
reads_note(const struct request *rq)
{
	const char *ids, *type = "client";
	int64_t now_us, id, client_id;
	char *end;

	if (rq->op == NULL || rq->who.advisor_id == 0)
		return;
	ids = ids_shown(rq);
	if (ids == NULL && rq->guess != GUESS_MISSED)
		return;
	if (rq->guess != GUESS_CONFIRMED && ids != NULL)
		type = object_type(rq->op);
	now_us = clock_epoch_us();
	pthread_mutex_lock(&reads.lock);
	if (rq->guess == GUESS_MISSED)
		put(rq, now_us, "guess", 0, 0);
	for (; ids != NULL && *ids != '\0'; ids = end + strspn(end, " ")) {
		id = strtoll(ids, &end, 10);
		client_id = *end == '/' ? strtoll(end + 1, &end, 10) : 0;
		put(rq, now_us, type, id, client_id);
	}
	pthread_mutex_unlock(&reads.lock);
}

/* ----------------------------------------------------------------- the thread */

/*
 * Arrays go to PostgreSQL in its binary format, because reading texts took it a fifth of what an entry costs: the number of dimensions,
 * whether there may be NULLs, the elements' type, their number, the first index; then each value behind its length, -1 for NULL.
 */
enum { TYPE_INT8 = 20, TYPE_TEXT = 25, TYPE_INET = 869 };

static char *
put_32(char *p, uint32_t value)
{
	value = htonl(value);
	return mempcpy(p, &value, sizeof(value));
}

/* Leaves room for the array's length. */
static char *
array_begin(char *p, uint32_t type, size_t n)
{
	return put_32(put_32(put_32(put_32(put_32(p + 4, 1), 1), type), (uint32_t)n), 1);
}

static char *
add_number(char *p, int64_t value)
{
	return put_32(
	    put_32(put_32(p, sizeof(value)), (uint32_t)((uint64_t)value >> 32)), (uint32_t)value);
}

/* 0: there is none. */
static char *
add_id(char *p, int64_t id)
{
	return id != 0 ? add_number(p, id) : put_32(p, UINT32_MAX);
}

static char *
add_text(char *p, const char *text)
{
	size_t length = strlen(text);

	return mempcpy(put_32(p, (uint32_t)length), text, length);
}

/* "": it is unknown. Before an address stand its family, as PostgreSQL counts them, its bits, whether it is a network, and its bytes. */
static char *
add_address(char *p, const char *address)
{
	bool is_6 = strchr(address, ':') != NULL;
	unsigned char bytes[16];
	size_t length = is_6 ? 16 : 4;

	if (inet_pton(is_6 ? AF_INET6 : AF_INET, address, bytes) != 1)
		return put_32(p, UINT32_MAX);
	p = put_32(p, (uint32_t)length + 4);
	*p++ = is_6 ? 3 : 2;
	*p++ = (char)(length * 8);
	*p++ = 0;
	*p++ = (char)length;
	return mempcpy(p, bytes, length);
}

/* Writes the first n entries as arrays, one for each column. */
static void
write_out(size_t n, char columns[COLUMNS][ARRAY_HEAD + BATCH * WIDTH])
{
	static const uint32_t types[COLUMNS] = { TYPE_INT8, TYPE_INT8, TYPE_INT8, TYPE_INET,
		TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_INT8, TYPE_INT8 };
	char *p[COLUMNS];

	for (int c = 0; c < COLUMNS; c++)
		p[c] = array_begin(columns[c], types[c], n);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &reads.ring[(reads.first + i) % RING];

		p[0] = add_number(p[0], e->at_us);
		p[1] = add_number(p[1], e->advisor_id);
		p[2] = add_number(p[2], e->session_id);
		p[3] = add_address(p[3], e->address);
		p[4] = add_text(p[4], e->request_id);
		p[5] = add_text(p[5], e->op->id);
		p[6] = add_text(p[6], e->object_type);
		p[7] = add_id(p[7], e->object_id);
		p[8] = add_id(p[8], e->client_id);
	}
	for (int c = 0; c < COLUMNS; c++)
		put_32(columns[c], (uint32_t)(p[c] - columns[c] - 4));
}

/* Stores the first n entries; false: the caller must try again. */
static bool
store(size_t n)
{
	/* again: an earlier attempt may have stored them. told: the failure is already in the log. */
	static bool again, told;
	static char columns[COLUMNS][ARRAY_HEAD + BATCH * WIDTH];
	struct call call = { &sql_audit_read_store, { NULL } };
	struct db_error error;
	struct result *result = NULL;
	enum db_status status;

	write_out(n, columns);
	for (int c = 0; c < COLUMNS; c++)
		call.args[c] = columns[c];
	call.args[COLUMNS] = again ? "\0\0\0\1\1" : "\0\0\0\1\0";
	status = db_run(reads.pool, &call, 1, &result, &error);
	if (status == DB_OK) {
		result_free(result);
		again = told = false;
		return true;
	}
	if (!told)
		log_msg(LOG_WARN, "reads wait to be recorded: %s",
		    status == DB_REFUSED ? error.sqlstate : "the database does not answer");
	told = true;
	again |= status == DB_UNKNOWN;
	return false;
}

/* Called with the lock held; releases it while entries are stored. */
static bool
flush(void)
{
	size_t n = reads.count < BATCH ? reads.count : BATCH;
	unsigned long lost = reads.lost;
	bool stored;

	reads.lost = 0;
	pthread_mutex_unlock(&reads.lock);
	if (lost > 0)
		log_msg(LOG_WARN, "%lu reads could not be recorded: there was no room", lost);
	stored = n == 0 || store(n);
	pthread_mutex_lock(&reads.lock);
	if (stored) {
		reads.first = (reads.first + n) % RING;
		reads.count -= n;
	}
	reads.failing = !stored;
	pthread_cond_broadcast(&reads.room);
	return stored;
}

static void *
run(void *arg)
{
	bool stored = true;

	pthread_mutex_lock(&reads.lock);
	while (!reads.stopping || (reads.count > 0 && (stored || clock_ms() < reads.until_ms))) {
		if (!stored || (!reads.stopping && reads.count < BATCH)) {
			clock_cond_wait(&reads.wake, &reads.lock,
			    clock_ms() + (reads.stopping ? FLUSH_MS / 10 : FLUSH_MS));
		}
		stored = flush();
	}
	reads.lost += reads.count;
	reads.count = 0;
	flush();
	pthread_mutex_unlock(&reads.lock);
	return arg;
}

/* ------------------------------------------------------------ start and stop */

int
reads_start(struct app *app)
{
	int failed;

	reads.pool = app->pool;
	pthread_cond_init(&reads.wake, NULL);
	pthread_cond_init(&reads.room, NULL);
	failed = pthread_create(&reads.thread, NULL, run, NULL);
	if (failed)
		log_msg(LOG_ERROR, "no thread to record reads");
	return failed ? -1 : 0;
}

void
reads_stop(int wait_ms)
{
	pthread_mutex_lock(&reads.lock);
	reads.stopping = true;
	reads.until_ms = clock_ms() + wait_ms;
	pthread_cond_signal(&reads.wake);
	pthread_mutex_unlock(&reads.lock);
	pthread_join(reads.thread, NULL);
}
