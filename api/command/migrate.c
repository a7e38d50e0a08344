/*
 * "gestor migrate": brings the schema up to date.
 */
#include "command/command.h"
#include "config.h"
#include "db/migrate.h"

#define MIGRATE_WAIT_MS 60000

int
command_migrate(void)
{
	struct config c;

	if (config_load(&c, 0) != 0)
		return 2;
	return migrate_run(c.database_url, MIGRATE_WAIT_MS) == 0 ? 0 : 1;
}
