/*
 * bare - only civetweb, with the service's options: answers every request with the same bytes.
 *
 *	build/bench/bare ADDRESS:PORT FILE	FILE holds a whole answer, head and body
 *
 * Its time for a request is a lower bound for the service's.
 */
#include <civetweb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static char answer[1 << 20];
static size_t answer_length;

static int
handle(struct mg_connection *conn)
{
	mg_write(conn, answer, answer_length);
	return 200;
}

int
main(int argc, char *argv[])
{
	/* The options of api/http/server.c, with the defaults of api/config.c. */
	const char *options[] = { "listening_ports", argc == 3 ? argv[1] : "", "num_threads", "512",
		"request_timeout_ms", "10000", "enable_keep_alive", "yes", "keep_alive_timeout_ms",
		"60000", "max_request_size", "32768", "tcp_nodelay", "1", "decode_url", "no",
		"connection_queue", "256", "listen_backlog", "1024", "access_control_allow_origin",
		"", "access_control_allow_methods", "", "enable_auth_domain_check", "no",
		"enable_directory_listing", "no", NULL };
	const struct mg_callbacks callbacks = { .begin_request = handle };
	FILE *f = argc == 3 ? fopen(argv[2], "re") : NULL;
	sigset_t end;
	int got;

	if (f == NULL || (answer_length = fread(answer, 1, sizeof(answer), f)) == 0) {
		fprintf(stderr, "usage: bare ADDRESS:PORT FILE\n");
		return 2;
	}
	fclose(f);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	mg_init_library(0);
	if (mg_start(&callbacks, NULL, options) == NULL) {
		fprintf(stderr, "bare: cannot serve on %s\n", argv[1]);
		return 1;
	}
	sigwait(&end, &got);
	_Exit(0);
}
