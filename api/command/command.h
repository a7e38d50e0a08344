/*
 * command - the program's commands except `serve`. Each function returns the exit status: 0 done; 1 failed, the reason
 * is on standard error; 2 wrong usage or settings.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

/* command_migrate - brings the schema up to date. */
int command_migrate(void);

/*
 * command_advisor - "advisor add --username E1234567 --name '…' --role …".
 *
 * The password is read from the terminal, twice, or from the first line of
 * standard input when that is no terminal; never from an argument.
 */
int command_advisor(int argc, char *argv[]);

/*
 * command_purge - "purge [--dry-run]": erases clients without activity for
 * GESTOR_RETENTION_DAYS, continues erasures, and deletes old sessions and
 * stored answers; prints what it did, or with --dry-run would do.
 */
int command_purge(int argc, char *argv[]);

/*
 * command_erase - "erase --since INSTANT": prints the clients that were erased since then, for a file outside the database.
 * "erase --list FILE": erases them again, in a database that was restored from a backup. Repeating it changes nothing.
 */
int command_erase(int argc, char *argv[]);

/*
 * command_catalog - "catalog export|plan|apply FILE": writes a catalogue to a file; shows what a file
 * would change; does it after a question, or with --yes. The file's name is the catalogue's code, or
 * --catalog gives it; a name ending in .json holds the tree as the API shows it, any other a CSV.
 */
int command_catalog(int argc, char *argv[]);

/*
 * command_export - "export KIND [--from DAY] [--to DAY] [--format csv|ndjson] [FILE]": writes records as the API's exports do, from
 * the read replica if it is fit, and says on standard error as of when they are.
 */
int command_export(int argc, char *argv[]);

/*
 * command_import - "import clients|opportunities FILE": imports a file as the API does, and waits for
 * the end. 1: rows failed, or nothing was stored.
 */
int command_import(int argc, char *argv[]);

/* command_report_rebuild - "report rebuild": makes the columns of all days that the retention report reads anew. */
int command_report_rebuild(void);

/*
 * command_check - "check": renders every document and compares it with the stored one, and the report's days with their rows;
 * prints what differs. 1: something does.
 */
int command_check(void);

/* command_version - prints the version. */
int command_version(void);

/* command_help - prints the commands and the settings. */
int command_help(void);

/* command_unknown - reports an unknown command and prints the known ones on standard error; returns 2. */
int command_unknown(int argc, char *argv[]);

#endif
