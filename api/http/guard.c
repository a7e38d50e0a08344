#include "http/guard.h"

#include <civetweb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 9110, 5.6.2. */
static bool
is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		bool alphanumeric = (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
				    (*s >= 'A' && *s <= 'Z');

		if (!alphanumeric && strchr("!#$%&'*+-.^_`|~", *s) == NULL)
			return false;
	}
	return true;
}

static const char *
end_of(const char *s)
{
	return s + strlen(s);
}

/* "name:", then only blanks up to the value: civetweb overwrites a space before the colon with NUL. */
static bool
name_meets_value(const char *name, const char *value)
{
	const char *p = end_of(name) + 1;

	if (p > value)
		return false;
	for (; p < value; p++) {
		if (*p != ' ' && *p != '\t')
			return false;
	}
	return true;
}

static enum text
check_request_line(const struct mg_request_info *ri, const char *buffer)
{
	const char *method = ri->request_method, *uri = ri->request_uri;
	const char *uri_end = ri->query_string != NULL ? end_of(ri->query_string) : end_of(uri);
	const char *version = ri->http_version - strlen("HTTP/");

	/* One empty line may precede the request (RFC 9112, 2.2), nothing else. */
	if (buffer != NULL && method != buffer &&
	    !(method == buffer + 2 && buffer[0] == '\r' && buffer[1] == '\n'))
		return TEXT_white_space_before;
	if (uri != end_of(method) + 1 || version != uri_end + 1)
		return TEXT_request_line_spaces;
	for (const char *p = uri; p < uri_end; p++) {
		/* civetweb replaced the question mark with NUL. */
		if ((unsigned char)*p >= 127 || ((unsigned char)*p <= ' ' && *p != '\0'))
			return TEXT_target_not_ascii;
	}
	if (ri->num_headers > 0 && ri->http_headers[0].name != end_of(version) + 2)
		return TEXT_line_after_request_line;
	return TEXT_NONE;
}

static enum text
check_header_lines(const struct mg_request_info *ri, const char *received_end)
{
	for (int i = 0; i < ri->num_headers; i++) {
		const char *end = end_of(ri->http_headers[i].value);

		if (!is_token(ri->http_headers[i].name))
			return TEXT_header_name_malformed;
		if (!name_meets_value(ri->http_headers[i].name, ri->http_headers[i].value))
			return TEXT_header_colon_space;
		/* civetweb replaces CR and LF with two NULs; a single NUL was a bare LF. */
		if (end[1] != '\0')
			return TEXT_header_malformed;
		if (i + 1 < ri->num_headers && ri->http_headers[i + 1].name != end + 2)
			return TEXT_header_malformed;
		/* The empty line after the last header keeps its CR; its LF became a NUL. */
		if (i + 1 == ri->num_headers && ((received_end != NULL && end + 4 > received_end) ||
						    end[2] != '\r' || end[3] != '\0'))
			return TEXT_header_last_malformed;
	}
	return TEXT_NONE;
}

const char *
guard_header(const struct mg_request_info *ri, const char *name)
{
	for (int i = 0; i < ri->num_headers; i++) {
		if (strcasecmp(ri->http_headers[i].name, name) == 0)
			return ri->http_headers[i].value;
	}
	return NULL;
}

static int
count(const struct mg_request_info *ri, const char *name)
{
	int n = 0;

	for (int i = 0; i < ri->num_headers; i++)
		n += strcasecmp(ri->http_headers[i].name, name) == 0;
	return n;
}

/* Whether s is `word` in any case, perhaps with blanks behind it. */
static bool
is_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(s, word, n) == 0 && s[n + strspn(s + n, " \t")] == '\0';
}

static enum text
check_host(const struct mg_request_info *ri)
{
	const char *host = guard_header(ri, "Host");
	bool is_11 = strcmp(ri->http_version, "1.1") == 0;

	if (count(ri, "Host") > 1 || (host == NULL && is_11))
		return TEXT_host_once;
	if (host != NULL) {
		size_t n = strspn(
		    host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:[]%");

		if (n == 0 || host[n + strspn(host + n, " \t")] != '\0')
			return TEXT_host_malformed;
	}
	return TEXT_NONE;
}

static enum text
check_framing(const struct mg_request_info *ri, struct guard *g)
{
	/* A proxy that uses the first and a server that uses the last would see different requests. */
	static const char *const singular[] = { "Content-Length", "Transfer-Encoding",
		"Content-Type", "Content-Encoding", "Authorization" };
	const char *length = guard_header(ri, "Content-Length"),
		   *coding = guard_header(ri, "Transfer-Encoding");

	if (length != NULL && coding != NULL)
		return TEXT_framing_twice;
	for (size_t i = 0; i < NITEMS(singular); i++) {
		if (count(ri, singular[i]) > 1)
			return TEXT_header_repeated;
	}
	if (length != NULL) {
		size_t n = strspn(length, "0123456789");

		/* 18 digits fit a long long. */
		if (n == 0 || n > 18 || length[n + strspn(length + n, " \t")] != '\0')
			return TEXT_length_not_digits;
		g->framing = FRAMING_LENGTH;
		g->content_length = atoll(length);
	}
	if (coding != NULL) {
		/* civetweb ignores "identity"; HTTP/1.0 has no transfer codings. */
		if (!is_word(coding, "chunked") || strcmp(ri->http_version, "1.1") != 0)
			return TEXT_coding_unknown;
		g->framing = FRAMING_CHUNKED;
	}
	return TEXT_NONE;
}

/* At least as strict as civetweb's should_keep_alive, so that the Connection header is always true. */
static bool
keeps_alive(const struct mg_request_info *ri, const struct guard *g)
{
	const char *connection = guard_header(ri, "Connection");

	/* After a chunked body or an Upgrade the start of the next request is not certain enough. */
	if (g->framing == FRAMING_CHUNKED || guard_header(ri, "Upgrade") != NULL)
		return false;
	for (int i = 0; i < ri->num_headers; i++) {
		if (strcasecmp(ri->http_headers[i].name, "Connection") == 0 &&
		    strcasestr(ri->http_headers[i].value, "close") != NULL)
			return false;
	}
	if (connection != NULL)
		return strcasestr(connection, "keep-alive") != NULL;
	return strcmp(ri->http_version, "1.1") == 0;
}

/* civetweb leaves the blanks behind a value (RFC 9112, 5.1). They are in its own, writable buffer. */
static void
trim_values(const struct mg_request_info *ri)
{
	for (int i = 0; i < ri->num_headers; i++) {
		const char *value = ri->http_headers[i].value, *end = end_of(value);

		while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
			*(char *)(uintptr_t)--end = '\0';
	}
}

enum text
guard_check(
    const struct mg_request_info *ri, const char *buffer, size_t filled, struct guard *ret_guard)
{
	struct guard g = { 0 };
	enum text refusal = check_request_line(ri, buffer);
	const char *expect;

	if (refusal == TEXT_NONE)
		refusal = check_header_lines(ri, buffer != NULL ? buffer + filled : NULL);
	if (refusal != TEXT_NONE && ri->num_headers == MG_MAX_HEADERS)
		refusal = TEXT_headers_too_many;
	if (refusal == TEXT_NONE)
		refusal = check_host(ri);
	if (refusal == TEXT_NONE)
		refusal = check_framing(ri, &g);
	if (refusal != TEXT_NONE) {
		*ret_guard = g;
		return refusal;
	}
	expect = guard_header(ri, "Expect");
	if (ri->http_version - (sizeof(" HTTP/") - 1) - ri->request_uri > GUARD_URI_MAX)
		refusal = TEXT_uri_over_bound;
	else if (ri->num_headers > 0 &&
		 end_of(ri->http_headers[ri->num_headers - 1].value) - ri->request_method >
		     GUARD_HEAD_MAX)
		refusal = TEXT_headers_over_bound;
	else if (expect != NULL && !is_word(expect, "100-continue"))
		refusal = TEXT_expectation_unknown;
	g.expects_continue = expect != NULL && strcmp(ri->http_version, "1.1") == 0;
	g.keep_alive = keeps_alive(ri, &g);
	if (ri->num_headers > 0 && buffer != NULL)
		g.head_length =
		    (size_t)(end_of(ri->http_headers[ri->num_headers - 1].value) + 4 - buffer);
	trim_values(ri);
	*ret_guard = g;
	return refusal;
}

bool
guard_method_is_unknown(const struct mg_request_info *ri)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
		"OPTIONS", "CONNECT" };

	if (ri->request_method == NULL || ri->http_version == NULL ||
	    (strcmp(ri->http_version, "1.1") != 0 && strcmp(ri->http_version, "1.0") != 0))
		return false;
	for (size_t i = 0; i < NITEMS(known); i++) {
		if (strcmp(ri->request_method, known[i]) == 0)
			return false;
	}
	return is_token(ri->request_method);
}

const char *
guard_raw_header(const char *bytes, size_t n, const char *name, char *ret_value, size_t size)
{
	size_t length = strlen(name), used = 0;

	for (size_t at = 1; at + length + 1 < n; at++) {
		if (bytes[at - 1] != '\n' || strncasecmp(bytes + at, name, length) != 0 ||
		    bytes[at + length] != ':')
			continue;
		at += length + 1;
		at += bytes[at] == ' ';
		while (at < n && used + 1 < size && bytes[at] >= ' ')
			ret_value[used++] = bytes[at++];
		ret_value[used] = '\0';
		return ret_value;
	}
	return NULL;
}
