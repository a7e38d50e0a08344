/*
 * target - where a webhook may send: which URLs are accepted, and connections to them alone.
 *
 * An account names URLs that the service then connects to (server-side request forgery). So a URL is checked when it is given, and
 * each address in the moment when a socket to it is opened: that is the address which libcurl then connects to, however often a
 * name resolves to another one. Addresses must be public, or within GESTOR_WEBHOOK_ALLOW, which also allows plain http.
 * source   OWASP, Server-Side Request Forgery Prevention; libcurl-security(3)
 */
#ifndef EVENT_TARGET_H
#define EVENT_TARGET_H

#include <curl/curl.h>
#include <stdbool.h>
#include "base/base.h"

enum target_fault {
	TARGET_FINE,
	TARGET_MALFORMED,
	TARGET_SCHEME, /* not https, nor http to an allowed address */
	TARGET_USERINFO, /* user or password in the URL */
	TARGET_HOST, /* a number in another form than 192.0.2.1, a trailing dot, a zone, other characters */
	TARGET_PORT,
	TARGET_FRAGMENT,
	TARGET_ADDRESS /* not public */
};

/* What the connections of one transfer are checked with; lives as long as its easy handle. */
struct target_guard {
	bool http; /* plain http */
	bool probe; /* connect to nothing, only check */
	bool refused; /* an address was refused */
};

/*
 * target_init - before any thread starts.
 * allow    blocks whose addresses are accepted though they are not public (base/network.h): a valid list
 * ca_file  the certification authorities that are believed, in PEM; "": the system's
 * returns  -1: libcurl cannot be used
 */
int target_init(const char *allow, const char *ca_file) MUSTCHECK;

/*
 * target_check - checks a URL. Its name is resolved, for at most 2 s; a name that cannot be resolved now is accepted, because each
 * attempt checks the address again. Asks no database.
 */
enum target_fault target_check(const char *url);

/*
 * target_prepare - sets everything of an easy handle that concerns where and how it connects: the guard, protocols, TLS, no
 * proxy, no redirect, no credentials, no cookies.
 */
void target_prepare(CURL *easy, struct target_guard *guard, const char *url);

#endif
