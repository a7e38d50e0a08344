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

/* log_stop waits this long, so that a log reader that hangs cannot keep the process from ending. */
#define STOP_MS	   2000
#define LINE_BYTES 2048
/* The rest of a line is for the time, the level and the punctuation. */
#define MSG_BYTES (LINE_BYTES - 128)

/* ------------------------------------------------------------------- the writer thread */

static char buffers[2][LOG_BUFFER_BYTES];

/* Callers fill one buffer under the lock; the writer thread writes the other without it. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work; /* the buffer is no longer empty, or holds an urgent line */
	pthread_t thread;
	int filling; /* index of the buffer that callers fill */
	size_t filled; /* its bytes */
	uint64_t lines; /* its lines */
	uint64_t lost, lost_reported;
	bool running, urgent, stopping;
} w = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Returns false when standard error cannot be written to. */
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

/*
 * Writes or queues one line, which ends with '\n'. An urgent line makes the writer thread write at
 * once instead of collecting LOG_BATCH_MS of lines.
 */
static void
log_write(const char *line, size_t length, bool urgent)
{
	bool wake;

	pthread_mutex_lock(&w.lock);
	if (!w.running) {
		w.lost += !write_all(line, length);
	} else if (LOG_BUFFER_BYTES - w.filled < length) {
		w.lost++;
	} else {
		wake = w.filled == 0 || (urgent && !w.urgent);
		memcpy(buffers[w.filling] + w.filled, line, length);
		w.filled += length;
		w.lines++;
		w.urgent = w.urgent || urgent;
		if (wake)
			pthread_cond_signal(&w.work);
	}
	pthread_mutex_unlock(&w.lock);
}

/* Puts a line into the empty buffer when lines were lost. The caller holds the lock. */
static void
report_lost_lines(void)
{
	char time[CLOCK_RFC3339_SIZE];
	int n;

	if (w.lost == w.lost_reported)
		return;
	clock_rfc3339(time);
	n = snprintf(buffers[w.filling], LOG_BUFFER_BYTES,
	    "{\"time\":\"%s\",\"level\":\"warn\",\"msg\":\"log lines were lost\",\"lost\":%llu}\n",
	    time, (unsigned long long)(w.lost - w.lost_reported));
	w.filled = (size_t)n;
	w.lost_reported = w.lost;
}

/* Swaps the buffers and writes the filled one. The caller holds the lock; write(2) runs without. */
static void
write_buffer(void)
{
	const char *bytes = buffers[w.filling];
	size_t length = w.filled;
	uint64_t lines = w.lines;
	bool written;

	w.filling = 1 - w.filling;
	w.filled = 0;
	w.lines = 0;
	w.urgent = false;
	report_lost_lines();
	pthread_mutex_unlock(&w.lock);
	written = write_all(bytes, length);
	pthread_mutex_lock(&w.lock);
	if (!written)
		w.lost += lines;
}

/* Waits until LOG_BATCH_MS are over or a line is urgent. The caller holds the lock. */
static void
collect_batch(void)
{
	int64_t until_ms = clock_ms() + LOG_BATCH_MS;

	while (!w.urgent && !w.stopping && clock_cond_wait(&w.work, &w.lock, until_ms))
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
		collect_batch();
		if (w.filled > 0)
			write_buffer();
	}
	w.running = false;
	pthread_mutex_unlock(&w.lock);
	return NULL;
}

int
log_start(void)
{
	pthread_cond_init(&w.work, NULL);
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

/* The length in bytes of the UTF-8 character at s, of which n bytes are left; 0: malformed. */
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
		if (in == 0) { /* clients send malformed UTF-8; log readers must not get it */
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
write_line(enum log_level level, const char *msg, const char *fields)
{
	char line[LINE_BYTES], time[CLOCK_RFC3339_SIZE], *end;
	size_t msg_bytes = strlen(msg), fields_bytes = strlen(fields);

	clock_rfc3339(time);
	end = stpcpy(stpcpy(stpcpy(line, "{\"time\":\""), time), "\",\"level\":\"");
	end = stpcpy(stpcpy(end, level_name(level)), "\",\"msg\":\"");
	/* Truncated members would not be valid JSON: leave them out of a line that is too long. */
	if (msg_bytes + fields_bytes < MSG_BYTES) {
		end = stpcpy(stpcpy(end, msg), fields_bytes > 0 ? "\"," : "\"");
		end = stpcpy(stpcpy(end, fields), "}\n");
	} else {
		end = mempcpy(end, msg, msg_bytes < MSG_BYTES ? msg_bytes : MSG_BYTES - 1);
		end = stpcpy(end, "\",\"cut\":true}\n");
	}
	log_write(line, (size_t)(end - line), level >= LOG_WARN);
}

void
log_fields(enum log_level level, const char *msg, const char *fields)
{
	char escaped[1024];

	if ((int)level < atomic_load_explicit(&lowest, memory_order_relaxed))
		return;
	log_escape(escaped, sizeof(escaped), msg);
	write_line(level, escaped, fields);
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
	write_line(level, escaped, "");
}
