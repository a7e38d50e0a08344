/*
 * open_loop URL TOKEN CLIENTS RATE SECONDS [FILE] - client_search by phone, RATE times a second; with FILE its requests in turn, each a line:
 * "METHOD PATH" or "METHOD PATH BODY".
 *
 * Each request is due at a fixed time, whether earlier ones are answered or not, and is measured from that time, so that
 * waiting counts. Prints p50 and p99 in ms, and the number of answers other than 200 and 201. It stands for clients on other
 * machines: run it at a real-time priority (chrt -f 5), so that it waits only for the service.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 32

static struct pollfd peers[CONNECTIONS];
static double due[CONNECTIONS]; /* when the request in flight was due; 0: none in flight */
static char **lines;
static long nlines;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
connect_all(const char *url)
{
	const char *colon = strrchr(url, ':');
	struct sockaddr_in to = { .sin_family = AF_INET };
	int one = 1;

	to.sin_port = htons((unsigned short)strtoul(colon != NULL ? colon + 1 : "", NULL, 10));
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	for (int i = 0; i < CONNECTIONS; i++) {
		peers[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		peers[i].events = POLLIN;
		if (connect(peers[i].fd, (struct sockaddr *)&to, sizeof(to)) != 0)
			fail("connect");
		setsockopt(peers[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
}

static void
read_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		fail(path);
	for (ssize_t n; (n = getline(&line, &size, f)) > 0; line = NULL) {
		line[n - 1] = '\0';
		lines = realloc(lines, (size_t)(nlines + 1) * sizeof(*lines));
		if (lines == NULL)
			fail("realloc");
		lines[nlines++] = line;
	}
	fclose(f);
}

/* The n-th request; returns its length. */
static int
put_request(char *request, size_t size, const char *token, long n, long clients)
{
	char method[8], path[256];
	int body = 0;
	const char *line;

	if (nlines == 0)
		return snprintf(request, size,
		    "GET /v1/clients?phone=9%08ld HTTP/1.1\r\nHost: localhost\r\n"
		    "Authorization: Bearer %s\r\n\r\n",
		    n * 7919 % clients + 1, token);
	line = lines[n % nlines];
	if (sscanf(line, "%7s %255s %n", method, path, &body) < 2)
		fail("a line of the file");
	return snprintf(request, size,
	    "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    method, path, token, strlen(line + body), line + body);
}

/* Sends a request on an idle connection, each in turn; false: all are busy. */
static bool
ask(const char *token, long n, long clients, double when)
{
	static char request[4096];
	static int last;
	int length;

	for (int k = 1; k <= CONNECTIONS; k++) {
		int i = (last + k) % CONNECTIONS;

		if (due[i] != 0)
			continue;
		last = i;
		due[i] = when;
		length = put_request(request, sizeof(request), token, n, clients);
		if (length >= (int)sizeof(request))
			fail("a request's length");
		if (write(peers[i].fd, request, (size_t)length) != length)
			fail("write");
		return true;
	}
	return false;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Reads whole answers, for on loopback each is one segment. Returns how many were neither 200 nor 201. */
static long
take_answers(double wait_ms, double took[], long *done)
{
	const struct timespec wait = { (time_t)(wait_ms / 1e3),
		(long)((wait_ms - (double)(long)(wait_ms / 1e3) * 1e3) * 1e6) };
	static char answer[65536];
	long bad = 0;

	if (ppoll(peers, CONNECTIONS, &wait, NULL) <= 0)
		return 0;
	for (int i = 0; i < CONNECTIONS; i++) {
		if (peers[i].revents == 0)
			continue;
		if (read(peers[i].fd, answer, sizeof(answer)) <= 0 || due[i] == 0)
			fail("read");
		bad += strncmp(answer, "HTTP/1.1 200", 12) != 0 &&
		       strncmp(answer, "HTTP/1.1 201", 12) != 0;
		took[(*done)++] = now_ms() - due[i];
		due[i] = 0;
	}
	return bad;
}

int
main(int argc, char **argv)
{
	if (argc != 6 && argc != 7) {
		fputs("open_loop URL TOKEN CLIENTS RATE SECONDS [FILE]\n", stderr);
		return 2;
	}
	long clients = atol(argv[3]), rate = atol(argv[4]), total = rate * atol(argv[5]);
	long sent = 0, done = 0, bad = 0;
	double *took = calloc((size_t)total, sizeof(*took)), begun, wait, each = 1e3 / (double)rate;

	if (took == NULL)
		fail("calloc");
	if (argc == 7)
		read_lines(argv[6]);
	prctl(PR_SET_TIMERSLACK, 1);
	connect_all(argv[1]);
	begun = now_ms() + 50;
	while (done < total) {
		while (sent < total && now_ms() >= begun + (double)sent * each &&
		       ask(argv[2], sent, clients, begun + (double)sent * each))
			sent++;
		wait = sent < total ? begun + (double)sent * each - now_ms() : 1000;
		bad += take_answers(wait > 0 ? wait : 0, took, &done);
	}
	qsort(took, (size_t)total, sizeof(*took), compare);
	printf("%.3f %.3f %ld\n", took[total / 2], took[total * 99 / 100], bad);
	return 0;
}
