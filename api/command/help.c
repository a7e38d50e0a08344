/*
 * "gestor --help", "gestor version", and the answer to an unknown command.
 */
#include <stdio.h>

#include "auth/permission.h"
#include "base/version.h"
#include "command/command.h"
#include "config.h"

static void
print_commands(FILE *out)
{
	char rights[RIGHTS_SIZE];

	fprintf(out,
	    "usage: gestor serve                 serve the API\n"
	    "       gestor migrate               bring the database's schema up to date\n"
	    "       gestor advisor add --username E1234567 --name 'FULL NAME' --role ROLE "
	    "[--rights "
	    "RIGHTS]\n"
	    "                                    make an account; USERNAME is E and 7 digits,\n"
	    "                                    ROLE is advisor, supervisor, admin or "
	    "integration;\n"
	    "                                    for an integration also any of a-z0-9-;\n"
	    "                                    the password is asked for,\n"
	    "                                    or is the first line of standard input;\n"
	    "                                    of an integration its secret is printed\n"
	    "                                    --rights: what an integration may, of\n"
	    "                                    %s;\n"
	    "                                    left out, what an advisor may\n"
	    "       gestor purge [--dry-run]      erase and remove what was kept for long enough\n"
	    "       gestor erase --since INSTANT list the clients that were erased since then\n"
	    "       gestor erase --list FILE     erase them again, after a backup was restored\n"
	    "       gestor catalog export FILE   write a catalogue: CODE.csv, or CODE.json\n"
	    "       gestor catalog plan FILE     show what the file would change\n"
	    "       gestor catalog apply FILE    change it, after a question\n"
	    "                                    --catalog CODE: if that is not the file's name;\n"
	    "                                    --inactive, --retire-missing, --yes\n"
	    "       gestor export KIND [FILE]    write all clients, contacts, opportunities, "
	    "consents\n"
	    "                                    or the audit, as CSV or NDJSON\n"
	    "                                    --from DAY, --to DAY, --format csv|ndjson\n"
	    "       gestor import clients FILE   import a file (.csv, .ndjson; - is standard "
	    "input);\n"
	    "       gestor import opportunities FILE\n"
	    "                                    --mode dry_run (the default), atomic or "
	    "valid_only;\n"
	    "                                    --report FILE: what became of each row, "
	    "--failed FILE:\n"
	    "                                    the failed rows, to be mended and sent again;\n"
	    "                                    --format csv or ndjson, --lang en or es\n"
	    "       gestor report rebuild        make what the retention report counts by anew, "
	    "from the rows\n"
	    "       gestor check                 whether every stored document and day of the "
	    "report\n"
	    "                                    is what the rows give, names are found, and "
	    "no\n"
	    "                                    index or partition is missing\n"
	    "       gestor version\n"
	    "       gestor --help\n\n",
	    rights_text(rights_all(), ",", rights));
}

int
command_version(void)
{
	puts("gestor " VERSION);
	return 0;
}

int
command_help(void)
{
	print_commands(stdout);
	config_help();
	return 0;
}

int
command_unknown(int argc, char *argv[])
{
	if (argc > 1)
		fprintf(stderr, "gestor: there is no command '%s'%s\n", argv[1],
		    argc > 2 ? " with more words behind it" : "");
	print_commands(stderr);
	return 2;
}
