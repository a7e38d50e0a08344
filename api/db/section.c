#include "db/section.h"

#include <stddef.h>
#include <string.h>

static const char up_mark[] = "-- migrate:up";
static const char down_mark[] = "-- migrate:down";

/* mark_find - returns the start of the line that begins with mark, or NULL. */
static const char *
mark_find(const char *text, const char *mark)
{
	const char *line;

	for (line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, mark, strlen(mark)) == 0)
			return line;
	}
	return NULL;
}

struct section
section_up(const char *text)
{
	const char *up = mark_find(text, up_mark), *start = up != NULL ? up : text;
	const char *down = mark_find(start, down_mark), *p;
	struct section s = { .start = start, .first_line = 1 };

	s.length = down != NULL ? (size_t)(down - start) : strlen(start);
	for (p = text; p < start; p++)
		s.first_line += *p == '\n';
	return s;
}
