/*
 * "gestor advisor add": creates an account.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auth/password.h"
#include "auth/permission.h"
#include "auth/secret.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/messages.h"
#include "base/text.h"
#include "command/command.h"
#include "command/database.h"
#include "config.h"
#include "db/pool.h"
#include "db/query.h"
#include "field/field.h"
#include "sql.h"

/* Most characters of a name, as in openapi.yaml. */
#define OPTION_MAX 200

static bool
read_line(const char *prompt, char *line, int size)
{
	struct termios quiet, as_it_was;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &as_it_was) == 0, read;

	if (terminal) {
		fputs(prompt, stderr);
		quiet = as_it_was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	read = fgets(line, size, stdin) != NULL;
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
		fputc('\n', stderr);
	}
	line[read ? strcspn(line, "\r\n") : 0] = '\0';
	return read;
}

static bool
read_password(const char *username, char *ret_password, int size)
{
	char again[PASSWORD_MAX + 2];

	if (!read_line("Password: ", ret_password, size)) {
		fprintf(stderr, "gestor: no password was given\n");
		return false;
	}
	if (strlen(ret_password) < PASSWORD_MIN || strlen(ret_password) > PASSWORD_MAX ||
	    password_weakness(ret_password, username) != PASSWORD_STRONG) {
		fprintf(stderr,
		    "gestor: a password has %d to %d characters, is not the username, and is "
		    "none of those that everybody tries first\n",
		    PASSWORD_MIN, PASSWORD_MAX);
		return false;
	}
	if (isatty(STDIN_FILENO) &&
	    (!read_line("Again: ", again, sizeof(again)) || strcmp(ret_password, again) != 0)) {
		fprintf(stderr, "gestor: the two are not the same\n");
		return false;
	}
	return true;
}

/* hash NULL: an integration, which gets a secret instead of a password. */
static int
insert_advisor(
    const char *username, const char *name, const char *role, const char *rights, const char *hash)
{
	struct config c;
	char token[SECRET_TOKEN_SIZE], secret[sizeof(SECRET_PREFIX) + SECRET_TOKEN_SIZE],
	    secret_hashed[SECRET_HASH_SIZE];
	const struct call calls[] = {
		{ &sql_advisor_add, { username, name, role, hash, rights } },
		{ &sql_advisor_add_secret, { username, secret_hashed } },
	};
	struct result *rows[NITEMS(calls)] = { NULL };
	struct db_error error = { .sqlstate = "" };
	struct pool *pool;
	enum db_status status;

	if (config_load(&c, 0) != 0)
		return 2;
	pool = command_pool(&c);
	if (pool == NULL)
		return 1;
	secret_token(token);
	snprintf(secret, sizeof(secret), "%s%s", SECRET_PREFIX, token);
	secret_hash(secret, secret_hashed);
	status = db_run(pool, calls, hash != NULL ? 1 : 2, rows, &error);
	if (status == DB_OK) {
		printf("advisor %s added as %s, id %s\n", result_text(rows[0], 0, 1), role,
		    result_text(rows[0], 0, 0));
		if (hash == NULL)
			printf("%s\n", secret);
	} else if (strcmp(error.constraint, "advisor_username_key") == 0)
		fprintf(stderr, "gestor: there is an advisor %s already\n", username);
	else
		fprintf(stderr,
		    "gestor: not added: the database cannot be reached, or refuses (%s %s)\n",
		    error.sqlstate, error.message);
	for (size_t i = 0; i < NITEMS(rows); i++)
		result_free(rows[i]);
	pool_stop(pool);
	return status == DB_OK ? 0 : 1;
}

static int
add_advisor(const char *username, const char *name, const char *role, const char *rights)
{
	char password[PASSWORD_MAX + 2], hash[PASSWORD_HASH_SIZE];

	if (strcmp(role, role_name(ROLE_INTEGRATION)) == 0)
		return insert_advisor(username, name, role, rights, NULL);
	/* The database refuses it too; this says why. */
	if (username[0] != 'E') {
		fprintf(stderr, "gestor: --username of a person is E and 7 digits\n");
		return 1;
	}
	if (!read_password(username, password, sizeof(password)))
		return 1;
	if (password_init() != 0 || password_hash(password, hash) != 0) {
		fprintf(stderr, "gestor: the password could not be hashed (memory?)\n");
		return 1;
	}
	return insert_advisor(username, name, role, rights, hash);
}

static int
usage(void)
{
	char rights[RIGHTS_SIZE];

	fprintf(stderr,
	    "usage: gestor advisor add --username E1234567 --name 'FULL NAME' "
	    "--role advisor|supervisor|admin\n"
	    "       gestor advisor add --username NAME --name 'FULL NAME' --role integration\n"
	    "              [--rights RIGHT,RIGHT…]\n"
	    "--rights is what an integration may, of %s;\n"
	    "left out, what an advisor may.\n"
	    "The password is asked for, or is the first line of standard input. An integration "
	    "has\n"
	    "none: its secret is the last line of the output, and is shown only then.\n",
	    rights_text(rights_all(), ",", rights));
	return 2;
}

/* An option's value in its normal form, in the arena; NULL: the fault is on standard error. */
static const char *
option_normal(struct arena *arena, const char *option, const char *type, const char *value)
{
	const struct field *f = field_named(type);
	const char *normal = field_normal(f, arena, value);
	enum text fault = field_fault(f, normal);

	if (fault == TEXT_NONE && text_length(normal) <= OPTION_MAX)
		return normal;
	if (fault != TEXT_NONE)
		/* The message names the option where an API answer names the field's label. */
		fprintf(stderr, "gestor: %s\n",
		    message_write(
			arena, LANGUAGE_EN, fault, (const char *const[]){ option, NULL }));
	else
		fprintf(stderr, "gestor: %s is longer than %d characters\n", option, OPTION_MAX);
	return NULL;
}

int
command_advisor(int argc, char *argv[])
{
	static const struct option options[] = { { "username", required_argument, NULL, 'u' },
		{ "name", required_argument, NULL, 'n' }, { "role", required_argument, NULL, 'r' },
		{ "rights", required_argument, NULL, 'g' }, { NULL, 0, NULL, 0 } };
	const char *username = NULL, *name = NULL, *role = NULL, *rights = NULL;
	char all[RIGHTS_SIZE];
	unsigned given;
	struct arena arena;
	enum role known;
	int o, status;

	if (argc < 2 || strcmp(argv[1], "add") != 0)
		return usage();
	while ((o = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
		if (o == 'u')
			username = optarg;
		else if (o == 'n')
			name = optarg;
		else if (o == 'r')
			role = optarg;
		else if (o == 'g')
			rights = optarg;
		else
			return usage();
	}
	if (username == NULL || name == NULL || role == NULL || optind != argc - 1)
		return usage();
	if (!role_named(role, &known)) {
		fprintf(stderr, "gestor: --role must be advisor|supervisor|admin|integration\n");
		return 2;
	}
	if (rights == NULL)
		rights = known == ROLE_INTEGRATION ? rights_text(rights_of_desk(), ",", all) : "";
	if (!rights_named(rights, &given) || (known != ROLE_INTEGRATION && given != 0)) {
		fprintf(stderr,
		    "gestor: --rights must be rights of an integration, with commas between: %s\n",
		    rights_text(rights_all(), ", ", all));
		return 1;
	}
	arena_init(&arena);
	username = option_normal(&arena, "--username", "username", username);
	name = option_normal(&arena, "--name", "name", name);
	if (username == NULL || name == NULL) {
		arena_free(&arena);
		return 1;
	}
	status = add_advisor(username, name, role, rights);
	arena_free(&arena);
	return status;
}
