/*
 * gestor - the back end of a retention desk. This file runs the chosen command.
 */
#include <string.h>

#include "command/command.h"
#include "serve.h"

int
main(int argc, char *argv[])
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "serve") == 0 && argc == 2)
		return serve();
	if (strcmp(command, "migrate") == 0 && argc == 2)
		return command_migrate();
	if (strcmp(command, "advisor") == 0)
		return command_advisor(argc - 1, argv + 1);
	if (strcmp(command, "purge") == 0)
		return command_purge(argc - 1, argv + 1);
	if (strcmp(command, "erase") == 0)
		return command_erase(argc - 1, argv + 1);
	if (strcmp(command, "catalog") == 0)
		return command_catalog(argc - 1, argv + 1);
	if (strcmp(command, "export") == 0)
		return command_export(argc - 1, argv + 1);
	if (strcmp(command, "import") == 0)
		return command_import(argc - 1, argv + 1);
	if (strcmp(command, "report") == 0 && argc == 3 && strcmp(argv[2], "rebuild") == 0)
		return command_report_rebuild();
	if (strcmp(command, "check") == 0 && argc == 2)
		return command_check();
	if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0)
		return command_version();
	if (strcmp(command, "--help") == 0)
		return command_help();
	return command_unknown(argc, argv);
}
