#include "serve.h"

#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/password.h"
#include "auth/revoked.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "auth/token.h"
#include "base/log.h"
#include "config.h"
#include "db/notify.h"
#include "db/pool.h"
#include "db/replica.h"
#include "event/feed.h"
#include "event/sender.h"
#include "event/target.h"
#include "housekeeping.h"
#include "http/check.h"
#include "http/reads.h"
#include "http/route.h"
#include "http/server.h"
#include "sign_outs.h"
#include "supervision.h"
#include "transfer/import_work.h"

static bool database_unfit; /* accessed with __atomic builtins */

/* Without a bound, glibc makes up to 8 heaps per core for the many threads. */
#define MALLOC_ARENAS 4
/* By default glibc gives back what lies free above 128 KB: a list's answer took eight calls of brk() for each request. In bytes, for each heap. */
#define MALLOC_KEPT (1 << 20)

static int
load_contract(void)
{
	char error[512];

	if (openapi_load(&check_names, error, sizeof(error)) != 0 ||
	    route_check(error, sizeof(error)) != 0 || reads_check(error, sizeof(error)) != 0) {
		fprintf(stderr, "gestor: openapi.yaml: %s\n", error);
		return -1;
	}
	return 0;
}

static void
set_log_level(const char *name)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (size_t i = 0; i < NITEMS(names); i++) {
		if (strcmp(names[i], name) == 0)
			log_set_level((enum log_level)i);
	}
}

/* serve_until_signal waits for these signals; threads that are created later inherit the mask. */
static void
block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Called by the pool's keeper thread when no connection to this database can be used. */
static void
stop_unfit(const char *why)
{
	fprintf(stderr, "gestor: %s\n", why);
	__atomic_store_n(&database_unfit, true, __ATOMIC_SEQ_CST);
	kill(getpid(), SIGTERM);
}

/* Returns the exit status. */
static int
serve_until_signal(struct app *app, const sigset_t *signals)
{
	const struct config *c = app->config;
	struct notify *notify = NULL;
	bool started, keeping, recording, watching, sending, importing;
	int sig = 0;

	app->pool = pool_start(&(struct pool_config){ .url = c->database_url,
	    .size = c->pool_size,
	    .wait_ms = c->pool_wait_ms,
	    .query_timeout_ms = c->query_timeout_ms,
	    .unfit = stop_unfit });
	if (app->pool == NULL)
		return 1;
	app->replica = replica_start(&(struct replica_config){ c->database_read_url, app->pool,
	    c->pool_size, c->pool_wait_ms, c->query_timeout_ms, c->read_lag_s * 1000 });
	if (app->replica == NULL) {
		pool_stop(app->pool);
		return 1;
	}
	keeping = housekeeping_start(app) == 0;
	if (keeping)
		notify = notify_start(c->database_url, c->check_ms, &sign_outs_handler, app);
	recording = reads_start(app) == 0;
	watching = feed_start(app) == 0;
	sending = sender_start(app) == 0;
	importing = import_work_start(app) == 0;
	/* The contract is loaded while the threads connect; each takes about as long. */
	started = notify != NULL && recording && watching && sending && importing &&
		  load_contract() == 0 && server_start(app) == 0;
	if (started && supervision_start(app) != 0) {
		fprintf(stderr, "gestor: cannot create the thread that notifies systemd\n");
		server_stop(app);
		started = false;
	}
	if (started) {
		log_msg(LOG_INFO, "serving on http://%s", c->listen);
		do {
			sigwait(signals, &sig);
		} while (sig == SIGHUP);
		supervision_stop();
		log_msg(LOG_INFO, "stopping");
		/* Receivers answer while requests in flight are served. */
		sender_end(c->drain_ms);
		server_stop(app);
	}
	if (sending && !started)
		sender_end(0);
	if (sending)
		sender_stop();
	/* No request is left whose read would have to be recorded. */
	if (recording)
		reads_stop(c->drain_ms);
	if (watching)
		feed_stop();
	/* All threads must end before exit(), whose handlers free what the libraries use. */
	if (notify != NULL)
		notify_stop(notify);
	if (keeping)
		housekeeping_stop();
	if (importing)
		import_work_stop();
	replica_stop(app->replica);
	pool_stop(app->pool);
	if (started)
		log_msg(LOG_INFO, "stopped");
	return started && !__atomic_load_n(&database_unfit, __ATOMIC_SEQ_CST) ? 0 : 1;
}

int
serve(void)
{
	static struct config config;
	static struct app app = { .config = &config };
	sigset_t signals;
	int status;

	if (config_load(&config, 1) != 0)
		return 2;
	set_log_level(config.log_level);
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	mallopt(M_MMAP_THRESHOLD, MALLOC_KEPT);
	mallopt(M_TRIM_THRESHOLD, MALLOC_KEPT);
	/* Before any thread starts: otherwise jansson sets its seed with the first object. */
	json_object_seed(0);
	if (password_init() != 0 ||
	    token_init(config.jwt_secret, config.jwt_secret_previous) != 0) {
		fprintf(stderr, "gestor: libsodium or libjwt cannot be initialized\n");
		return 1;
	}
	if (target_init(config.webhook_allow, config.webhook_ca_file) != 0) {
		fprintf(stderr, "gestor: libcurl cannot be initialized\n");
		return 1;
	}
	secret_init(config.jwt_secret, config.jwt_secret_previous);
	revoked_init(config.access_ttl_s);
	throttle_init();
	block_signals(&signals);
	if (password_serve(config.threads / 2) != 0 || log_start() != 0) {
		fprintf(stderr, "gestor: cannot create the threads for passwords and the log\n");
		return 1;
	}
	status = serve_until_signal(&app, &signals);
	log_stop();
	return status;
}
