#include "event/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/webhook_signature.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/version.h"

#define REPLACEMENT  "\xEF\xBF\xBD"
#define DETAIL_MAX   200
#define TEXT_SIZE    (ANSWER_BYTES * 3 + 1) /* of answer_text */
#define URL_ID_SIZE  24
#define CONTENT_TYPE "Content-Type: application/cloudevents+json; charset=UTF-8"

/* ------------------------------------------------------------ what is read */

static size_t
read_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct attempt *a = arg;

	(void)bytes;
	a->header_bytes += size * n;
	if (a->header_bytes <= ANSWER_HEADERS_MAX)
		return size * n;
	a->headers_too_long = true;
	return 0;
}

static size_t
read_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct attempt *a = arg;
	size_t got = size * n, room = ANSWER_BYTES - a->answer_length;

	memcpy(a->answer + a->answer_length, bytes, got < room ? got : room);
	a->answer_length += got < room ? got : room;
	a->read += got;
	if (a->read <= ANSWER_READ_MAX)
		return got;
	a->cut = true;
	return 0;
}

static size_t
character_bytes(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

void
answer_text(const char *bytes, size_t length, char *ret_text)
{
	size_t n;

	for (size_t i = 0; i < length; i += n) {
		unsigned char c = (unsigned char)bytes[i];

		n = character_bytes(c);
		if (c >= 0xC0 && i + n > length)
			break;
		if ((c >= 0x20 && c < 0x7F) || c == '\t' || c == '\n') {
			*ret_text++ = bytes[i];
		} else if (c >= 0xC0 && text_is_utf8(bytes + i, n)) {
			ret_text = mempcpy(ret_text, bytes + i, n);
		} else {
			n = 1;
			if (c != '\r')
				ret_text = stpcpy(ret_text, REPLACEMENT);
		}
	}
	*ret_text = '\0';
}

/* -------------------------------------------------------------------- begin */

static struct curl_slist *
header_add(struct curl_slist *list, const char *line)
{
	struct curl_slist *more = curl_slist_append(list, line);

	if (more == NULL)
		abort();
	return more;
}

/* A secret as webhook_signature takes it; NULL: it cannot be decrypted. */
static const char *
token_of(struct attempt_key *key, const char *secret)
{
	if (key->secret[0] != '\0' && strcmp(key->secret, secret) == 0)
		return key->token;
	key->secret[0] = '\0';
	if (strlen(secret) >= sizeof(key->secret) || !secret_decrypt(secret, key->token))
		return NULL;
	strcpy(key->secret, secret);
	return key->token;
}

/* Returns false when neither secret can be decrypted. */
static bool
sign(struct attempt *a, const struct claimed *c)
{
	const char *secrets[] = { c->secret, c->secret_previous };
	char timestamp[24], line[2 * WEBHOOK_SIGNATURE_SIZE + 32],
	    *end = stpcpy(line, "webhook-signature:");
	bool any = false;

	snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(a->at_us / 1000000));
	for (size_t i = 0; i < NITEMS(secrets); i++) {
		const char *token = secrets[i] != NULL ? token_of(&a->keys[i], secrets[i]) : NULL;

		if (token == NULL)
			continue;
		*end++ = ' ';
		webhook_signature(token, c->event_id, timestamp, c->body, c->body_length, end);
		end += strlen(end);
		any = true;
	}
	a->headers = header_add(NULL, CONTENT_TYPE);
	a->headers = header_add(a->headers, line);
	snprintf(line, sizeof(line), "webhook-timestamp: %s", timestamp);
	a->headers = header_add(a->headers, line);
	snprintf(line, sizeof(line), "webhook-id: %.64s", c->event_id);
	a->headers = header_add(a->headers, line);
	/* libcurl would wait a second for a receiver's "100 Continue". */
	a->headers = header_add(a->headers, "Expect:");
	return any;
}

static void
release(struct attempt *a)
{
	curl_slist_free_all(a->headers);
	free(a->body);
	a->headers = NULL;
	a->body = NULL;
	a->busy = false;
}

/* What is the same for all attempts at a URL. Connections and names that are known are kept. */
static void
prepare(struct attempt *a, const char *url)
{
	if (a->easy == NULL && (a->easy = curl_easy_init()) == NULL)
		abort();
	free(a->url);
	a->url = strdup(url);
	if (a->url == NULL)
		abort();
	curl_easy_reset(a->easy);
	target_prepare(a->easy, &a->guard, url);
	curl_easy_setopt(a->easy, CURLOPT_USERAGENT, "Gestor/" VERSION);
	curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, ATTEMPT_SECONDS * 1000L);
	curl_easy_setopt(a->easy, CURLOPT_HEADERFUNCTION, read_header);
	curl_easy_setopt(a->easy, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, read_answer);
	curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(a->easy, CURLOPT_ERRORBUFFER, a->why);
	curl_easy_setopt(a->easy, CURLOPT_PRIVATE, a);
}

bool
attempt_begin(struct attempt *a, CURLM *multi, const struct claimed *c)
{
	a->id = strtoll(c->id, NULL, 10);
	snprintf(a->lease, sizeof(a->lease), "%s", c->lease);
	a->began_us = clock_us();
	a->at_us = clock_epoch_us();
	a->answer_length = a->read = a->header_bytes = 0;
	a->cut = a->headers_too_long = false;
	a->why[0] = '\0';
	a->body = malloc(c->body_length + 1);
	if (a->body == NULL)
		abort();
	memcpy(a->body, c->body, c->body_length + 1);
	a->busy = true;
	if (!sign(a, c)) {
		release(a);
		return false;
	}
	if (a->url == NULL || strcmp(a->url, c->url) != 0)
		prepare(a, c->url);
	a->guard.refused = false;
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, a->body);
	curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE, (long)c->body_length);
	curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
	if (curl_multi_add_handle(multi, a->easy) != CURLM_OK)
		abort();
	return true;
}

/* ---------------------------------------------------------------------- end */

/* Why there is no whole answer; NULL: there is one. The names are part of the contract. */
static const char *
error_of(const struct attempt *a, CURLcode code)
{
	if (a->guard.refused && code != CURLE_OK)
		return "address_refused";
	if (a->headers_too_long)
		return "answer_malformed";
	/* The rest of a long answer was not wanted. */
	if (a->cut && code == CURLE_WRITE_ERROR)
		return NULL;
	switch (code) {
	case CURLE_OK:
		return NULL;
	case CURLE_OPERATION_TIMEDOUT:
		return "timeout";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "name_unknown";
	case CURLE_COULDNT_CONNECT:
		return "connection_refused";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return "tls";
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		return "connection_lost";
	default:
		return "answer_malformed";
	}
}

/* What libcurl says of TLS: which certificate is wrong, and why. NULL: nothing. */
static const char *
detail_of(const struct attempt *a, const char *error, char ret_text[static TEXT_SIZE])
{
	size_t length = strnlen(a->why, DETAIL_MAX);

	if (error == NULL || strcmp(error, "tls") != 0 || length == 0)
		return NULL;
	answer_text(a->why, length, ret_text);
	return ret_text;
}

void
attempt_end(struct attempt *a, CURLcode code, struct outcomes *outcomes)
{
	char answer[TEXT_SIZE], detail[TEXT_SIZE];
	const char *error = error_of(a, code);
	curl_off_t wait_s = 0;
	long status = 0;

	a->took_us = clock_us() - a->began_us;
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(a->easy, CURLINFO_RETRY_AFTER, &wait_s);
	if (wait_s < 0 || wait_s > 24 * 60 * 60)
		wait_s = 24 * 60 * 60;
	answer_text(a->answer, a->answer_length, answer);
	outcomes_add(outcomes, &(struct outcome){ .id = a->id,
				   .lease = a->lease,
				   .ok = error == NULL && status >= 200 && status <= 299,
				   .wait_s = status == 429 || status == 503 ? wait_s : 0,
				   .at_us = a->at_us,
				   .duration_ms = a->took_us / 1000,
				   .status = status,
				   .error = error,
				   .detail = detail_of(a, error, detail),
				   .answer = a->answer_length > 0 ? answer : NULL });
	release(a);
}

void
attempt_unreadable(const struct attempt *a, struct outcomes *outcomes)
{
	outcomes_add(outcomes,
	    &(struct outcome){
		.id = a->id, .lease = a->lease, .at_us = a->at_us, .error = "secret_unreadable" });
}

void
attempt_drop(struct attempt *a, CURLM *multi)
{
	curl_multi_remove_handle(multi, a->easy);
	release(a);
}

void
attempt_free(struct attempt *a)
{
	curl_easy_cleanup(a->easy);
	free(a->url);
	a->easy = NULL;
	a->url = NULL;
}
