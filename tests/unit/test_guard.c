/* The guard, on heads cut as civetweb cuts them; tests/http/guard.test.js sends the same ones to a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/json_text.h"
#include "cut_head.h"
#include "http/guard.h"

#define BUFFER_BYTES 32768
#define HOST	     "Host: a\r\n"
#define GET(more)    "GET /livez HTTP/1.1\r\n" HOST more "\r\n"
#define POST(more)   "POST /v1/sessions HTTP/1.1\r\n" HOST more "\r\n"

static char *buffer;
static struct mg_request_info ri;
static struct guard guard;

static int
make_buffer(void **state)
{
	(void)state;
	buffer = malloc(BUFFER_BYTES);
	return buffer == NULL;
}

static int
free_buffer(void **state)
{
	(void)state;
	free(buffer);
	return 0;
}

/* The guard's refusal of these bytes; "-" when civetweb refuses them before the guard. */
static const char *
verdict_of(const char *bytes, size_t size)
{
	enum text refusal;

	/* Bytes of an earlier request. */
	memset(buffer, '\r', BUFFER_BYTES);
	memcpy(buffer, bytes, size);
	if (cut_head(buffer, (int)size, BUFFER_BYTES, &ri) <= 0)
		return "-";
	refusal = guard_check(&ri, buffer, size, &guard);
	if (refusal != TEXT_NONE && message_problem(message_code(refusal)) == NULL)
		fail_msg("a refusal that is no problem");
	return message_code(refusal);
}

#define VERDICT(bytes)	verdict_of(bytes, sizeof(bytes) - 1)
#define ACCEPTED(bytes) assert_string_equal(VERDICT(bytes), "")
#define REFUSED(bytes)	assert_string_equal(VERDICT(bytes), "bad_request")

static void
good_heads_pass(void **state)
{
	(void)state;
	ACCEPTED(GET(""));
	ACCEPTED("\r\n" GET(""));
	ACCEPTED(GET("X:\r\n"));
	ACCEPTED(GET("X: \xFF\r\n"));
	ACCEPTED(GET("!#$%&'*+-.^_`|~09azAZ: y\r\n"));
	ACCEPTED("GET /livez HTTP/1.1\r\nHost:a\r\n\r\n");
	ACCEPTED("GET /livez HTTP/1.1\r\nHost:  [::1]:80  \r\n\r\n");
	ACCEPTED("GET /livez HTTP/1.0\r\n\r\n");
	ACCEPTED("GET /livez?a=b&c HTTP/1.1\r\nHost: a\r\n\r\n");
	ACCEPTED("GET /livez? HTTP/1.1\r\nHost: a\r\n\r\n");
	ACCEPTED(GET("") GET(""));
}

static void
request_lines_are_strict(void **state)
{
	(void)state;
	REFUSED(" " GET(""));
	REFUSED("\n" GET(""));
	REFUSED("\r" GET(""));
	assert_string_not_equal(VERDICT("\r\n\r\n" GET("")), "");
	assert_string_not_equal(VERDICT("\r\n " GET("")), "");
	assert_string_not_equal(VERDICT("\r\n\n" GET("")), "");
	REFUSED("GET  /livez HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /livez  HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET \r\n/livez HTTP/1.1\r\n" HOST "\r\n");
	REFUSED("GET /livez HTTP/1.1\n" HOST "\r\n");
	REFUSED("GET /livez HTTP/1.1\r" HOST "\r\n");
	REFUSED("GET /livez HTTP/1.1\r\r\n" HOST "\r\n");
	REFUSED("GET /livez HTTP/1.1\r\n " HOST "\r\n");
	assert_string_not_equal(VERDICT("GET /\xC3\xB1 HTTP/1.1\r\n" HOST "\r\n"), "");
}

static void
header_lines_are_strict(void **state)
{
	(void)state;
	REFUSED(GET("X : y\r\n"));
	REFUSED(GET("X  : y\r\n"));
	REFUSED(GET("X: y\r\n z\r\n"));
	REFUSED(GET("X: y\nZ: z\r\n"));
	REFUSED(GET("X(: y\r\n"));
	REFUSED(GET("X/Y: y\r\n"));
	assert_string_not_equal(VERDICT(GET("X\r\n")), "");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a\n\n");
}

/* civetweb ends the headers at a line that begins with CR, wherever the head ends. */
static void
nothing_hides_behind_a_cr(void **state)
{
	(void)state;
	REFUSED(GET("\rX: y\r\n"));
	REFUSED(GET("\r\rX: y\r\n"));
	REFUSED(POST("\rContent-Length: 5\r\n"));
	REFUSED(POST("\rTransfer-Encoding: chunked\r\n"));
	REFUSED(POST("Content-Length: 5\r\n\rTransfer-Encoding: chunked\r\n"));
}

/* civetweb ends a head at LF LF; what follows belongs to the body, whatever it looks like. */
static void
nothing_of_the_body_ends_a_head(void **state)
{
	(void)state;
	REFUSED("GET /livez HTTP/1.1\r\nHost: a\n\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a\n\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a\n\n\r");
}

static void
host_occurs_once(void **state)
{
	(void)state;
	REFUSED("GET /livez HTTP/1.1\r\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nX: y\r\n\r\n");
	REFUSED(GET("Host: a\r\n"));
	REFUSED(GET("hOST: b\r\n"));
	REFUSED("GET /livez HTTP/1.0\r\n" HOST HOST "\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost:\r\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a,b\r\n\r\n");
	REFUSED("GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n");
}

static void
framing_is_one_of_three(void **state)
{
	(void)state;
	ACCEPTED(POST(""));
	assert_int_equal(guard.framing, FRAMING_NONE);
	ACCEPTED(POST("Content-Length: 0\r\n"));
	assert_int_equal(guard.framing, FRAMING_LENGTH);
	assert_int_equal(guard.content_length, 0);
	ACCEPTED(POST("content-length:  0012 \r\n"));
	assert_int_equal(guard.content_length, 12);
	ACCEPTED(POST("Content-Length: 999999999999999999\r\n"));
	assert_true(guard.content_length == 999999999999999999LL);
	ACCEPTED(POST("Transfer-Encoding: Chunked\r\n"));
	assert_int_equal(guard.framing, FRAMING_CHUNKED);
	assert_false(guard.keep_alive);
	REFUSED(POST("Content-Length: 5\r\nContent-Length: 5\r\n"));
	REFUSED(POST("Content-Length: 5\r\nContent-Length: 6\r\n"));
	REFUSED(POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
	REFUSED(POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
	REFUSED(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
	REFUSED(POST("Transfer-Encoding: identity\r\n"));
	REFUSED(POST("Transfer-Encoding:\r\n"));
	REFUSED(POST("Transfer-Encoding: gzip, chunked\r\n"));
	REFUSED(POST("Transfer-Encoding: chunkedx\r\n"));
	REFUSED("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
}

static void
lengths_are_digits(void **state)
{
	static const char *const bad[] = { "", " ", "+5", "-5", "5abc", "0x5", "5 5", "5,5", "5.0",
		"1e2", "1000000000000000000", "18446744073709551621" };
	char head[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int n = snprintf(head, sizeof(head), POST("Content-Length: %s\r\n"), bad[i]);

		assert_string_equal(verdict_of(head, (size_t)n), "bad_request");
	}
}

static void
keep_alive_follows_the_request(void **state)
{
	(void)state;
	ACCEPTED(GET(""));
	assert_true(guard.keep_alive);
	ACCEPTED(GET("Connection: close\r\n"));
	assert_false(guard.keep_alive);
	ACCEPTED(GET("Connection: keep-alive, Close\r\n"));
	assert_false(guard.keep_alive);
	ACCEPTED(GET("Connection: Keep-Alive\r\n"));
	assert_true(guard.keep_alive);
	ACCEPTED(GET("Connection: keep-alive\r\nConnection: close\r\n"));
	assert_false(guard.keep_alive);
	ACCEPTED(GET("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
	assert_false(guard.keep_alive);
	ACCEPTED(GET("Connection: keep-alive\r\nUpgrade: h2c\r\n"));
	assert_false(guard.keep_alive);
	ACCEPTED("GET / HTTP/1.0\r\n\r\n");
	assert_false(guard.keep_alive);
	ACCEPTED("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(guard.keep_alive);
}

static void
expectations(void **state)
{
	(void)state;
	ACCEPTED(POST("Expect: 100-Continue\r\n"));
	assert_true(guard.expects_continue);
	ACCEPTED(POST(""));
	assert_false(guard.expects_continue);
	ACCEPTED("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n");
	assert_false(guard.expects_continue);
	assert_string_equal(VERDICT(POST("Expect: tea\r\n")), "expectation_failed");
	assert_string_equal(VERDICT(POST("Expect:\r\n")), "expectation_failed");
}

/* A head of exactly `size` bytes with this ending and this number of headers. */
static const char *
verdict_of_size(size_t size, const char *ending)
{
	static char head[BUFFER_BYTES];
	int n = snprintf(head, sizeof(head), "GET /livez HTTP/1.1\r\n" HOST "X: ");

	memset(head + n, 'y', size - (size_t)n);
	memcpy(head + size - strlen(ending), ending, strlen(ending));
	return verdict_of(head, size);
}

static void
heads_have_bounds(void **state)
{
	static char head[BUFFER_BYTES];
	int n;

	(void)state;
	assert_string_equal(verdict_of_size(GUARD_HEAD_MAX, "\r\n\r\n"), "");
	assert_string_equal(verdict_of_size(GUARD_HEAD_MAX + 16, "\r\n\r\n"), "headers_too_large");
	assert_string_equal(verdict_of_size(BUFFER_BYTES, "\r\n\r\n"), "headers_too_large");
	/* The head's last byte is the buffer's last: nothing after it may be read. */
	assert_string_not_equal(verdict_of_size(BUFFER_BYTES, "\n\n"), "");
	assert_string_not_equal(verdict_of_size(BUFFER_BYTES - 1, "\n\n"), "");
	for (int target = GUARD_URI_MAX - 1; target <= GUARD_URI_MAX + 1; target++) {
		n = snprintf(
		    head, sizeof(head), "GET /%0*d HTTP/1.1\r\n" HOST "\r\n", target - 1, 0);
		assert_string_equal(
		    verdict_of(head, (size_t)n), target > GUARD_URI_MAX ? "uri_too_long" : "");
		n = snprintf(
		    head, sizeof(head), "GET /?%0*d HTTP/1.1\r\n" HOST "\r\n", target - 2, 0);
		assert_string_equal(
		    verdict_of(head, (size_t)n), target > GUARD_URI_MAX ? "uri_too_long" : "");
	}
	for (int headers = 62; headers <= 70; headers++) {
		n = snprintf(head, sizeof(head), "GET /livez HTTP/1.1\r\n" HOST);
		for (int i = 1; i < headers; i++)
			n += snprintf(head + n, sizeof(head) - (size_t)n, "X%d: y\r\n", i);
		n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
		assert_string_equal(verdict_of(head, (size_t)n),
		    headers > MG_MAX_HEADERS ? "headers_too_large" : "");
	}
}

static void
headers_are_found_in_any_case(void **state)
{
	(void)state;
	ACCEPTED(GET("X-One: 1\r\nx-one: 2\r\nEmpty:\r\n"));
	assert_string_equal(guard_header(&ri, "x-ONE"), "1");
	assert_string_equal(guard_header(&ri, "Empty"), "");
	assert_null(guard_header(&ri, "X-On"));
	assert_null(guard_header(&ri, "X-One-Two"));
}

#define DEPTH(text, max) json_text_depth(text, sizeof(text) - 1, max)

static void
depth_is_of_brackets_outside_strings(void **state)
{
	(void)state;
	assert_int_equal(DEPTH("", 32), 0);
	assert_int_equal(DEPTH("1", 32), 0);
	assert_int_equal(DEPTH("[]", 32), 1);
	assert_int_equal(DEPTH("[{}]", 32), 2);
	assert_int_equal(DEPTH("[][][]", 32), 1);
	assert_int_equal(DEPTH("[{\"a\":[1]},[]]", 32), 3);
	assert_int_equal(DEPTH("\"[[[[\"", 32), 0);
	assert_int_equal(DEPTH("[\"\\\"[[[\"]", 32), 1);
	assert_int_equal(DEPTH("[\"\\\\\",[[", 32), 3);
	assert_int_equal(DEPTH("[\"\\\\\\\"[[\"", 32), 1);
	assert_int_equal(DEPTH("[[[[[[", 2), 3);
	assert_int_equal(DEPTH("]]][[", 32), 0);
	assert_int_equal(DEPTH("\"\\", 32), 0);
	assert_int_equal(DEPTH("\0[", 32), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_heads_pass),
		cmocka_unit_test(request_lines_are_strict),
		cmocka_unit_test(header_lines_are_strict),
		cmocka_unit_test(nothing_hides_behind_a_cr),
		cmocka_unit_test(nothing_of_the_body_ends_a_head),
		cmocka_unit_test(host_occurs_once),
		cmocka_unit_test(framing_is_one_of_three),
		cmocka_unit_test(lengths_are_digits),
		cmocka_unit_test(keep_alive_follows_the_request),
		cmocka_unit_test(expectations),
		cmocka_unit_test(heads_have_bounds),
		cmocka_unit_test(headers_are_found_in_any_case),
		cmocka_unit_test(depth_is_of_brackets_outside_strings),
	};

	return cmocka_run_group_tests(tests, make_buffer, free_buffer);
}
