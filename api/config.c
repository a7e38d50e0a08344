#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/origin.h"

/* RFC 7518, 3.2: a key for HS256 has at least as many bits as its hash. */
#define SECRET_BYTES_MIN 32
/* Even 32 random hex digits show more distinct characters than this. */
#define SECRET_DISTINCT_MIN 10
#define FILE_BYTES_MAX	    4096

struct text_setting {
	const char *name;
	const char *fallback; /* NULL: there is none */
	size_t offset;
	bool secret; /* NAME_FILE may name a file that holds it */
	const char *help;
};

struct number_setting {
	const char *name;
	int fallback, min, max;
	size_t offset;
	const char *help;
};

#define AT(field) offsetof(struct config, field)

static const struct text_setting texts[] = {
	{ "DATABASE_URL", NULL, AT(database_url), true,
	    "PostgreSQL: a libpq connection string or URI" },
	{ "GESTOR_JWT_SECRET", NULL, AT(jwt_secret), true,
	    "key that signs access tokens, 32 bytes or more" },
	{ "GESTOR_JWT_SECRET_PREVIOUS", "", AT(jwt_secret_previous), true,
	    "another that is accepted, and signs nothing, while keys are rotated" },
	{ "GESTOR_LISTEN", "127.0.0.1:8080", AT(listen), false,
	    "IPv4 address and port to serve on" },
	{ "GESTOR_METRICS_LISTEN", "", AT(metrics_listen), false,
	    "IPv4 address and another port, to serve /metrics there alone" },
	{ "GESTOR_LOG_LEVEL", "info", AT(log_level), false, "debug, info, warn or error" },
	{ "GESTOR_CORS_ORIGINS", "", AT(cors_origins), false,
	    "origins whose pages may call: https://desk.example, with commas between" },
	{ "GESTOR_TRUSTED_PROXIES", "", AT(trusted_proxies), false,
	    "proxies whose X-Forwarded-For is believed: IPv4 addresses or blocks, with commas "
	    "between" },
};

static const struct number_setting numbers[] = {
	/* A thread serves one connection, idle ones too; each costs some 30 KB of real memory. */
	{ "GESTOR_THREADS", 512, 4, 10000, AT(threads), "threads, which is connections at once" },
	{ "GESTOR_POOL_SIZE", 4, 1, 100, AT(pool_size),
	    "database connections; about twice the cores" },
	{ "GESTOR_POOL_WAIT_MS", 2000, 1, 60000, AT(pool_wait_ms),
	    "longest wait for one, then 503; at once where that would be in vain" },
	{ "GESTOR_QUERY_TIMEOUT_MS", 5000, 100, 600000, AT(query_timeout_ms),
	    "longest time for all that the database is asked for a request, then 503" },
	{ "GESTOR_REQUEST_TIMEOUT_MS", 10000, 100, 600000, AT(request_timeout_ms),
	    "longest time for a request's head, and for its body" },
	{ "GESTOR_KEEP_ALIVE_MS", 60000, 0, 3600000, AT(keep_alive_ms),
	    "how long an idle connection is kept" },
	{ "GESTOR_BODY_MAX_BYTES", 65536, 1024, 1048576, AT(body_max_bytes), "largest body" },
	{ "GESTOR_ACCESS_TTL_S", 900, 30, 3600, AT(access_ttl_s), "life of an access token" },
	{ "GESTOR_REFRESH_TTL_S", 43200, 60, 2592000, AT(refresh_ttl_s),
	    "life of a refresh token" },
	{ "GESTOR_SESSION_HOURS", 24, 1, 720, AT(session_hours),
	    "end of a session after its sign-in, however often it is renewed" },
	{ "GESTOR_RATE_ADVISOR", 200, 0, 1000000, AT(rate_advisor),
	    "requests a second of a person's account, over 10 s, then 429; 0: any number" },
	{ "GESTOR_RATE_INTEGRATION", 500, 0, 1000000, AT(rate_integration),
	    "the same of an integration's account" },
	{ "GESTOR_SESSIONS_MAX", 100, 0, 10000, AT(sessions_max),
	    "live sessions of an account; a sign-in beyond ends the one that was renewed least "
	    "lately; 0: no end" },
	{ "GESTOR_DRAIN_MS", 10000, 0, 600000, AT(drain_ms),
	    "longest wait for requests in flight at the end" },
	{ "GESTOR_DRAIN_DELAY_MS", 0, 0, 600000, AT(drain_delay_ms),
	    "before that, how long it serves on while /readyz is 503, for proxies to see" },
	{ "GESTOR_CHECK_MS", 5000, 100, 600000, AT(check_ms),
	    "how often catalogues and sign-outs are looked up" },
	{ "GESTOR_GUESSES_PER_HOUR", 60, 0, 1000000, AT(guesses_per_hour),
	    "numbers without a client that an account without personal_data may ask for; 0: any" },
	{ "GESTOR_RETENTION_DAYS", 0, 0, 36500, AT(retention_days),
	    "days after which purge erases an idle client; 0: never" },
	{ "GESTOR_CONTACTS_PER_DAY", 50, 0, 1000000, AT(contacts_per_day),
	    "contacts of one client that a day takes; 0: any number" },
	{ "GESTOR_KEYS_MAX", 20000, 0, 100000000, AT(keys_max),
	    "answers that an account keeps for Idempotency-Keys; 0: any number" },
};

/* The file's first line, in text; NULL = *text, else why there is none. */
static const char *
read_line_of(const char *path, char text[static FILE_BYTES_MAX])
{
	FILE *f = fopen(path, "re");
	const char *why = NULL;

	if (f == NULL)
		return strerror(errno);
	errno = 0;
	if (fgets(text, FILE_BYTES_MAX, f) == NULL)
		why = errno != 0 ? strerror(errno) : "it is empty";
	else
		text[strcspn(text, "\r\n")] = '\0';
	fclose(f);
	return why;
}

/* returns false after saying why the setting cannot be had; value may be NULL for "not set". */
static bool
find_text(const struct text_setting *s, const char **ret_value)
{
	/* What was in files; the process keeps it until it ends. */
	static char kept[NITEMS(texts)][FILE_BYTES_MAX];
	const char *value = getenv(s->name), *path = NULL, *why;
	char file_name[64];

	snprintf(file_name, sizeof(file_name), "%s_FILE", s->name);
	if (s->secret)
		path = getenv(file_name);
	*ret_value = s->fallback;
	if (value != NULL && *value != '\0') {
		*ret_value = value;
	} else if (path != NULL && *path != '\0') {
		why = read_line_of(path, kept[s - texts]);
		if (why != NULL) {
			fprintf(stderr, "gestor: %s: cannot read %s: %s\n", file_name, path, why);
			return false;
		}
		*ret_value = kept[s - texts];
	}
	return true;
}

static bool
number_is_right(const struct number_setting *s, int *ret_value)
{
	const char *text = getenv(s->name);
	char *end;
	long value = s->fallback;

	if (text != NULL && *text != '\0') {
		errno = 0;
		value = strtol(text, &end, 10);
		if (errno != 0 || *end != '\0' || value < s->min || value > s->max) {
			fprintf(stderr, "gestor: %s must be a number from %d to %d\n", s->name,
			    s->min, s->max);
			return false;
		}
	}
	*ret_value = (int)value;
	return true;
}

/* What is wrong with a secret; NULL: nothing. */
static const char *
weakness(const char *secret)
{
	bool seen[256] = { false };
	const char *why = NULL;
	int distinct = 0;

	if (secret == NULL || *secret == '\0') {
		why = "is not set";
	} else if (strlen(secret) < SECRET_BYTES_MIN) {
		why = "is shorter than 32 bytes";
	} else {
		for (const char *p = secret; *p != '\0'; p++) {
			distinct += !seen[(unsigned char)*p];
			seen[(unsigned char)*p] = true;
		}
		if (distinct < SECRET_DISTINCT_MIN)
			why = "is made of too few different characters";
		else if (strcasestr(secret, "changeme") != NULL ||
			 strcasestr(secret, "secret") != NULL ||
			 strcasestr(secret, "password") != NULL)
			why = "looks like a placeholder";
	}
	return why;
}

static bool
secrets_are_right(const char *secret, const char *previous)
{
	const char *why = weakness(secret);

	if (why != NULL) {
		fprintf(stderr,
		    "gestor: GESTOR_JWT_SECRET %s. Make one with\n"
		    "    openssl rand -base64 48 > jwt_secret && chmod 600 jwt_secret\n"
		    "and set GESTOR_JWT_SECRET_FILE to its path.\n",
		    why);
		return false;
	}
	if (*previous == '\0')
		return true;
	why =
	    strcmp(secret, previous) == 0 ? "is the same as GESTOR_JWT_SECRET" : weakness(previous);
	if (why == NULL)
		return true;
	fprintf(stderr,
	    "gestor: GESTOR_JWT_SECRET_PREVIOUS %s. It is the key that GESTOR_JWT_SECRET was "
	    "before, or is to be next; leave it out when no key is being rotated.\n",
	    why);
	return false;
}

/* What civetweb can listen on: an IPv4 address and a port. */
static bool
is_address(const char *listen, unsigned *ret_port)
{
	char host[INET_ADDRSTRLEN], rest;
	struct in_addr address;

	return sscanf(listen, "%15[0-9.]:%5u%c", host, ret_port, &rest) == 2 &&
	       inet_pton(AF_INET, host, &address) == 1 && *ret_port >= 1 && *ret_port <= 65535;
}

/* The port is what tells the listeners apart, so it cannot be the same on two addresses. */
static bool
metrics_listen_right(struct config *c)
{
	unsigned main_port, port;

	if (*c->metrics_listen == '\0')
		return true;
	if (is_address(c->listen, &main_port) && is_address(c->metrics_listen, &port) &&
	    port != main_port) {
		c->metrics_port = (int)port;
		return true;
	}
	fprintf(stderr, "gestor: GESTOR_METRICS_LISTEN must be an IPv4 address and a port that is "
			"not GESTOR_LISTEN's, such as 127.0.0.1:9464\n");
	return false;
}

int
config_load(struct config *ret_config, int need_secret)
{
	struct config c;
	bool right = true;
	unsigned port;

	memset(&c, 0, sizeof(c));
	for (size_t i = 0; i < NITEMS(texts); i++)
		right &=
		    find_text(&texts[i], (const char **)(void *)((char *)&c + texts[i].offset));
	for (size_t i = 0; i < NITEMS(numbers); i++)
		right &=
		    number_is_right(&numbers[i], (int *)(void *)((char *)&c + numbers[i].offset));
	if (right && (c.database_url == NULL || *c.database_url == '\0')) {
		fprintf(stderr, "gestor: DATABASE_URL is not set: postgresql://user@host/database, "
				"or DATABASE_URL_FILE, the path of a file that holds it\n");
		right = false;
	}
	if (right && strcmp(c.log_level, "debug") != 0 && strcmp(c.log_level, "info") != 0 &&
	    strcmp(c.log_level, "warn") != 0 && strcmp(c.log_level, "error") != 0) {
		fprintf(stderr, "gestor: GESTOR_LOG_LEVEL must be debug, info, warn or error\n");
		right = false;
	}
	if (right && !origin_list_valid(c.cors_origins)) {
		fprintf(stderr, "gestor: GESTOR_CORS_ORIGINS must be origins such as "
				"https://desk.example or http://localhost:3000, without a path, "
				"with commas between\n");
		right = false;
	}
	if (right && !address_list_valid(c.trusted_proxies)) {
		fprintf(stderr, "gestor: GESTOR_TRUSTED_PROXIES must be IPv4 addresses or blocks "
				"such as 10.0.0.5 or 10.0.0.0/24, with commas between\n");
		right = false;
	}
	if (right && !is_address(c.listen, &port)) {
		fprintf(stderr,
		    "gestor: GESTOR_LISTEN is %s and must be an IPv4 address and a port, 1 to "
		    "65535, "
		    "such as 127.0.0.1:8080\n",
		    c.listen);
		right = false;
	}
	if (right)
		right = metrics_listen_right(&c);
	if (right && need_secret)
		right = secrets_are_right(c.jwt_secret, c.jwt_secret_previous);
	if (!right)
		return -1;
	*ret_config = c;
	return 0;
}

void
config_help(void)
{
	printf("Environment:\n");
	for (size_t i = 0; i < NITEMS(texts); i++) {
		printf("  %-26s %s", texts[i].name, texts[i].help);
		if (texts[i].fallback != NULL)
			printf(" (%s)", texts[i].fallback[0] != '\0' ? texts[i].fallback : "none");
		if (texts[i].secret)
			printf("; or %s_FILE, a file that holds it", texts[i].name);
		putchar('\n');
	}
	for (size_t i = 0; i < NITEMS(numbers); i++)
		printf("  %-26s %s (%d; %d to %d)\n", numbers[i].name, numbers[i].help,
		    numbers[i].fallback, numbers[i].min, numbers[i].max);
}
