/*
 * config - the process's settings, from the environment.
 *
 * One table (config.c) of name, default, bounds and help; `gestor --help`
 * prints it. Secrets may stand in a file instead: NAME_FILE gives its path.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/base.h"

struct config {
	const char *database_url;
	const char *jwt_secret;
	const char *jwt_secret_previous; /* "": none */
	const char *listen;
	const char *metrics_listen; /* "": /metrics is served where all else is */
	int metrics_port; /* of it; 0: none */
	const char *log_level;
	const char *cors_origins;
	const char *trusted_proxies;
	int threads;
	int pool_size;
	int pool_wait_ms;
	int query_timeout_ms;
	int request_timeout_ms;
	int keep_alive_ms;
	int body_max_bytes;
	int access_ttl_s;
	int refresh_ttl_s;
	int session_hours;
	int rate_advisor, rate_integration; /* requests a second; 0: any number */
	int sessions_max; /* 0: as many as are begun */
	int drain_ms;
	int drain_delay_ms;
	int check_ms;
	int guesses_per_hour;
	int retention_days;
	int contacts_per_day; /* of a client, at the desk; 0: any number */
	int keys_max; /* answers that an account keeps for Idempotency-Keys; 0: any number */
};

/*
 * config_load - reads the environment.
 *
 * need_secret  also require and check GESTOR_JWT_SECRET, and check the previous one
 * returns      0; or -1 after saying on standard error, for every setting that
 *              is wrong, what it is and what is allowed
 */
int config_load(struct config *ret_config, int need_secret) MUSTCHECK;

/* config_help - prints the table. */
void config_help(void);

#endif
