#include "transfer/import_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/csv.h"

/* The columns of import_report_rows. */
enum { LINE, KEY, OUTCOME, FAULTS, SOURCE, LAST_LINE };

const char *
import_outcome_name(char letter)
{
	switch (letter) {
	case 'c':
		return "created";
	case 'u':
		return "updated";
	case 'n':
		return "unchanged";
	default:
		return "failed";
	}
}

/* "document_number: A DNI has 8 digits. (a, b); …": the faults for a cell, in one line. The caller's. */
static char *
faults_cell(const char *faults)
{
	json_t *all = json_loads(faults != NULL ? faults : "[]", 0, NULL);
	char *text = NULL;
	size_t length;
	FILE *f = open_memstream(&text, &length);

	if (f == NULL)
		abort();
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *fault = json_array_get(all, i),
			     *allowed = json_object_get(fault, "allowed");
		const char *field = json_string_value(json_object_get(fault, "field"));

		fprintf(f, "%s%s%s%s", i > 0 ? "; " : "", field != NULL ? field : "",
		    field != NULL ? ": " : "", json_string_value(json_object_get(fault, "detail")));
		for (size_t k = 0; k < json_array_size(allowed); k++)
			fprintf(f, "%s%s", k > 0 ? ", " : " (",
			    json_string_value(json_array_get(allowed, k)));
		if (json_array_size(allowed) > 0)
			putc(')', f);
	}
	fclose(f);
	json_decref(all);
	return text;
}

static void
put_csv(FILE *f, const struct import_report *r, const struct result *rows, int row)
{
	char *faults = faults_cell(result_text(rows, row, FAULTS));
	const char *source = result_text(rows, row, SOURCE);
	char after[2] = { r->separator, '\0' };

	if (r->as_sent) {
		csv_put_cell(f, faults, after);
		fprintf(f, "%s\n", source != NULL ? source : "");
	} else {
		csv_put_cell(f, result_text(rows, row, LINE), ",");
		csv_put_cell(f, result_text(rows, row, KEY), ",");
		csv_put_cell(f, import_outcome_name(*result_text(rows, row, OUTCOME)), ",");
		csv_put_cell(f, faults, "\n");
	}
	free(faults);
}

static void
put_json(FILE *f, const struct import_report *r, const struct result *rows, int row)
{
	const char *faults = result_text(rows, row, FAULTS), *key = result_text(rows, row, KEY),
		   *source = result_text(rows, row, SOURCE);
	json_t *all = json_loads(faults != NULL ? faults : "[]", 0, NULL), *line = NULL;

	if (r->as_sent) {
		line = source != NULL ? json_loads(source, 0, NULL) : NULL;
		/* A line that is no JSON object cannot have a member. */
		if (!json_is_object(line)) {
			json_decref(line);
			line = json_pack("{s:s?}", "source", source);
		}
		json_object_set_new(line, "faults", all);
	} else {
		line = json_pack("{s:I, s:s?, s:s, s:o}", "line",
		    (json_int_t)atoll(result_text(rows, row, LINE)), "key", key, "outcome",
		    import_outcome_name(*result_text(rows, row, OUTCOME)), "faults", all);
	}
	json_dumpf(line, f, JSON_COMPACT);
	putc('\n', f);
	json_decref(line);
}

static void
put_head(FILE *f, struct import_report *r)
{
	r->begun = true;
	if (r->csv && r->as_sent)
		fprintf(f, "faults%c%s\n", r->separator, r->header != NULL ? r->header : "");
	else if (r->csv)
		fputs("line,key,outcome,faults\n", f);
}

int
import_report_next(void *report, const char **ret_bytes, size_t *ret_length)
{
	struct import_report *r = report;
	auto_result struct result *rows = r->rows(r->arg, r->after[0] != '\0' ? r->after : "0");
	FILE *f;
	int n;

	if (rows == NULL)
		return -1;
	n = result_rows(rows);
	if (n == 0 && r->begun)
		return 0;
	free(r->bytes);
	f = open_memstream(&r->bytes, &r->length);
	if (f == NULL)
		abort();
	if (!r->begun)
		put_head(f, r);
	for (int i = 0; i < n; i++) {
		if (r->outcome != NULL &&
		    strcmp(import_outcome_name(*result_text(rows, i, OUTCOME)), r->outcome) != 0)
			continue;
		if (r->csv)
			put_csv(f, r, rows, i);
		else
			put_json(f, r, rows, i);
	}
	if (n > 0)
		snprintf(r->after, sizeof(r->after), "%s", result_text(rows, 0, LAST_LINE));
	fclose(f);
	*ret_bytes = r->bytes;
	*ret_length = r->length;
	return 1;
}

void
import_report_end(void *report, bool whole)
{
	struct import_report *r = report;

	(void)whole;
	free(r->bytes);
	r->bytes = NULL;
}
