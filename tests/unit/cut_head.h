/*
 * cut_head - cuts a request's head in place as civetweb 1.15 and 1.16 do (get_http_header_len,
 * parse_http_request, parse_http_headers, and handle_request for the query), so that
 * tests of the guard need no server.
 */
#ifndef TESTS_CUT_HEAD_H
#define TESTS_CUT_HEAD_H

#include <civetweb.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static int
head_length(const char *buf, int size)
{
	for (int i = 0; i < size; i++) {
		unsigned char c = (unsigned char)buf[i];

		if (c < 128 && c != '\r' && c != '\n' && !isprint(c))
			return -1;
		if (i < size - 1 && buf[i] == '\n' && buf[i + 1] == '\n')
			return i + 2;
		if (i < size - 3 && memcmp(buf + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	}
	return 0;
}

static bool
end_word(char **p, bool end_of_line)
{
	while (isgraph((unsigned char)**p))
		(*p)++;
	if (end_of_line ? **p != '\r' && **p != '\n' : **p != ' ')
		return false;
	do {
		*(*p)++ = '\0';
	} while (isspace((unsigned char)**p));
	return end_of_line || isgraph((unsigned char)**p);
}

static int
cut_headers(char *p, struct mg_header *headers)
{
	for (int n = 0; n < MG_MAX_HEADERS; n++) {
		char *name = p;

		while (*p != ':' && *p >= 33 && *p <= 126)
			p++;
		if (p == name)
			return n;
		while (*p == ' ')
			*p++ = '\0';
		if (*p != ':')
			return -1;
		*p++ = '\0';
		headers[n].name = name;
		p += strspn(p, " \t");
		headers[n].value = p;
		p += strcspn(p, "\r\n");
		if (*p == '\r') {
			*p++ = '\0';
			if (*p != '\n')
				return -1;
		}
		if (*p == '\0')
			return n + 1;
		*p++ = '\0';
		if (*p == '\r' || *p == '\n')
			return n + 1;
	}
	return MG_MAX_HEADERS;
}

/* cut_head - the first `received` bytes of buf's `size` came in; returns 0 or less when civetweb answers by itself. */
static int
cut_head(char *buf, int received, int size, struct mg_request_info *ri)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS",
		"CONNECT", "PATCH", "PROPFIND", "MKCOL", "LOCK", "UNLOCK", "PROPPATCH", "REPORT" };
	char *p = buf, *query;
	bool known = false;
	int length;

	memset(ri, 0, sizeof(*ri));
	if (head_length(buf, received) <= 0)
		return 0;
	while (p < buf + size && isspace((unsigned char)*p))
		p++;
	if (p == buf + size || iscntrl((unsigned char)*p))
		return 0;
	length = head_length(p, size - (int)(p - buf));
	if (length <= 0)
		return 0;
	length += (int)(p - buf);
	buf[length - 1] = '\0';
	ri->request_method = p;
	if (!end_word(&p, false))
		return 0;
	ri->request_uri = p;
	if (!end_word(&p, false))
		return 0;
	ri->http_version = p;
	if (!end_word(&p, true) || strncmp(ri->http_version, "HTTP/", 5) != 0)
		return 0;
	ri->http_version += 5;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		known |= strcmp(methods[i], ri->request_method) == 0;
	ri->num_headers = cut_headers(p, ri->http_headers);
	if (!known || ri->num_headers < 0)
		return 0;
	if (strcmp(ri->http_version, "1.0") != 0 && strcmp(ri->http_version, "1.1") != 0)
		return 0;
	query = strchr((char *)ri->request_uri, '?');
	if (query != NULL) {
		*query = '\0';
		ri->query_string = query + 1;
	}
	return length;
}

#endif
