#include "event/target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/network.h"

#define RESOLVE_MS	2000
#define CONNECT_MS	10000
#define HOST_MAX	253
#define PRIVILEGED_PORT 1024 /* below: other services than receivers */
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define SYSTEM_CAS	"/etc/ssl/certs/ca-certificates.crt"

/* Set before any thread starts. */
static struct {
	struct network allow[NETWORKS_MAX];
	int nallow;
	const char *ca_file;
} self;

int
target_init(const char *allow, const char *ca_file)
{
	self.nallow = network_list_read(allow, self.allow);
	self.ca_file = *ca_file != '\0' ? ca_file : SYSTEM_CAS;
	return self.nallow >= 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static bool
address_accepted(const struct sockaddr *address, bool http)
{
	return network_list_has(self.allow, self.nallow, address) ||
	       (!http && network_public(address));
}

/* libcurl calls this with the address that it is about to connect to. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct target_guard *guard = arg;

	(void)purpose;
	if (!address_accepted(&address->addr, guard->http)) {
		guard->refused = true;
		return CURL_SOCKET_BAD;
	}
	if (guard->probe)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void
target_prepare(CURL *easy, struct target_guard *guard, const char *url)
{
	guard->http = strncasecmp(url, "http:", sizeof("http:") - 1) == 0;
	guard->refused = false;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, guard);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, guard->http ? "http" : "https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	/* An empty name also keeps the proxies of the environment away. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* libcurl keeps the parsed file for all connections, but only if no directory is set beside it. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CAINFO, self.ca_file);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	/* A transfer that ends while its name is being resolved does not wait for the resolver's thread. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
}

/* Whether the last label is a number, so that resolvers may take the host for an IPv4 address. */
static bool
numeric(const char *host)
{
	const char *label = strrchr(host, '.');

	label = label != NULL ? label + 1 : host;
	if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
		return true;
	return *label != '\0' && strspn(label, "0123456789") == strlen(label);
}

/* text: the URL from its host on, as it was given. libcurl has decoded and normalised `host`. */
static bool
host_valid(const char *host, const char *text)
{
	unsigned char address[16];
	char literal[INET6_ADDRSTRLEN];
	size_t length = strlen(host);

	if (length == 0 || length > HOST_MAX || strncasecmp(text, host, length) != 0 ||
	    strchr(":/?#", text[length]) == NULL)
		return false;
	if (host[0] == '[') {
		if (length - 2 >= sizeof(literal) || host[length - 1] != ']')
			return false;
		memcpy(literal, host + 1, length - 2);
		literal[length - 2] = '\0';
		return inet_pton(AF_INET6, literal, address) == 1;
	}
	if (host[length - 1] == '.' || strspn(host, HOST_CHARACTERS) != length)
		return false;
	return !numeric(host) || inet_pton(AF_INET, host, address) == 1;
}

static enum target_fault
parts_check(CURLU *parsed, const char *url)
{
	char *host = NULL, *port = NULL, *scheme = NULL, *other = NULL;
	enum target_fault fault = TARGET_MALFORMED;
	long number;

	if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		number = strtol(port, NULL, 10);
		/* libcurl's is in small letters, and so is what the table takes. */
		if (strncmp(url, scheme, strlen(scheme)) != 0 ||
		    (strcmp(scheme, "https") != 0 &&
			(strcmp(scheme, "http") != 0 || self.nallow == 0)))
			fault = TARGET_SCHEME;
		else if (curl_url_get(parsed, CURLUPART_ZONEID, &other, 0) == CURLUE_OK ||
			 !host_valid(host, url + strlen(scheme) + strlen("://")))
			fault = TARGET_HOST;
		else if (number < PRIVILEGED_PORT && number != 443 && number != 80)
			fault = TARGET_PORT;
		else if (curl_url_get(parsed, CURLUPART_FRAGMENT, &other, 0) == CURLUE_OK)
			fault = TARGET_FRAGMENT;
		else
			fault = TARGET_FINE;
	}
	curl_free(host);
	curl_free(port);
	curl_free(scheme);
	curl_free(other);
	return fault;
}

static enum target_fault
text_check(const char *url)
{
	CURLU *parsed = curl_url();
	enum target_fault fault;
	CURLUcode code;

	if (parsed == NULL)
		abort();
	code = curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER);
	switch (code) {
	case CURLUE_OK:
		fault = parts_check(parsed, url);
		break;
	case CURLUE_USER_NOT_ALLOWED:
		fault = TARGET_USERINFO;
		break;
	case CURLUE_UNSUPPORTED_SCHEME:
		fault = TARGET_SCHEME;
		break;
	case CURLUE_BAD_PORT_NUMBER:
		fault = TARGET_PORT;
		break;
	case CURLUE_BAD_HOSTNAME:
	case CURLUE_BAD_IPV6:
	case CURLUE_NO_HOST:
		fault = TARGET_HOST;
		break;
	default:
		fault = TARGET_MALFORMED;
	}
	curl_url_cleanup(parsed);
	return fault;
}

/* Resolves the name as an attempt would, and has each of its addresses checked; connects to none. */
static bool
addresses_accepted(const char *url)
{
	struct target_guard guard = { .probe = true };
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		abort();
	target_prepare(easy, &guard, url);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)RESOLVE_MS);
	(void)curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	return !guard.refused;
}

enum target_fault
target_check(const char *url)
{
	enum target_fault fault = text_check(url);

	if (fault == TARGET_FINE && !addresses_accepted(url))
		return TARGET_ADDRESS;
	return fault;
}
