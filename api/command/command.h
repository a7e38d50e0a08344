/*
 * command - what the program does when it does not serve. Each returns an exit status.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

/* Of a command at the terminal, which waits for a database that is slow to be reached. */
#define COMMAND_CONNECT_MS 10000
#define COMMAND_TIMEOUT_MS 30000

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
 * command_purge - "purge [--dry-run]": erases clients that nothing was
 * registered for in GESTOR_RETENTION_DAYS, and removes old sessions and kept
 * answers; says what it did, or would do.
 */
int command_purge(int argc, char *argv[]);

/* command_version - prints the version. */
int command_version(void);

/* command_help - prints what can be asked of the program, and its settings. */
int command_help(void);

/* command_unknown - says on standard error that there is no such command, and which there are; 2. */
int command_unknown(int argc, char *argv[]);

#endif
