#include "http/trace.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "auth/secret.h"

/* Offsets in 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01. */
enum { ID_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

/* Whether s starts with exactly n lower-case hexadecimal digits. */
static bool
is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") == n;
}

void
trace_take(const char *traceparent, struct trace *ret_trace)
{
	const char *t = traceparent;
	char own[SECRET_ID_SIZE];

	memset(ret_trace, 0, sizeof(*ret_trace));
	if (t == NULL || strlen(t) < LENGTH || !is_hex(t, 2) || t[2] != '-' ||
	    !is_hex(t + ID_AT, 32) || t[SPAN_AT - 1] != '-' || !is_hex(t + SPAN_AT, 16) ||
	    t[FLAGS_AT - 1] != '-' || !is_hex(t + FLAGS_AT, 2))
		return;
	/* Version ff is invalid. Versions after 00 may have more fields, after a hyphen. Zero ids are invalid. */
	if (strncmp(t, "ff", 2) == 0 ||
	    (t[LENGTH] != '\0' && (t[LENGTH] != '-' || strncmp(t, "00", 2) == 0)) ||
	    strspn(t + ID_AT, "0") >= 32 || strspn(t + SPAN_AT, "0") >= 16)
		return;
	memcpy(ret_trace->id, t + ID_AT, TRACE_ID_SIZE - 1);
	memcpy(ret_trace->flags, t + FLAGS_AT, sizeof(ret_trace->flags) - 1);
	secret_id(own);
	memcpy(ret_trace->span, own, TRACE_SPAN_SIZE - 1);
}

void
trace_parent(const struct trace *t, char ret_text[static TRACE_PARENT_SIZE])
{
	snprintf(ret_text, TRACE_PARENT_SIZE, "00-%s-%s-%s", t->id, t->span, t->flags);
}
