/*
 * permission - who may do what: the one table.
 *
 * A route names what it needs (http/routes.h); a token's bearer has what the
 * table gives to the role and, for integrations, what the account was given.
 */
#ifndef AUTH_PERMISSION_H
#define AUTH_PERMISSION_H

#include <stdbool.h>
#include "base/base.h"

enum role { ROLE_ADVISOR, ROLE_INTEGRATION, ROLE_SUPERVISOR, ROLE_ADMIN };
#define ROLES 4

/*
 * P(NAME, name, advisor, supervisor, admin, integration)
 * 1 always, 0 never, RIGHT if the account was given it by this name
 */
#define PERMISSIONS(P)                                                                             \
	P(SESSION, session, 1, 1, 1, 1) /* one's own session and password */                       \
	P(CATALOG_READ, catalog_read, 1, 1, 1, 1)                                                  \
	P(CLIENT_READ, client_read, 1, 1, 1, RIGHT)                                                \
	P(CLIENT_WRITE, client_write, 1, 1, 1, RIGHT)                                              \
	P(CONTACT_READ, contact_read, 1, 1, 1, RIGHT)                                              \
	P(CONTACT_WRITE, contact_write, 1, 1, 1, RIGHT)                                            \
	P(OPPORTUNITY_READ, opportunity_read, 1, 1, 1, RIGHT)                                      \
	P(OPPORTUNITY_WRITE, opportunity_write, 1, 1, 1, RIGHT) /* one's own */                    \
	P(OPPORTUNITY_WRITE_ALL, opportunity_write_all, 0, 1, 1, 0)                                \
	P(OPPORTUNITY_REOPEN, opportunity_reopen, 0, 1, 1, 0)                                      \
	P(AUDIT_READ, audit_read, 0, 1, 1, 0)                                                      \
	P(ADVISOR_MANAGE, advisor_manage, 0, 0, 1, 0)                                              \
	P(PERSONAL_DATA, personal_data, 1, 1, 1, RIGHT) /* seen in full: resource/personal.h */    \
	P(PRIVACY_MANAGE, privacy_manage, 0, 0, 1, 0)

enum permission_bit {
#define P(NAME, ...) BIT_##NAME,
	PERMISSIONS(P)
#undef P
	    PERMISSION_BITS
};
enum permission {
#define P(NAME, ...) MAY_##NAME = 1 << BIT_##NAME,
	PERMISSIONS(P)
#undef P
};

/* role_named - returns false when there is no such role. */
bool role_named(const char *name, enum role *ret_role);
const char *role_name(enum role role);

/* permissions_of - what the role may, and of an integration's rights those that there are. */
unsigned permissions_of(enum role role, unsigned rights);

/*
 * roles_with - the roles that have all these permissions by themselves, without rights given to the account.
 * returns how many, in the order of enum role
 */
int roles_with(unsigned permissions, enum role ret_roles[static ROLES]);

/* rights_grantable - whether an integration may be given every one of them. */
bool rights_grantable(unsigned permissions);

/*
 * rights_named - the rights of an integration, as names between blanks or commas.
 * returns false when one of them is not to be given
 */
bool rights_named(const char *names, unsigned *ret_rights);

/* rights_all - every right that an integration may be given. */
unsigned rights_all(void);

/*
 * rights_text - the names of permissions, in the order of the table.
 *
 * between   what joins them: " ", "," or ", "
 * ret_text  a buffer of RIGHTS_SIZE, which holds all of them; it is returned
 */
#define RIGHTS_SIZE 512
const char *rights_text(unsigned rights, const char *between, char ret_text[static RIGHTS_SIZE]);

#endif
