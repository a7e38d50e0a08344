#include "auth/permission.h"

#include <string.h>

#define RIGHT	   2
#define SEPARATORS ", "

static const struct {
	const char *name;
	int of[ROLES]; /* 1, 0 or RIGHT */
} table[] = {
#define P(NAME, name, advisor, supervisor, admin, integration)                                     \
	{ #name, { [ROLE_ADVISOR] = advisor,                                                       \
		     [ROLE_SUPERVISOR] = supervisor,                                               \
		     [ROLE_ADMIN] = admin,                                                         \
		     [ROLE_INTEGRATION] = integration } },
	PERMISSIONS(P)
#undef P
};

static const char *const role_names[] = {
	[ROLE_ADVISOR] = "advisor",
	[ROLE_INTEGRATION] = "integration",
	[ROLE_SUPERVISOR] = "supervisor",
	[ROLE_ADMIN] = "admin",
};

bool
role_named(const char *name, enum role *ret_role)
{
	for (size_t i = 0; i < NITEMS(role_names); i++) {
		if (strcmp(name, role_names[i]) == 0) {
			*ret_role = (enum role)i;
			return true;
		}
	}
	return false;
}

const char *
role_name(enum role role)
{
	return role_names[role];
}

unsigned
permissions_of(enum role role, unsigned rights)
{
	unsigned all = 0;

	for (size_t i = 0; i < NITEMS(table); i++) {
		if (table[i].of[role] == 1 ||
		    (table[i].of[role] == RIGHT && (rights & 1U << i) != 0))
			all |= 1U << i;
	}
	return all;
}

int
roles_with(unsigned permissions, enum role ret_roles[static ROLES])
{
	int n = 0;

	for (int role = 0; role < ROLES; role++) {
		if ((permissions & ~permissions_of((enum role)role, 0)) == 0)
			ret_roles[n++] = (enum role)role;
	}
	return n;
}

bool
rights_grantable(unsigned permissions)
{
	return (permissions & ~permissions_of(ROLE_INTEGRATION, permissions)) == 0;
}

static int
right_bit(const char *name, size_t length)
{
	for (size_t i = 0; i < NITEMS(table); i++) {
		if (table[i].of[ROLE_INTEGRATION] == RIGHT && strlen(table[i].name) == length &&
		    memcmp(table[i].name, name, length) == 0)
			return (int)i;
	}
	return -1;
}

bool
rights_named(const char *names, unsigned *ret_rights)
{
	unsigned rights = 0;

	for (const char *p = names + strspn(names, SEPARATORS); *p != '\0';
	     p += strspn(p, SEPARATORS)) {
		size_t length = strcspn(p, SEPARATORS);
		int bit = right_bit(p, length);

		if (bit < 0)
			return false;
		rights |= 1U << bit;
		p += length;
	}
	*ret_rights = rights;
	return true;
}

bool
scope_named(const char *names, unsigned *ret_permissions)
{
	unsigned named = 0;

	for (const char *p = names;; p++) {
		size_t length = strcspn(p, " "), i;

		for (i = 0; i < NITEMS(table); i++)
			if (strlen(table[i].name) == length &&
			    memcmp(table[i].name, p, length) == 0)
				break;
		if (i == NITEMS(table))
			return false;
		named |= 1U << i;
		p += length;
		if (*p == '\0')
			break;
	}
	*ret_permissions = named;
	return true;
}

unsigned
rights_all(void)
{
	unsigned all = 0;

	for (size_t i = 0; i < NITEMS(table); i++) {
		if (table[i].of[ROLE_INTEGRATION] == RIGHT)
			all |= 1U << i;
	}
	return all;
}

unsigned
rights_of_desk(void)
{
	return rights_all() & permissions_of(ROLE_ADVISOR, 0);
}

const char *
rights_text(unsigned rights, const char *between, char ret_text[static RIGHTS_SIZE])
{
	char *p = ret_text;

	*p = '\0';
	for (size_t i = 0; i < NITEMS(table); i++) {
		if ((rights & 1U << i) == 0 ||
		    (size_t)(p - ret_text) + strlen(between) + strlen(table[i].name) >= RIGHTS_SIZE)
			continue;
		p = stpcpy(stpcpy(p, p != ret_text ? between : ""), table[i].name);
	}
	return ret_text;
}
