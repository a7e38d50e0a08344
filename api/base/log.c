#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log_writer.h"
#include "base/text.h"

#define LINE_BYTES 2048
/* Leaves room for the time, the level and the closing in a line. */
#define MSG_BYTES (LINE_BYTES - 128)

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
