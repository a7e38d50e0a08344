#include "command/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_MS	  100
#define LINE_MS	  10000
#define BAR_WIDTH 30
#define NUMBER	  32

/* "1,000,000" */
static const char *
number(uint64_t n, char text[static NUMBER])
{
	char digits[NUMBER], *at = text;
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return text;
}

void
progress_begin(struct progress *p, const char *what, uint64_t all)
{
	*p = (struct progress){ .what = what,
		.all = all,
		.terminal = isatty(STDERR_FILENO),
		.began_ms = clock_ms(),
		.shown_ms = clock_ms() };
}

static void
show_bar(const struct progress *p, uint64_t done)
{
	static const char full[] = "##############################",
			  empty[] = "                              ";
	int filled = p->all > 0 ? (int)(done * BAR_WIDTH / p->all) : 0;
	char n[NUMBER];

	if (filled > BAR_WIDTH)
		filled = BAR_WIDTH;
	if (p->all > 0)
		fprintf(stderr, "\r[%.*s%.*s] %s %s", filled, full, BAR_WIDTH - filled, empty,
		    number(done, n), p->what);
	else
		fprintf(stderr, "\r%s %s", number(done, n), p->what);
}

void
progress_at(struct progress *p, uint64_t done)
{
	int64_t now = clock_ms();
	char n[NUMBER];

	if (now - p->shown_ms < (p->terminal ? BAR_MS : LINE_MS))
		return;
	p->shown_ms = now;
	if (p->terminal)
		show_bar(p, done);
	else
		fprintf(stderr, "%s %s so far\n", number(done, n), p->what);
}

void
progress_end(struct progress *p, uint64_t done, const char *file, bool whole)
{
	double s = (double)(clock_ms() - p->began_ms) / 1000;
	char n[NUMBER];

	if (p->terminal) {
		show_bar(p, done);
		fputc('\n', stderr);
	}
	if (!whole)
		fprintf(stderr, "gestor: stopped after %s %s: nothing was written%s\n",
		    number(done, n), p->what, strcmp(file, "-") == 0 ? " after these" : "");
	else
		fprintf(stderr, "%s %s in %s, in %.1f s\n", number(done, n), p->what,
		    strcmp(file, "-") == 0 ? "standard output" : file, s);
}
