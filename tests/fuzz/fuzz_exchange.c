/*
 * Whole requests. Bytes from a connection, cut as civetweb cuts them, go through
 * exchange_request to an answer; those that civetweb refuses go through
 * exchange_refused, which reads the raw bytes. Either way exactly one answer goes out,
 * and a strict reader accepts it. The target simulates the library and the database.
 *
 * The first byte chooses the database's behaviour, or the status of a refusal. In the
 * rest the first "~TOKEN~" and "~CURSOR~" are replaced by valid ones.
 */
#include <civetweb.h>
#include <ctype.h>
#include <sodium.h>
#include "../unit/cut_head.h"
#include "auth/revoked.h"
#include "auth/secret.h"
#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "database.h"
#include "http/exchange.h"
#include "http/interpose.h"

struct mg_connection {
	struct mg_request_info ri;
	const char *body;
	size_t left;
	int answers;
	bool closes, head;
};

static const struct config config = { .cors_origins = "https://desk.example",
	.body_max_bytes = 4096,
	.request_timeout_ms = 60000,
	.access_ttl_s = 900,
	.session_hours = 24 };
static struct app app = { .config = &config };
static char buffer[EXCHANGE_BUFFER_BYTES];
static size_t filled;
static struct mg_connection *current;

/* ---- What interpose.c knows */

const char *
head_buffer(void)
{
	return buffer;
}

size_t
head_bytes(void)
{
	return filled;
}

bool
head_is_late(void)
{
	return false;
}

void
request_begun(void)
{
}

void
body_deadline_set(int64_t deadline_ms)
{
	(void)deadline_ms;
}

bool
client_has_left(void)
{
	return false;
}

void
write_deadline_set(int64_t deadline_ms)
{
	(void)deadline_ms;
}

void
interpose_cut_at(int64_t ms)
{
	(void)ms;
}

bool
body_chunks_set(struct chunks *c, size_t head_length)
{
	(void)c;
	(void)head_length;
	return true;
}

void
request_done(size_t consumed)
{
	/* The end of the head may be unknown; then no byte follows it. */
	MUST(consumed > 0 || current->closes);
}

/* ---- What civetweb does */

const struct mg_request_info *
mg_get_request_info(const struct mg_connection *conn)
{
	return &conn->ri;
}

int
mg_read(struct mg_connection *conn, void *buf, size_t size)
{
	size_t n = conn->left < size ? conn->left : size;

	memcpy(buf, conn->body, n);
	conn->body += n;
	conn->left -= n;
	return (int)n;
}

void
mg_disable_connection_keep_alive(struct mg_connection *conn)
{
	conn->closes = true;
}

/* ---- A strict reader of the answer */

/* Expects a line "Name: value" at p; returns the text after it. */
static const char *
read_line(const char *p, const char *name, char *ret_value, size_t size)
{
	size_t n = strcspn(p, ":\r\n"), length;

	MUST(n > 0 && p[n] == ':' && p[n + 1] == ' ');
	for (size_t i = 0; i < n; i++)
		MUST(isalnum((unsigned char)p[i]) || p[i] == '-');
	length = strcspn(p + n + 2, "\r\n");
	for (size_t i = 0; i < length; i++)
		MUST(isprint((unsigned char)p[n + 2 + i]));
	if (strlen(name) == n && memcmp(p, name, n) == 0) {
		MUST(*ret_value == '\0' && length < size);
		memcpy(ret_value, p + n + 2, length);
		ret_value[length] = '\0';
	}
	p += n + 2 + length;
	MUST(p[0] == '\r' && p[1] == '\n');
	return p + 2;
}

static void
read_body(const char *body, size_t length, const char *type, int status)
{
	json_t *value;
	bool is_problem = strcmp(type, "application/problem+json") == 0;

	MUST(is_problem == (status >= 400));
	if (!is_problem && strcmp(type, "application/json") != 0)
		return;
	value = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
	MUST(json_is_object(value));
	if (is_problem) {
		MUST(json_integer_value(json_object_get(value, "status")) == status);
		MUST(json_is_string(json_object_get(value, "code")));
		MUST(json_is_string(json_object_get(value, "request_id")));
	}
	json_decref(value);
}

static void
read_answer(const struct mg_connection *conn, const char *bytes, size_t size)
{
	const char *end = memmem(bytes, size, "\r\n\r\n", 4), *p;
	char *head, number[16] = "", type[80] = "", date[64] = "", id[80] = "", connection[16] = "";
	int status;

	MUST(end != NULL);
	head = fuzz_text((const uint8_t *)bytes, (size_t)(end + 2 - bytes));
	MUST(strlen(head) == (size_t)(end + 2 - bytes));
	MUST(strncmp(head, "HTTP/1.1 ", 9) == 0);
	status = atoi(head + 9);
	MUST(status >= 200 && status <= 599 && head[12] == ' ' && isalpha((unsigned char)head[13]));
	for (p = strchr(head, '\n') + 1; *p != '\0';) {
		const char *line = p;

		p = read_line(line, "Content-Length", number, sizeof(number));
		read_line(line, "Content-Type", type, sizeof(type));
		read_line(line, "Date", date, sizeof(date));
		read_line(line, "X-Request-Id", id, sizeof(id));
		read_line(line, "Connection", connection, sizeof(connection));
	}
	MUST(date[0] != '\0' && id[0] != '\0' && connection[0] != '\0');
	MUST(conn->closes == (strcmp(connection, "close") == 0));
	size -= (size_t)(end + 4 - bytes);
	if (status == 204 || status == 304) {
		MUST(size == 0 && number[0] == '\0');
	} else {
		MUST(number[0] != '\0' && (conn->head ? 0 : strtoul(number, NULL, 10)) == size);
		if (!conn->head)
			read_body(end + 4, size, type, status);
	}
	free(head);
}

int
mg_write(struct mg_connection *conn, const void *buf, size_t length)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (length == sizeof(go_on) - 1 && memcmp(buf, go_on, length) == 0) {
		MUST(conn->answers == 0);
		return (int)length;
	}
	conn->answers++;
	read_answer(conn, buf, length);
	return (int)length;
}

/* ---- A connection */

static char *
replaced(char *text, size_t *size, const char *mark, const char *by)
{
	char *at = memmem(text, *size, mark, strlen(mark)), *whole;
	size_t before;

	if (at == NULL)
		return text;
	before = (size_t)(at - text);
	whole = malloc(*size + strlen(by) + 1);
	MUST(whole != NULL);
	memcpy(whole, text, before);
	memcpy(whole + before, by, strlen(by));
	memcpy(whole + before + strlen(by), at + strlen(mark), *size - before - strlen(mark));
	*size += strlen(by) - strlen(mark);
	free(text);
	return whole;
}

static void
start(char **ret_token, char *ret_cursor, size_t cursor_size)
{
	static const char secret[] = "fuzzing-0123456789-abcdefghijklmnopqrst";
	const struct claims who = { .advisor_id = 1, .session_id = 1, .role = ROLE_ADMIN };

	log_set_level(LOG_ERROR);
	json_object_seed(1);
	fuzz_contract();
	MUST(sodium_init() >= 0 && token_init(secret, NULL) == 0);
	secret_init(secret, NULL);
	revoked_loaded();
	/* A cursor of the list "GET /v1/clients/7/contacts". */
	MUST(secret_sign("contact_list 7", "2026-01-31T10:00:00Z 7", ret_cursor, cursor_size) !=
	     NULL);
	*ret_token =
	    token_issue(&who, clock_epoch_s(), 1000000, "0af7651916cd43dd8448eb211c80319c");
	MUST(*ret_token != NULL && catalog_load(NULL, 0) == 0);
}

/* Sets the path, as civetweb does before it calls the program. */
static void
give_path(struct mg_request_info *ri)
{
	if (ri->request_uri[0] == '/' || strncmp(ri->request_uri, "http://", 7) == 0)
		ri->local_uri = ri->request_uri;
	else if (ri->query_string != NULL) {
		((char *)(uintptr_t)ri->query_string)[-1] = '?';
		ri->query_string = NULL;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int refusals[] = { 400, 414, 500, 501, 505 };
	static char *token, cursor[256];
	struct mg_connection conn;
	int length;
	char *text;

	if (token == NULL)
		start(&token, cursor, sizeof(cursor));
	if (size < 1 || size > 8192)
		return 0;
	text = fuzz_text(data + 1, size - 1);
	filled = size - 1;
	text = replaced(text, &filled, "~TOKEN~", token);
	text = replaced(text, &filled, "~CURSOR~", cursor);
	memset(buffer, 0, sizeof(buffer));
	memcpy(buffer, text, filled);
	memset(&conn, 0, sizeof(conn));
	current = &conn;
	database_mood = data[0] % (DATABASE_REFUSES + (int)NITEMS(database_refusals));
	length = cut_head(buffer, (int)filled, (int)sizeof(buffer), &conn.ri);
	conn.ri.user_data = &app;
	if (length <= 0) {
		memcpy(buffer, text, filled);
		memset(&conn.ri, 0, sizeof(conn.ri));
		conn.ri.user_data = &app;
		exchange_refused(&conn, refusals[data[0] % NITEMS(refusals)], "Malformed message");
		MUST(conn.closes);
	} else {
		give_path(&conn.ri);
		conn.head = strcmp(conn.ri.request_method, "HEAD") == 0;
		conn.body = text + length;
		conn.left = filled - (size_t)length;
		exchange_request(&conn);
	}
	MUST(conn.answers == 1 && app.in_flight == 0 && database_results == 0);
	free(text);
	return 0;
}
