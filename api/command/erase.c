/*
 * "gestor erase": the list of the clients that were erased, as a file outside the database, and the same erasures again in a
 * database that was restored from a backup.
 *
 * The list has no personal data: a client's id, and the instants of its registration and erasure. The id alone would not do.
 * A restored database gives the ids that came after the backup to other clients, who must not be erased.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/database.h"
#include "sql.h"

#define HEADER	     "client_id,created_at,erased_at"
#define PAGE	     "1000"
#define ERASURE_ROWS "1000"
/* A number of 19 digits, two instants of 32 bytes, commas. */
#define LINE_SIZE 128

struct line {
	char client[20], created_at[33], erased_at[33];
};

struct counts {
	long long erased, before, absent, other;
};

static int
usage(void)
{
	fprintf(stderr, "usage: gestor erase --since INSTANT >FILE\n"
			"       gestor erase --list FILE\n"
			"INSTANT is such as 2026-11-27 or 2026-11-27T02:08:00Z\n");
	return 2;
}

/* Whether it is a date or an instant of UTC, as RFC 3339 writes them. */
static bool
instant_valid(const char *text)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, hour = 0, minute = 0, second = 0, length = 0;

	if (strspn(text, "0123456789-T:.Z") != strlen(text) ||
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3 || length != 10)
		return false;
	if (text[length] != '\0') {
		text += length;
		length = 0;
		if (sscanf(text, "T%2d:%2d:%2d%n", &hour, &minute, &second, &length) != 3 ||
		    length != 9)
			return false;
		if (text[length] == '.')
			length += 1 + (int)strspn(text + length + 1, "0123456789");
		if (strcmp(text + length, "Z") != 0)
			return false;
	}
	/* As PostgreSQL takes it: the years that it knows, of the Gregorian calendar. */
	return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] +
			  (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) &&
	       hour < 24 && minute < 60 && second < 61;
}

static bool
line_read(char *text, struct line *ret_line)
{
	int length = 0;

	text[strcspn(text, "\r\n")] = '\0';
	errno = 0;
	if (strtoll(text, NULL, 10) <= 0 || errno == ERANGE)
		return false;
	return sscanf(text, "%19[0-9],%32[^,],%32[^,]%n", ret_line->client, ret_line->created_at,
		   ret_line->erased_at, &length) == 3 &&
	       text[length] == '\0' && instant_valid(ret_line->created_at) &&
	       instant_valid(ret_line->erased_at);
}

/* Prints the clients that were erased since then; false: the reason is on standard error. */
static bool
print_list(struct pool *pool, const char *since)
{
	char after[20] = "0";
	int rows = 1;

	while (rows > 0) {
		const struct call call = { &sql_erased_list, { since, after, PAGE } };
		auto_result struct result *page = command_run(pool, &call);

		if (page == NULL)
			return false;
		/* No header without an answer: a file with it is a list, of nobody if need be. */
		if (strcmp(after, "0") == 0)
			puts(HEADER);
		rows = result_rows(page);
		for (int i = 0; i < rows; i++)
			printf("%s,%s,%s\n", result_text(page, i, 0), result_text(page, i, 1),
			    result_text(page, i, 2));
		if (rows > 0)
			snprintf(after, sizeof(after), "%s", result_text(page, rows - 1, 0));
	}
	/* The last lines may find room that others before did not. */
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	perror("gestor: the list cannot be written");
	return false;
}

/* Erases one client, if it is the one of the list. */
static bool
erase_one(struct pool *pool, const struct line *line, struct counts *counts)
{
	const struct call call = { &sql_client_erase_listed, { line->client, line->created_at } };
	auto_result struct result *row = command_run(pool, &call);
	const char *found;

	if (row == NULL)
		return false;
	found = result_text(row, 0, 0);
	counts->erased += strcmp(found, "erased") == 0;
	counts->before += strcmp(found, "before") == 0;
	counts->absent += strcmp(found, "absent") == 0;
	counts->other += strcmp(found, "other") == 0;
	return true;
}

/* The steps that erasures of more than 200 records still have to take, and the words that only erased names had. */
static bool
finish(struct pool *pool)
{
	const struct call records = { &sql_erasure_continue, { ERASURE_ROWS } },
			  words = { &sql_client_name_words_tidy, { ERASURE_ROWS } };
	long long rows = 0;

	return command_repeat(pool, &records, &rows) && command_repeat(pool, &words, &rows);
}

/*
 * Reads the list, and with a pool also erases. A first reading without one makes sure that every line can be read before
 * anything is erased.
 */
static bool
read_list(FILE *in, struct pool *pool, struct counts *counts)
{
	char text[LINE_SIZE];
	struct line line;
	long number = 1;

	rewind(in);
	for (; fgets(text, sizeof(text), in) != NULL; number++) {
		if (number == 1 && strncmp(text, HEADER, strlen(HEADER)) == 0)
			continue;
		if (!line_read(text, &line)) {
			fprintf(
			    stderr, "gestor: line %ld of the list is not '" HEADER "'\n", number);
			return false;
		}
		if (pool != NULL && !erase_one(pool, &line, counts))
			return false;
	}
	/* A shell empties the file before "gestor erase --since" finds no database. */
	if (number == 1)
		fprintf(stderr,
		    "gestor: the list is empty: even one of no client has the line '" HEADER "'\n");
	return number > 1 && !ferror(in);
}

static bool
erase_list(struct pool *pool, FILE *in)
{
	struct counts counts = { 0 };
	bool done = read_list(in, pool, &counts) && finish(pool);

	printf("erased: %lld; erased before: %lld; not in this database: %lld\n", counts.erased,
	    counts.before, counts.absent);
	if (counts.other > 0)
		printf("not erased: %lld ids that another client has in this database\n",
		    counts.other);
	return done;
}

int
command_erase(int argc, char *argv[])
{
	static const struct option options[] = { { "since", required_argument, NULL, 's' },
		{ "list", required_argument, NULL, 'l' }, { NULL, 0, NULL, 0 } };
	int option = getopt_long(argc, argv, "", options, NULL);
	FILE *in = NULL;
	struct pool *pool;
	struct config c;
	bool done;

	if ((option != 's' && option != 'l') || optind != argc ||
	    (option == 's' && !instant_valid(optarg)))
		return usage();
	if (config_load(&c, 0) != 0)
		return 2;
	if (option == 'l') {
		in = fopen(optarg, "re");
		if (in == NULL) {
			perror("gestor: the list cannot be read");
			return 1;
		}
		if (!read_list(in, NULL, NULL)) {
			fclose(in);
			return 1;
		}
	}
	pool = command_pool(&c);
	if (pool == NULL)
		done = false;
	else {
		done = in != NULL ? erase_list(pool, in) : print_list(pool, optarg);
		pool_stop(pool);
	}
	if (in != NULL)
		fclose(in);
	return done ? 0 : 1;
}
