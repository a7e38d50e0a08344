/*
 * claims - what an access token says of its bearer.
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
	unsigned rights; /* of an integration */
	bool must_change; /* the password, before anything else */
	int64_t
	    epoch; /* the account's when the session began; -1: the token of a version before says none */
	int64_t issued, expires; /* seconds since 1970 */
};

#endif
