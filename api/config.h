/*
 * config - the process's settings, read from the environment.
 *
 * The tables in config.c hold each setting's name, default, bounds and help text; `gestor --help`
 * prints them. A secret can be read from a file instead: NAME_FILE holds the file's path.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/base.h"

struct config {
	const char *database_url;
	const char *database_read_url; /* "": none */
	const char *jwt_secret;
	const char *jwt_secret_previous; /* "": none */
	const char *listen;
	const char *metrics_listen; /* "": /metrics is served on listen, too */
	int metrics_port; /* metrics_listen's port; 0: none */
	const char *log_level;
	const char *cors_origins;
	const char *trusted_proxies;
	const char *webhook_allow; /* a list of base/network.h; "": public addresses alone */
	const char *webhook_ca_file; /* "": the system's certification authorities */
	int threads;
	int pool_size;
	int pool_wait_ms;
	int query_timeout_ms;
	int read_lag_s; /* how old what a read replica shows may be */
	int request_timeout_ms;
	int keep_alive_ms;
	int body_max_bytes;
	int access_ttl_s;
	int refresh_ttl_s;
	int session_hours;
	int rate_advisor, rate_integration; /* requests a second; 0: any number */
	int sessions_max; /* live sessions of an account; 0: any number */
	int drain_ms;
	int drain_delay_ms;
	int check_ms;
	int guesses_per_hour;
	int retention_days;
	int audit_months; /* 0: the audit is kept for ever */
	int contacts_per_day; /* of one client; 0: any number */
	int event_days; /* how long events are kept */
	int event_waiters; /* requests of the feed that wait at the same time */
	int exports_max, export_max_s; /* at once in this process; the longest */
	int import_max_bytes; /* of a file */
	int import_days; /* how long the rows of a file are kept */
	int keys_max; /* stored answers of an account's Idempotency-Keys; 0: any number */
};

/*
 * config_load - reads and checks the environment; before any thread starts. The strings live as
 * long as the process.
 *
 * need_secret  not 0: GESTOR_JWT_SECRET is required; it and GESTOR_JWT_SECRET_PREVIOUS are checked
 * returns      0; or -1, after it printed each invalid setting and what is allowed to standard
 *              error; ret_config is then untouched
 */
int config_load(struct config *ret_config, int need_secret) MUSTCHECK;

/* config_help - prints all settings to standard output. */
void config_help(void);

#endif
