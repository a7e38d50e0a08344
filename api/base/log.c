#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* A reader of the log that has stopped for longer does not keep the process from ending. */
#define STOP_MS	   2000
#define LINE_BYTES 2048
/* Leaves room for the time, the level and the closing in a line. */
#define MSG_BYTES (LINE_BYTES - 128)

/* ------------------------------------------------------------------- the thread that writes */

static char rooms[2][LOG_ROOM_BYTES];

/* One room is filled under the lock, while the other is written without it. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work; /* the room is no longer empty, or what is in it is urgent */
	pthread_t thread;
	int room;
	size_t filled;
	uint64_t lines; /* in the room */
	uint64_t lost, lost_said;
	bool running, urgent, stopping;
} w = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* False: nobody can be told any more, not even of this. */
static bool
write_all(const char *bytes, size_t length)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	while (length > 0) {
		n = write(STDERR_FILENO, bytes, length);
		if (n >= 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			(void)poll(&p, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

/* A line with its end; an urgent one, and those before it, need not wait for others. */
static void
log_write(const char *line, size_t length, bool urgent)
{
	bool wake;

	pthread_mutex_lock(&w.lock);
	if (!w.running) {
		w.lost += !write_all(line, length);
	} else if (LOG_ROOM_BYTES - w.filled < length) {
		w.lost++;
	} else {
		wake = w.filled == 0 || (urgent && !w.urgent);
		memcpy(rooms[w.room] + w.filled, line, length);
		w.filled += length;
		w.lines++;
		w.urgent = w.urgent || urgent;
		if (wake)
			pthread_cond_signal(&w.work);
	}
	pthread_mutex_unlock(&w.lock);
}

/* Under the lock, into the empty room. */
static void
say_what_was_lost(void)
{
	char time[CLOCK_RFC3339_SIZE];
	int n;

	if (w.lost == w.lost_said)
		return;
	clock_rfc3339(time);
	n = snprintf(rooms[w.room], LOG_ROOM_BYTES,
	    "{\"time\":\"%s\",\"level\":\"warn\",\"msg\":\"log lines were lost\",\"lost\":%llu}\n",
	    time, (unsigned long long)(w.lost - w.lost_said));
	w.filled = (size_t)n;
	w.lost_said = w.lost;
}

/* Under the lock, which is not held over the write. */
static void
write_room(void)
{
	const char *bytes = rooms[w.room];
	size_t length = w.filled;
	uint64_t lines = w.lines;
	bool written;

	w.room = 1 - w.room;
	w.filled = 0;
	w.lines = 0;
	w.urgent = false;
	say_what_was_lost();
	pthread_mutex_unlock(&w.lock);
	written = write_all(bytes, length);
	pthread_mutex_lock(&w.lock);
	if (!written)
		w.lost += lines;
}

/* Under the lock: until the batch is complete. */
static void
wait_for_more(void)
{
	const struct timespec until = clock_timespec(clock_ms() + LOG_BATCH_MS);

	while (!w.urgent && !w.stopping && pthread_cond_timedwait(&w.work, &w.lock, &until) == 0)
		;
}

static void *
writer(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&w.lock);
	while (!w.stopping || w.filled > 0) {
		while (w.filled == 0 && !w.stopping)
			pthread_cond_wait(&w.work, &w.lock);
		wait_for_more();
		if (w.filled > 0)
			write_room();
	}
	w.running = false;
	pthread_mutex_unlock(&w.lock);
	return NULL;
}

int
log_start(void)
{
	clock_cond_init(&w.work);
	w.stopping = false;
	w.running = true;
	if (pthread_create(&w.thread, NULL, writer, NULL) == 0)
		return 0;
	w.running = false;
	return -1;
}

void
log_stop(void)
{
	const struct timespec until = clock_timespec(clock_ms() + STOP_MS);

	pthread_mutex_lock(&w.lock);
	w.stopping = true;
	pthread_cond_signal(&w.work);
	pthread_mutex_unlock(&w.lock);
	if (pthread_clockjoin_np(w.thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		pthread_cond_destroy(&w.work);
}

uint64_t
log_lost(void)
{
	uint64_t lost;

	pthread_mutex_lock(&w.lock);
	lost = w.lost;
	pthread_mutex_unlock(&w.lock);
	return lost;
}

/* ------------------------------------------------------------------- lines */

static atomic_int lowest = LOG_INFO;

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&lowest, (int)level, memory_order_relaxed);
}

static const char *
level_name(enum log_level level)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	return names[level];
}

/* utf8_bytes - length of the character at s, which has n bytes left; 0 when it is none. */
static size_t
utf8_bytes(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return len <= n && text_is_utf8(s, len) ? len : 0;
}

void
log_escape(char *ret_buf, size_t size, const char *s)
{
	size_t left = strlen(s), at = 0, in, out;
	char one[8];

	if (size == 0)
		return;
	for (; left > 0; s += in, left -= in) {
		in = utf8_bytes(s, left);
		if (in == 0) { /* a reader of the log must not choke on what a client sent */
			in = out = 1;
			one[0] = '?';
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			out = (size_t)snprintf(
			    one, sizeof(one), "\\u%04x", (unsigned)(unsigned char)*s);
		} else if (*s == '"' || *s == '\\') {
			one[0] = '\\';
			one[1] = *s;
			out = 2;
		} else {
			memcpy(one, s, in);
			out = in;
		}
		if (at + out >= size)
			break;
		memcpy(ret_buf + at, one, out);
		at += out;
	}
	ret_buf[at] = '\0';
}

static void
line_make(enum log_level level, const char *msg, const char *fields)
{
	char line[LINE_BYTES], time[CLOCK_RFC3339_SIZE];
	int n;

	clock_rfc3339(time);
	n = snprintf(line, sizeof(line), "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%s\"%s%s}\n",
	    time, level_name(level), msg, *fields != '\0' ? "," : "", fields);
	/* Half of the members would not be JSON: a line that is too long goes without them. */
	if (n >= (int)sizeof(line))
		n = snprintf(line, sizeof(line),
		    "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":\"%.*s\",\"cut\":true}\n", time,
		    level_name(level), MSG_BYTES - 1, msg);
	if (n > 0)
		log_write(line, (size_t)n, level >= LOG_WARN);
}

void
log_fields(enum log_level level, const char *msg, const char *fields)
{
	char escaped[1024];

	if ((int)level < atomic_load_explicit(&lowest, memory_order_relaxed))
		return;
	log_escape(escaped, sizeof(escaped), msg);
	line_make(level, escaped, fields);
}

void
log_msg(enum log_level level, const char *fmt, ...)
{
	char msg[1024], escaped[MSG_BYTES];
	va_list ap;

	if ((int)level < atomic_load_explicit(&lowest, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	log_escape(escaped, sizeof(escaped), msg);
	line_make(level, escaped, "");
}
