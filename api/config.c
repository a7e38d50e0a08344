#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/network.h"
#include "base/origin.h"

/* RFC 7518, 3.2: a key for HS256 must be at least as long as the hash. */
#define SECRET_BYTES_MIN 32
/* Even 32 random hex digits nearly always contain more distinct characters. */
#define SECRET_DISTINCT_MIN 10
#define FILE_BYTES_MAX	    4096

struct text_setting {
	const char *name;
	const char *fallback; /* NULL: no default */
	size_t offset;
	bool secret; /* can be read from the file that NAME_FILE names */
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
	{ "DATABASE_READ_URL", "", AT(database_read_url), true,
	    "the same of streaming standbys, which then serve exports and the audit's lists" },
	{ "GESTOR_JWT_SECRET", NULL, AT(jwt_secret), true,
	    "key that signs access tokens, 32 bytes or more" },
	{ "GESTOR_JWT_SECRET_PREVIOUS", "", AT(jwt_secret_previous), true,
	    "second key, which is accepted and signs nothing, while keys are rotated" },
	{ "GESTOR_LISTEN", "127.0.0.1:8080", AT(listen), false,
	    "IPv4 address and port to serve on" },
	{ "GESTOR_METRICS_LISTEN", "", AT(metrics_listen), false,
	    "IPv4 address and port for /metrics, which GESTOR_LISTEN then serves no longer" },
	{ "GESTOR_LOG_LEVEL", "info", AT(log_level), false, "debug, info, warn or error" },
	{ "GESTOR_CORS_ORIGINS", "", AT(cors_origins), false,
	    "origins whose pages may call the API, separated by commas: https://desk.example" },
	{ "GESTOR_TRUSTED_PROXIES", "", AT(trusted_proxies), false,
	    "proxies whose X-Forwarded-For is believed: IPv4 addresses or blocks, separated by "
	    "commas" },
	{ "GESTOR_WEBHOOK_ALLOW", "", AT(webhook_allow), false,
	    "addresses or blocks, separated by commas, to which webhooks may send though they are "
	    "not "
	    "public, and by http too" },
	{ "GESTOR_WEBHOOK_CA_FILE", "", AT(webhook_ca_file), false,
	    "PEM file of the certification authorities that webhooks believe, in place of the "
	    "system's" },
};

static const struct number_setting numbers[] = {
	/* Each connection, also an idle one, occupies a thread, which costs about 30 KB of memory. */
	{ "GESTOR_THREADS", 512, 4, 10000, AT(threads),
	    "threads, which is the number of simultaneous client connections" },
	{ "GESTOR_POOL_SIZE", 4, 1, 100, AT(pool_size),
	    "database connections; about twice the cores" },
	{ "GESTOR_POOL_WAIT_MS", 2000, 1, 60000, AT(pool_wait_ms),
	    "longest wait for a database connection, then 503; at once if the expected wait is too "
	    "long" },
	{ "GESTOR_QUERY_TIMEOUT_MS", 5000, 100, 600000, AT(query_timeout_ms),
	    "longest time for all statements of a request, including the wait for a connection, "
	    "then 503" },
	{ "GESTOR_READ_LAG_S", 10, 1, 86400, AT(read_lag_s),
	    "how far a standby of DATABASE_READ_URL may be behind, then the primary is asked" },
	{ "GESTOR_REQUEST_TIMEOUT_MS", 10000, 100, 600000, AT(request_timeout_ms),
	    "longest time for a request's head, and for its body" },
	{ "GESTOR_KEEP_ALIVE_MS", 60000, 0, 3600000, AT(keep_alive_ms),
	    "how long an idle connection is kept" },
	{ "GESTOR_BODY_MAX_BYTES", 65536, 1024, 1048576, AT(body_max_bytes),
	    "largest request body" },
	{ "GESTOR_ACCESS_TTL_S", 900, 30, 3600, AT(access_ttl_s), "life of an access token" },
	{ "GESTOR_REFRESH_TTL_S", 43200, 60, 2592000, AT(refresh_ttl_s),
	    "life of a refresh token" },
	{ "GESTOR_SESSION_HOURS", 24, 1, 720, AT(session_hours),
	    "life of a session, including renewals" },
	{ "GESTOR_RATE_ADVISOR", 200, 0, 1000000, AT(rate_advisor),
	    "requests a second of a person's account, over 10 s, then 429; 0: any number" },
	{ "GESTOR_RATE_INTEGRATION", 500, 0, 1000000, AT(rate_integration),
	    "the same of an integration's account" },
	{ "GESTOR_SESSIONS_MAX", 100, 0, 10000, AT(sessions_max),
	    "live sessions of an account; one more sign-in ends the session that was renewed "
	    "longest ago; 0: no bound" },
	{ "GESTOR_DRAIN_MS", 10000, 0, 600000, AT(drain_ms),
	    "longest wait for requests in flight when stopping" },
	{ "GESTOR_DRAIN_DELAY_MS", 0, 0, 600000, AT(drain_delay_ms),
	    "how long before that /readyz answers 503 while requests are still served" },
	{ "GESTOR_CHECK_MS", 5000, 100, 600000, AT(check_ms),
	    "how often catalogues and sign-outs are reloaded even without a notification" },
	{ "GESTOR_GUESSES_PER_HOUR", 60, 0, 1000000, AT(guesses_per_hour),
	    "how many numbers that belong to no client an account without the right "
	    "personal_data may search or register in an hour, then 429; 0: any number" },
	{ "GESTOR_RETENTION_DAYS", 0, 0, 36500, AT(retention_days),
	    "days without any activity of a client after which `gestor purge` erases the client's "
	    "personal data; 0: never" },
	{ "GESTOR_AUDIT_MONTHS", 0, 0, 1200, AT(audit_months),
	    "months after which `gestor purge` drops the audit and the record of reads; 0: never" },
	{ "GESTOR_CONTACTS_PER_DAY", 50, 0, 1000000, AT(contacts_per_day),
	    "contacts of one client on a day, then 409; 0: any number" },
	{ "GESTOR_EVENT_DAYS", 30, 1, 3650, AT(event_days),
	    "days after which `gestor purge` drops events; a reader who is further behind gets "
	    "410" },
	{ "GESTOR_EVENT_WAITERS", 32, 0, 1000, AT(event_waiters),
	    "requests for events that wait for the next one at the same time, each with a thread "
	    "of its "
	    "own; others are answered at once" },
	{ "GESTOR_EXPORTS_MAX", 2, 0, 100, AT(exports_max),
	    "exports at once in this process, each with a database connection of its own, then "
	    "503" },
	{ "GESTOR_EXPORT_MAX_S", 3600, 1, 86400, AT(export_max_s), "longest time for an export" },
	{ "GESTOR_IMPORT_MAX_BYTES", 1073741824, 1024, 2147483647, AT(import_max_bytes),
	    "largest file of an import" },
	{ "GESTOR_IMPORT_DAYS", 7, 0, 3650, AT(import_days),
	    "days after an import's end for which its rows are kept, for its report" },
	{ "GESTOR_KEYS_MAX", 20000, 0, 100000000, AT(keys_max),
	    "answers stored for an account's Idempotency-Keys in 24 hours, then 429; 0: any "
	    "number" },
};

/* Reads the file's first line into text. Returns NULL, or why it cannot be read. */
static const char *
read_first_line(const char *path, char text[static FILE_BYTES_MAX])
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

/*
 * Returns false after printing why the file cannot be read. *ret_value is NULL when neither the
 * setting nor a default exists.
 */
static bool
text_valid(const struct text_setting *s, const char **ret_value)
{
	static char lines[NITEMS(texts)][FILE_BYTES_MAX];
	const char *value = getenv(s->name), *path = NULL, *why;
	char file_name[64];

	snprintf(file_name, sizeof(file_name), "%s_FILE", s->name);
	if (s->secret)
		path = getenv(file_name);
	*ret_value = s->fallback;
	if (value != NULL && *value != '\0') {
		*ret_value = value;
	} else if (path != NULL && *path != '\0') {
		why = read_first_line(path, lines[s - texts]);
		if (why != NULL) {
			fprintf(stderr, "gestor: %s: cannot read %s: %s\n", file_name, path, why);
			return false;
		}
		*ret_value = lines[s - texts];
	}
	return true;
}

static bool
number_valid(const struct number_setting *s, int *ret_value)
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

/* Returns why the secret is refused; NULL: it is accepted. */
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
			why = "has too few different characters";
		else if (strcasestr(secret, "changeme") != NULL ||
			 strcasestr(secret, "secret") != NULL ||
			 strcasestr(secret, "password") != NULL)
			why = "looks like a placeholder";
	}
	return why;
}

static bool
secrets_valid(const char *secret, const char *previous)
{
	const char *why = weakness(secret);

	if (why != NULL) {
		fprintf(stderr,
		    "gestor: GESTOR_JWT_SECRET %s. Create one with\n"
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
	    "gestor: GESTOR_JWT_SECRET_PREVIOUS %s. It holds the former or the next value of "
	    "GESTOR_JWT_SECRET while the key is rotated; leave it out otherwise.\n",
	    why);
	return false;
}

/* civetweb is given an IPv4 address and a port. */
static bool
listen_valid(const char *listen, unsigned *ret_port)
{
	char host[INET_ADDRSTRLEN], rest;
	struct in_addr address;

	return sscanf(listen, "%15[0-9.]:%5u%c", host, ret_port, &rest) == 2 &&
	       inet_pton(AF_INET, host, &address) == 1 && *ret_port >= 1 && *ret_port <= 65535;
}

/* The server tells its two listeners apart by their ports, so the ports must differ. */
static bool
metrics_listen_valid(struct config *c)
{
	unsigned main_port, port;

	if (*c->metrics_listen == '\0')
		return true;
	if (listen_valid(c->listen, &main_port) && listen_valid(c->metrics_listen, &port) &&
	    port != main_port) {
		c->metrics_port = (int)port;
		return true;
	}
	fprintf(stderr, "gestor: GESTOR_METRICS_LISTEN must be an IPv4 address and a port that is "
			"not GESTOR_LISTEN's, such as 127.0.0.1:9464\n");
	return false;
}

static bool
webhooks_valid(const struct config *c)
{
	struct network networks[NETWORKS_MAX];

	if (network_list_read(c->webhook_allow, networks) < 0) {
		fprintf(stderr,
		    "gestor: GESTOR_WEBHOOK_ALLOW must be IPv4 or IPv6 addresses or blocks "
		    "such as 10.0.0.0/8 or fd00::/8, separated by commas, 64 at most\n");
		return false;
	}
	if (*c->webhook_ca_file != '\0' && access(c->webhook_ca_file, R_OK) != 0) {
		fprintf(stderr, "gestor: GESTOR_WEBHOOK_CA_FILE: cannot read %s: %s\n",
		    c->webhook_ca_file, strerror(errno));
		return false;
	}
	return true;
}

int
config_load(struct config *ret_config, int need_secret)
{
	struct config c;
	bool valid = true;
	unsigned port;

	memset(&c, 0, sizeof(c));
	for (size_t i = 0; i < NITEMS(texts); i++)
		valid &=
		    text_valid(&texts[i], (const char **)(void *)((char *)&c + texts[i].offset));
	for (size_t i = 0; i < NITEMS(numbers); i++)
		valid &= number_valid(&numbers[i], (int *)(void *)((char *)&c + numbers[i].offset));
	if (valid && (c.database_url == NULL || *c.database_url == '\0')) {
		fprintf(stderr, "gestor: DATABASE_URL is not set: postgresql://user@host/database, "
				"or DATABASE_URL_FILE, the path of a file that holds it\n");
		valid = false;
	}
	if (valid && strcmp(c.log_level, "debug") != 0 && strcmp(c.log_level, "info") != 0 &&
	    strcmp(c.log_level, "warn") != 0 && strcmp(c.log_level, "error") != 0) {
		fprintf(stderr, "gestor: GESTOR_LOG_LEVEL must be debug, info, warn or error\n");
		valid = false;
	}
	if (valid && !origin_list_valid(c.cors_origins)) {
		fprintf(stderr, "gestor: GESTOR_CORS_ORIGINS must be origins such as "
				"https://desk.example or http://localhost:3000, without a path, "
				"separated by commas\n");
		valid = false;
	}
	if (valid && !address_list_valid(c.trusted_proxies)) {
		fprintf(stderr, "gestor: GESTOR_TRUSTED_PROXIES must be IPv4 addresses or blocks "
				"such as 10.0.0.5 or 10.0.0.0/24, separated by commas\n");
		valid = false;
	}
	if (valid)
		valid = webhooks_valid(&c);
	if (valid && !listen_valid(c.listen, &port)) {
		fprintf(stderr,
		    "gestor: GESTOR_LISTEN is %s and must be an IPv4 address and a port (1 to "
		    "65535), such as 127.0.0.1:8080\n",
		    c.listen);
		valid = false;
	}
	if (valid)
		valid = metrics_listen_valid(&c);
	if (valid && need_secret)
		valid = secrets_valid(c.jwt_secret, c.jwt_secret_previous);
	if (!valid)
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
			printf("; or %s_FILE, the path of a file that contains it", texts[i].name);
		putchar('\n');
	}
	for (size_t i = 0; i < NITEMS(numbers); i++)
		printf("  %-26s %s (%d; %d to %d)\n", numbers[i].name, numbers[i].help,
		    numbers[i].fallback, numbers[i].min, numbers[i].max);
}
