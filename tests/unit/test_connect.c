/* A server that ends the session at the very moment when it becomes ready; and one that hangs, the first of two. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/connect.h"

/* Authentication ok, two parameters, ready for query, and FATAL in the same bytes. PostgreSQL manual, 55.7. */
static const char greeting[] = "R\0\0\0\10\0\0\0\0"
			       "S\0\0\0\27in_hot_standby\0off\0"
			       "S\0\0\0\46default_transaction_read_only\0off\0"
			       "Z\0\0\0\5I"
			       "E\0\0\0\44SFATAL\0VFATAL\0C57P01\0Mgood-bye\0\0";

/* Greets every client that sends a start-up message, until the listener is closed. */
static void *
serve(void *arg)
{
	int listener = *(int *)arg, peer;
	char start[1024];

	while ((peer = accept(listener, NULL, NULL)) >= 0) {
		if (recv(peer, start, sizeof(start), 0) > 0) {
			send(peer, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL);
			shutdown(peer, SHUT_WR);
			while (recv(peer, start, sizeof(start), 0) > 0)
				;
		}
		close(peer);
	}
	return NULL;
}

/* libpq must not print its own message: it would not be a line of the log's format. */
static void
fatal_after_ready_is_not_printed(void **state)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), stderr_was = dup(2);
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	char url[128], why[CONNECT_WHY_SIZE] = "", printed[256] = "";
	FILE *said = tmpfile();
	pthread_t server;
	PGconn *pg;

	(void)state;
	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &at.sin_addr), 1);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(pthread_create(&server, NULL, serve, &listener), 0);
	snprintf(url, sizeof(url),
	    "postgresql://x@127.0.0.1:%d/x?sslmode=disable&gssencmode=disable", ntohs(at.sin_port));

	dup2(fileno(said), 2);
	pg = connect_open(url, CONNECT_PRIMARY, why);
	dup2(stderr_was, 2);
	rewind(said);
	if (fgets(printed, sizeof(printed), said) == NULL)
		printed[0] = '\0';
	assert_string_equal(printed, "");
	/* The connection counts as open; its next user finds that it has ended. */
	assert_string_equal(why, "");
	assert_non_null(pg);
	PQfinish(pg);

	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
	close(listener);
	close(stderr_was);
	fclose(said);
}

/* Opens a listener on a free port of loopback; returns its socket. */
static int
listener_open(int *ret_port)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);

	assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &at.sin_addr), 1);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
	*ret_port = ntohs(at.sin_port);
	return listener;
}

/* asked - how often somebody connected to a listener since the last call. */
static int
asked(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int client, n = 0;

	for (; poll(&p, 1, 0) == 1; n++) {
		client = accept(listener, NULL, NULL);
		assert_true(client >= 0);
		close(client);
	}
	return n;
}

/* It takes its time once, and not for each connection. */
static void
hung_host_is_asked_last(void **state)
{
	int hung_port, port, first = 0, hung = listener_open(&hung_port),
			     listener = listener_open(&port);
	char url[160], why[CONNECT_WHY_SIZE] = "";
	pthread_t server;

	(void)state;
	assert_int_equal(pthread_create(&server, NULL, serve, &listener), 0);
	snprintf(url, sizeof(url),
	    "postgresql://x@127.0.0.1:%d,127.0.0.1:%d/"
	    "x?sslmode=disable&gssencmode=disable&connect_timeout=2",
	    hung_port, port);
	for (int n = 0; n < 2; n++) {
		PGconn *pg = connect_open_from(url, CONNECT_PRIMARY, &first, why);

		assert_string_equal(why, "");
		assert_non_null(pg);
		assert_int_equal(first, 1);
		assert_int_equal(strtol(PQport(pg), NULL, 10), port);
		assert_int_equal(asked(hung) > 0, n == 0);
		PQfinish(pg);
	}
	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
	close(listener);
	close(hung);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fatal_after_ready_is_not_printed),
		cmocka_unit_test(hung_host_is_asked_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
