/*
 * The retention report as a picture: of days, weeks and months a line, of anything else a bar for each row. It is a complete SVG document
 * without scripts, styles and fonts of its own, so it shows under any Content-Security-Policy.
 * source  W3C SVG 1.1; SVG Accessibility API Mappings (title, desc, role)
 */
#include "resource/report_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/messages.h"

/* In pixels. LEFT holds a bar's label. */
#define WIDTH	       900
#define TOP	       70
#define LEFT	       290
#define RIGHT	       90
#define BAR	       24
#define LINE_LEFT      60
#define LINE_HIGH      300
#define BARS_MAX       100
#define LABEL_MAX      38 /* characters that LEFT has room for */
#define HEADING_MAX    130 /* the same of WIDTH */
#define OPENED_COLOR   "#9db4cc"
#define RETAINED_COLOR "#1f6b4a"

static const char *
words(const struct report *r, enum text text)
{
	return message_words(text, r->rq->language);
}

/* Writes text with what XML would misread replaced, cut after `most` characters; XML 1.0 has no other control characters. */
static void
put_text(FILE *f, const char *s, size_t most)
{
	for (size_t n = 0; *s != '\0'; s++) {
		const unsigned char c = (unsigned char)*s;

		if ((c & 0xC0) != 0x80 && n++ == most) {
			fputs("…", f);
			return;
		}
		/* U+FFFE and U+FFFF are no characters of XML. */
		if (c == 0xEF && (unsigned char)s[1] == 0xBF && (unsigned char)s[2] >= 0xBE) {
			s += 2;
			continue;
		}
		if (c == '<' || c == '>' || c == '&' || c == '"')
			fprintf(f, "&#%d;", c);
		else
			fputc(c < ' ' ? ' ' : c, f);
	}
}

static const char *
label_of(const struct report *r, int row)
{
	static const enum text weekdays[] = { TEXT_monday, TEXT_tuesday, TEXT_wednesday,
		TEXT_thursday, TEXT_friday, TEXT_saturday, TEXT_sunday };
	const struct report_key *key = r->rows[row].keys[0];

	if (key == NULL)
		return words(r, TEXT_picture_none);
	if (r->dimensions[0].number == WEEKDAY)
		return words(r, weekdays[(key->id + 6) % 7]);
	if (r->dimensions[0].number == HOUR)
		return arena_printf(&r->rq->arena, "%s:00", key->code);
	return key->label != NULL ? key->label : key->code;
}

/* How much of its code is that of the item above a row's choice; 0: there is none. */
static size_t
above(const struct report *r, int row)
{
	const struct report_key *key = r->rows[row].keys[0];
	const char *dot =
	    key != NULL && r->dimensions[0].filter != NULL ? strrchr(key->code, '.') : NULL;

	return dot != NULL ? (size_t)(dot - key->code) : 0;
}

/* The labels of all items above a row's choice: below different ones there are choices of the same label. */
static const char *
path_of(const struct report *r, int row)
{
	const size_t length = above(r, row);
	const char *path = "";

	for (size_t n = 1; n <= length; n++) {
		const char *code = r->rows[row].keys[0]->code;

		for (int i = 0; code[n] == '.' && i < r->nkeys; i++)
			if (strlen(r->keys[i].code) == n && memcmp(r->keys[i].code, code, n) == 0)
				path = arena_printf(&r->rq->arena, "%s%s%s", path,
				    *path != '\0' ? " › " : "", r->keys[i].label);
	}
	return path;
}

/* Whether a row's choice is below another item than that of the row before, or below none after such a row. */
static bool
has_heading(const struct report *r, int row)
{
	const size_t n = above(r, row), before = row > 1 ? above(r, row - 1) : 0;

	return n != before || (n > 0 && memcmp(r->rows[row].keys[0]->code,
					    r->rows[row - 1].keys[0]->code, n) != 0);
}

static int
headings(const struct report *r, int rows)
{
	int n = 0;

	for (int row = 1; row <= rows; row++)
		n += has_heading(r, row);
	return n;
}

static long
figure(const struct report *r, int row, enum figure figure)
{
	return (long)r->rows[row].figures[figure];
}

/* A path, or a line between what stands below the last one and what stands below none. */
static void
put_heading(FILE *f, const char *path, int y)
{
	if (*path == '\0') {
		fprintf(f, "<line x1=\"16\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/>\n",
		    WIDTH - 16, y + BAR / 2, y + BAR / 2);
		return;
	}
	fprintf(f, "<text x=\"16\" y=\"%d\" fill=\"#555\">", y + 16);
	put_text(f, path, HEADING_MAX);
	fputs("</text>\n", f);
}

static void
put_bars(FILE *f, const struct report *r, int rows, long most)
{
	int y = TOP;

	for (int row = 1; row <= rows; row++, y += BAR) {
		const long opened = figure(r, row, REPORT_OPENED),
			   retained = figure(r, row, REPORT_RETAINED);
		const long wide = WIDTH - LEFT - RIGHT;

		if (has_heading(r, row)) {
			put_heading(f, path_of(r, row), y);
			y += BAR;
		}
		fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 8, y + 16);
		put_text(f, label_of(r, row), LABEL_MAX);
		fprintf(f,
		    "</text><rect x=\"%d\" y=\"%d\" width=\"%ld\" height=\"%d\" "
		    "fill=\"" OPENED_COLOR
		    "\"/><rect x=\"%d\" y=\"%d\" width=\"%ld\" height=\"%d\" fill=\"" RETAINED_COLOR
		    "\"/><text x=\"%ld\" y=\"%d\">%ld / %ld</text>\n",
		    LEFT, y + 3, opened * wide / most, BAR - 6, LEFT, y + 3, retained * wide / most,
		    BAR - 6, LEFT + opened * wide / most + 6, y + 16, retained, opened);
	}
}

static void
put_line(
    FILE *f, const struct report *r, int rows, long most, enum figure column, const char *color)
{
	const int wide = WIDTH - LINE_LEFT - RIGHT;

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", color);
	for (int row = 1; row <= rows; row++)
		fprintf(f, "%d,%ld ", LINE_LEFT + (rows > 1 ? (row - 1) * wide / (rows - 1) : 0),
		    TOP + LINE_HIGH - figure(r, row, column) * LINE_HIGH / most);
	fputs("\"/>\n", f);
	/* A line of one point is nothing to see. */
	if (rows == 1)
		fprintf(f, "<circle cx=\"%d\" cy=\"%ld\" r=\"4\" fill=\"%s\"/>\n", LINE_LEFT,
		    TOP + LINE_HIGH - figure(r, 1, column) * LINE_HIGH / most, color);
}

static void
put_lines(FILE *f, const struct report *r, int rows, long most)
{
	const int step = rows > 9 ? (rows + 8) / 9 : 1, wide = WIDTH - LINE_LEFT - RIGHT;

	for (int i = 0; i <= 4; i++)
		fprintf(f,
		    "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/><text x=\"%d\" "
		    "y=\"%d\" text-anchor=\"end\">%ld</text>\n",
		    LINE_LEFT, WIDTH - RIGHT, TOP + LINE_HIGH * i / 4, TOP + LINE_HIGH * i / 4,
		    LINE_LEFT - 6, TOP + LINE_HIGH * i / 4 + 4, most * (4 - i) / 4);
	for (int row = 1; row <= rows; row += step) {
		fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
		    LINE_LEFT + (rows > 1 ? (row - 1) * wide / (rows - 1) : 0),
		    TOP + LINE_HIGH + 20);
		put_text(f, label_of(r, row), LABEL_MAX);
		fputs("</text>\n", f);
	}
	put_line(f, r, rows, most, REPORT_OPENED, OPENED_COLOR);
	put_line(f, r, rows, most, REPORT_RETAINED, RETAINED_COLOR);
}

const char *
report_svg(const struct report *r, size_t *ret_length)
{
	const bool lines = r->dimensions[0].number <= MONTH;
	const int all = r->nrows - 1, rows = lines || all < BARS_MAX ? all : BARS_MAX,
		  high = TOP + 40 + (lines ? LINE_HIGH : (rows + headings(r, rows)) * BAR);
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_length);
	long most = 1;

	for (int row = 1; row <= rows; row++)
		most = figure(r, row, REPORT_OPENED) > most ? figure(r, row, REPORT_OPENED) : most;
	/* The four parts of the axis are whole numbers. */
	if (lines)
		most = (most + 3) / 4 * 4;
	fprintf(f,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
	    "%d\" role=\"img\" aria-labelledby=\"t d\" font-family=\"sans-serif\" "
	    "font-size=\"13\">\n<title id=\"t\">%s, %s – %s</title>\n<desc id=\"d\">",
	    WIDTH, high, WIDTH, high, words(r, TEXT_picture_title), r->from, r->to);
	if (rows < all)
		fprintf(f, "%d / %d %s: ", rows, all, words(r, TEXT_picture_rows));
	for (int row = 1; row <= rows; row++) {
		if (above(r, row) > 0) {
			put_text(f, path_of(r, row), 400);
			fputs(" › ", f);
		}
		put_text(f, label_of(r, row), 400);
		fprintf(f, ": %ld / %ld; ", figure(r, row, REPORT_RETAINED),
		    figure(r, row, REPORT_OPENED));
	}
	fprintf(f,
	    "</desc>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/><text x=\"16\" "
	    "y=\"26\" "
	    "font-size=\"18\">%s, %s – %s</text>\n<rect x=\"16\" y=\"40\" width=\"12\" "
	    "height=\"12\" fill=\"" RETAINED_COLOR "\"/><text x=\"34\" y=\"51\">%s</text>"
	    "<rect x=\"150\" y=\"40\" width=\"12\" height=\"12\" fill=\"" OPENED_COLOR
	    "\"/><text x=\"168\" y=\"51\">%s</text>\n",
	    words(r, TEXT_picture_title), r->from, r->to, words(r, TEXT_picture_retained),
	    words(r, TEXT_picture_opened));
	if (rows < all)
		fprintf(f, "<text x=\"%d\" y=\"51\" text-anchor=\"end\">%d / %d %s</text>\n",
		    WIDTH - 16, rows, all, words(r, TEXT_picture_rows));
	if (lines)
		put_lines(f, r, rows, most);
	else
		put_bars(f, r, rows, most);
	fputs("</svg>\n", f);
	fclose(f);
	const char *copy = arena_copy(&r->rq->arena, text, *ret_length);

	free(text);
	return copy;
}
