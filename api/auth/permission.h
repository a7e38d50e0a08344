/*
 * permission - the table of permissions by role.
 *
 * A route names the permissions that it needs (http/routes.h). An account has
 * those that the table gives to its role; an integration also has the rights
 * that an administrator granted to the account. Safe from any thread.
 */
#ifndef AUTH_PERMISSION_H
#define AUTH_PERMISSION_H

#include <stdbool.h>
#include "base/base.h"

enum role { ROLE_ADVISOR, ROLE_INTEGRATION, ROLE_SUPERVISOR, ROLE_ADMIN };
#define ROLES 4

/*
 * P(NAME, name, advisor, supervisor, admin, integration)
 * 1: always; 0: never; RIGHT: only if granted to the account, by this name
 */
#define PERMISSIONS(P)                                                                             \
	P(SESSION, session, 1, 1, 1, 1) /* the account's own */                                    \
	P(CATALOG_READ, catalog_read, 1, 1, 1, 1)                                                  \
	P(CATALOG_REVIEW, catalog_review, 0, 1, 1, 0) /* usage and history */                      \
	P(CATALOG_MANAGE, catalog_manage, 0, 0, 1, 0)                                              \
	P(CLIENT_READ, client_read, 1, 1, 1, RIGHT)                                                \
	P(CLIENT_WRITE, client_write, 1, 1, 1, RIGHT)                                              \
	P(CONTACT_READ, contact_read, 1, 1, 1, RIGHT)                                              \
	P(CONTACT_WRITE, contact_write, 1, 1, 1, RIGHT)                                            \
	P(OPPORTUNITY_READ, opportunity_read, 1, 1, 1, RIGHT)                                      \
	P(OPPORTUNITY_WRITE, opportunity_write, 1, 1, 1, RIGHT) /* its own ones */                 \
	P(OPPORTUNITY_WRITE_ALL, opportunity_write_all, 0, 1, 1, 0)                                \
	P(OPPORTUNITY_REOPEN, opportunity_reopen, 0, 1, 1, 0)                                      \
	P(DESK_REVIEW, desk_review, 0, 1, 1, 0) /* lists over all clients, calls and accounts */   \
	P(AUDIT_READ, audit_read, 0, 1, 1, 0)                                                      \
	P(ADVISOR_MANAGE, advisor_manage, 0, 0, 1, 0)                                              \
	P(PERSONAL_DATA, personal_data, 1, 1, 1, RIGHT) /* unmasked: resource/personal.h */        \
	P(PRIVACY_MANAGE, privacy_manage, 0, 0, 1, 0)                                              \
	P(EVENTS, events, 0, 0, 1, RIGHT) /* the feed */                                           \
	P(WEBHOOKS, webhooks, 0, 0, 1, RIGHT) /* an integration: its own ones */                   \
	P(IMPORT, import, 0, 0, 1, RIGHT)                                                          \
	P(EXPORT, export, 0, 1, 1, RIGHT)                                                          \
	P(CONSENT, consent, 0, 1, 1, RIGHT) /* answers that were given outside a call */           \
	P(REPORTS, reports, 0, 1, 1, RIGHT)                                                        \
	P(ON_BEHALF, on_behalf, 0, 0, 0, RIGHT) /* saves calls for advisors, at the calls' time */

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

/* role_named - finds a role by its name ("advisor"). Returns false when there is none. */
bool role_named(const char *name, enum role *ret_role);
const char *role_name(enum role role);

/* permissions_of - returns the bits (MAY_...) of the role, and the granted rights of an integration. */
unsigned permissions_of(enum role role, unsigned rights);

/*
 * roles_with - lists the roles that always have all these permissions, in the order of enum role.
 * returns their number
 */
int roles_with(unsigned permissions, enum role ret_roles[static ROLES]);

/* rights_grantable - returns whether an integration always has, or can be granted, all of them. */
bool rights_grantable(unsigned permissions);

/*
 * rights_named - reads an integration's rights from names separated by blanks or commas.
 * returns false when a name is unknown or cannot be granted
 */
bool rights_named(const char *names, unsigned *ret_rights);

/*
 * scope_named - reads permissions from names with one blank between (RFC 6749, 3.3).
 * returns false when a name is unknown
 */
bool scope_named(const char *names, unsigned *ret_permissions);

/* rights_all - returns every right that can be granted to an integration. */
unsigned rights_all(void);

/* rights_of_desk - returns the rights to do what an advisor does: the default of an integration. */
unsigned rights_of_desk(void);

/*
 * rights_text - writes the names of permissions, in the order of the table, and returns ret_text.
 *
 * between   the separator: " ", "," or ", "
 * ret_text  RIGHTS_SIZE bytes, which hold all names
 */
#define RIGHTS_SIZE 512
const char *rights_text(unsigned rights, const char *between, char ret_text[static RIGHTS_SIZE]);

#endif
