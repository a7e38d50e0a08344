#include "base/tested.h"

#include <stddef.h>
#include <string.h>

#include "base/base.h"
#include "base/log.h"

/* Debian 12's and Debian 13's. Of libpq and PostgreSQL the major version counts: minor ones mend faults alone. */
static const struct {
	const char *name;
	const char *versions[2];
} components[] = {
	{ "civetweb", { "1.15", "1.16" } },
	{ "libpq", { "15", "17" } },
	{ "PostgreSQL", { "15", "17" } },
};

/* version is `tested`, or more exact: 15.18 is 15, and 150 is not. */
static bool
is_version(const char *version, const char *tested)
{
	size_t n = strlen(tested);

	return strncmp(version, tested, n) == 0 && (version[n] == '\0' || version[n] == '.');
}

bool
tested_with(const char *name, const char *version)
{
	for (size_t i = 0; i < NITEMS(components); i++) {
		if (strcmp(components[i].name, name) != 0)
			continue;
		for (size_t k = 0; k < NITEMS(components[i].versions); k++) {
			if (is_version(version, components[i].versions[k]))
				return true;
		}
	}
	return false;
}

void
tested_warn(const char *name, const char *version)
{
	if (!tested_with(name, version))
		log_msg(LOG_WARN,
		    "this program was never tested with %s %s (docs/operations.md, Versions)", name,
		    version);
}
