#include "event/secrets.h"

#include "auth/secret.h"
#include "base/log.h"
#include "db/query.h"
#include "sql.h"

static bool
renew(struct pool *pool, const char *webhook, const char *stored)
{
	char token[SECRET_TOKEN_SIZE], anew[SECRET_ENCRYPTED_SIZE];
	const struct call call = { &sql_webhook_secret_renew, { webhook, stored, anew } };
	auto_result struct result *none = NULL;
	struct db_error error;

	if (stored == NULL || secret_is_current(stored))
		return true;
	if (!secret_decrypt(stored, token)) {
		log_msg(LOG_ERROR,
		    "webhook %s: its secret was encrypted with a key that is no longer known; "
		    "rotate the secret",
		    webhook);
		return true;
	}
	secret_encrypt(token, anew);
	return db_run(pool, &call, 1, &none, &error) == DB_OK;
}

bool
secrets_renew(struct pool *pool)
{
	const struct call call = { &sql_webhook_secrets, { NULL } };
	auto_result struct result *rows = NULL;
	struct db_error error;
	bool done;

	if (db_run(pool, &call, 1, &rows, &error) != DB_OK)
		return false;
	done = true;
	for (int i = 0; i < result_rows(rows); i++) {
		const char *webhook = result_text(rows, i, 0);

		done &= renew(pool, webhook, result_text(rows, i, 1));
		done &= renew(pool, webhook, result_text(rows, i, 2));
	}
	return done;
}
