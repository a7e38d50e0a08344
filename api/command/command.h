/*
 * command - what the program does when it does not serve. Each returns an exit status.
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
 * command_purge - "purge [--dry-run]": erases clients that nothing was
 * registered for in GESTOR_RETENTION_DAYS, and removes old sessions and kept
 * answers; says what it did, or would do.
 */
int command_purge(int argc, char *argv[]);

/* command_check - "check": whether every stored document is what its row renders to; prints those that differ. 0: none does. */
int command_check(void);

/* command_version - prints the version. */
int command_version(void);

/* command_help - prints what can be asked of the program, and its settings. */
int command_help(void);

/* command_unknown - says on standard error that there is no such command, and which there are; 2. */
int command_unknown(int argc, char *argv[]);

#endif
