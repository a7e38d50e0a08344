/*
 * claims - the claims of an access token (RFC 7519).
 */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>
#include "auth/permission.h"

struct claims {
	int64_t advisor_id;
	int64_t session_id;
	enum role role;
	unsigned rights; /* granted to an integration; else 0 */
	bool must_change; /* the user must change the password before anything else */
	int64_t epoch; /* the account's at the start of the session; -1: none (older versions) */
	int64_t issued, expires; /* Unix time */
};

#endif
