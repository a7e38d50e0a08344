/*
 * The guard, on heads cut as civetweb cuts them: what it accepts is compared with a strict
 * reader of the same bytes, which finds every header.
 * The first byte of the input chooses what an earlier request left in the buffer.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "../unit/cut_head.h"
#include "base/json_text.h"
#include "http/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUFFER_BYTES 32768
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* How many lines of the head have this name. */
static int
lines_named(const char *head, const char *end, const char *name)
{
	size_t n = strlen(name);
	int count = 0;

	for (const char *p = strstr(head, "\r\n") + 2; p < end - 2; p = strstr(p, "\r\n") + 2)
		count += strncasecmp(p, name, n) == 0 && p[n] == ':';
	return count;
}

static int
lines_of(const char *head, const char *end)
{
	int count = 0;

	for (const char *p = strstr(head, "\r\n") + 2; p < end - 2; p = strstr(p, "\r\n") + 2) {
		MUST(*p != ' ' && *p != '\t' && *p != ':' && *p != '\r');
		for (; *p != ':'; p++)
			MUST(isalnum((unsigned char)*p) ||
			     (*p != '\0' && strchr("!#$%&'*+-.^_`|~", *p) != NULL));
		count++;
	}
	return count;
}

/* The head's bytes as received, with a NUL at the end. */
static void
check_accepted(
    const char *head, size_t length, const struct mg_request_info *ri, const struct guard *g)
{
	const char *end = head + length;
	bool is_11 = strcmp(ri->http_version, "1.1") == 0;
	int lengths, codings;

	MUST(length >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0);
	for (const char *p = head; p < end; p++) {
		MUST(*p != '\0');
		MUST((*p == '\n') == (p > head && p[-1] == '\r'));
	}
	if (memcmp(head, "\r\n", 2) == 0)
		head += 2;
	MUST(isupper((unsigned char)*head));
	MUST(lines_of(head, end) == ri->num_headers);
	lengths = lines_named(head, end, "Content-Length");
	codings = lines_named(head, end, "Transfer-Encoding");
	MUST(lengths + codings <= 1);
	MUST(
	    lines_named(head, end, "Host") <= 1 && (!is_11 || lines_named(head, end, "Host") == 1));
	MUST(lines_named(head, end, "Authorization") <= 1);
	MUST(g->framing == (lengths ? FRAMING_LENGTH : codings ? FRAMING_CHUNKED : FRAMING_NONE));
	if (lengths) {
		const char *value = guard_header(ri, "Content-Length");

		MUST(isdigit((unsigned char)*value) &&
		     strtoll(value, NULL, 10) == g->content_length);
	}
	MUST(length <= GUARD_HEAD_MAX + 8 || ri->num_headers == 0);
	MUST(is_11 || !g->expects_continue);
}

static void
check_depth(const char *text, size_t length)
{
	int all = 0, depth;

	for (size_t i = 0; i < length; i++)
		all += text[i] == '[' || text[i] == '{';
	depth = json_text_depth(text, length, 32);
	MUST(depth >= 0 && depth <= 33 && depth <= all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mg_request_info ri;
	struct guard g;
	char *buffer, *as_it_came;
	enum text refusal;
	int length;

	if (size < 1 || size - 1 > BUFFER_BYTES)
		return 0;
	buffer = malloc(BUFFER_BYTES);
	as_it_came = malloc(size);
	MUST(buffer != NULL && as_it_came != NULL);
	memset(buffer, data[0], BUFFER_BYTES);
	memcpy(buffer, data + 1, size - 1);
	memcpy(as_it_came, data + 1, size - 1);
	as_it_came[size - 1] = '\0';
	check_depth(as_it_came, size - 1);
	length = cut_head(buffer, (int)size - 1, BUFFER_BYTES, &ri);
	if (length > 0) {
		refusal = guard_check(&ri, buffer, size - 1, &g);
		MUST(refusal == TEXT_NONE || message_problem(message_code(refusal)) != NULL);
		if (refusal == TEXT_NONE) {
			const char *tail = as_it_came + length;

			MUST(length < (int)size);
			/*
			 * The guard cannot tell LF LF with CR NUL behind it from CR LF CR LF: the second
			 * NUL is where civetweb would have put one. No request can begin so.
			 */
			if (!(memcmp(tail - 2, "\n\n", 2) == 0 && buffer[length] == '\r' &&
				buffer[length + 1] == '\0') &&
			    ri.num_headers > 0) {
				size_t behind =
				    (size_t)(ri.http_version + strlen(ri.http_version) - buffer);

				/* civetweb overwrites two blanks there, whichever they are, so they read as CR LF. */
				memcpy(as_it_came + behind, "\r\n", 2);
				as_it_came[length] = '\0';
				check_accepted(as_it_came, (size_t)length, &ri, &g);
			}
		}
	}
	free(as_it_came);
	free(buffer);
	return 0;
}
