#include "http/server.h"

#include <civetweb.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/tested.h"
#include "config.h"
#include "http/exchange.h"
#include "http/interpose.h"
#include "http/request.h"
#include "http/stream.h"

static struct mg_context *context;

/* ------------------------------------------------------ civetweb's callbacks */

static void *
init_thread(const struct mg_context *ctx, int thread_type)
{
	(void)ctx;
	(void)thread_type;
	interpose_thread();
	return NULL;
}

static int
init_connection(const struct mg_connection *conn, void **ret_data)
{
	(void)conn;
	(void)ret_data;
	connection_begun();
	return 0;
}

static int
log_message(const struct mg_connection *conn, const char *message)
{
	(void)conn;
	log_msg(LOG_DEBUG, "civetweb: %s", message);
	return 1;
}

/* ------------------------------------------------------------ start and stop */

#define NUMBER_SIZE 16
#define NUMBER(name, value)                                                                        \
	char name[NUMBER_SIZE];                                                                    \
	snprintf(name, sizeof(name), "%d", value)

static int
in_flight(const struct app *app)
{
	return __atomic_load_n(&app->in_flight, __ATOMIC_SEQ_CST);
}

int
server_start(struct app *app)
{
	const struct config *c = app->config;
	const struct mg_callbacks callbacks = { .begin_request = exchange_request,
		.http_error = exchange_refused,
		.init_thread = init_thread,
		.init_connection = init_connection,
		.connection_close = exchange_dropped,
		.log_message = log_message };
	char ports[64], error[256] = "";
	struct mg_error_data error_data = { .text = error, .text_buffer_size = sizeof(error) };
	struct mg_init_data init = { .callbacks = &callbacks, .user_data = app };

	NUMBER(threads, c->threads);
	NUMBER(request_timeout, c->request_timeout_ms);
	NUMBER(keep_alive, c->keep_alive_ms);
	NUMBER(buffer, EXCHANGE_BUFFER_BYTES);
	const char *options[] = { "listening_ports", ports, "num_threads", threads,
		"request_timeout_ms", request_timeout, "enable_keep_alive", "yes",
		"keep_alive_timeout_ms", keep_alive, "max_request_size", buffer, "tcp_nodelay", "1",
		"decode_url", "no", "connection_queue", "256", "listen_backlog", "1024",
		"access_control_allow_origin", "", "access_control_allow_methods", "",
		"enable_auth_domain_check", "no", "enable_directory_listing", "no", NULL };

	snprintf(ports, sizeof(ports), "%s%s%s", c->listen, c->metrics_port != 0 ? "," : "",
	    c->metrics_listen);
	init.configuration_options = options;
	if (interpose_start(c->request_timeout_ms) != 0) {
		perror("gestor");
		return -1;
	}
	tested_warn("civetweb", mg_version());
	mg_init_library(0);
	context = mg_start2(&init, &error_data);
	if (context == NULL) {
		fprintf(stderr,
		    "gestor: cannot serve on %s: %s (is the address in use? GESTOR_LISTEN "
		    "chooses another)\n",
		    ports, *error != '\0' ? error : "it cannot be bound");
		return -1;
	}
	return 0;
}

void
server_stop(struct app *app)
{
	int64_t until;

	/* The load balancer polls readiness, and sends requests until it sees that this process stops. */
	__atomic_store_n(&app->draining, true, __ATOMIC_SEQ_CST);
	usleep((useconds_t)app->config->drain_delay_ms * 1000);
	/* New requests are refused from here on, so the number in flight can only fall. */
	__atomic_store_n(&app->ending, true, __ATOMIC_SEQ_CST);
	until = clock_ms() + app->config->drain_ms;
	/* A stream may be long. It ends before the rest of the time is over, in which its transaction ends and its client is told. */
	stream_cut_at(clock_ms() + app->config->drain_ms * 3 / 4);
	while (in_flight(app) > 0 && clock_ms() < until)
		usleep(2000);
	if (in_flight(app) > 0)
		log_msg(LOG_WARN, "stopping with requests in flight: GESTOR_DRAIN_MS is over");
	interpose_stop();
	mg_stop(context);
	mg_exit_library();
}
