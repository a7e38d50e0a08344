#include "event/outcomes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void
outcomes_begin(struct outcomes *o)
{
	*o = (struct outcomes){ 0 };
	o->out = open_memstream(&o->text, &o->length);
	if (o->out == NULL)
		abort();
	fputc('[', o->out);
}

/* A member that is a text of others, or null. */
static void
add_text(FILE *out, const char *name, const char *text)
{
	json_t *value;

	fprintf(out, ",\"%s\":", name);
	if (text == NULL) {
		fputs("null", out);
		return;
	}
	value = json_string(text);
	if (value == NULL || json_dumpf(value, out, JSON_ENCODE_ANY) != 0)
		abort();
	json_decref(value);
}

void
outcomes_add(struct outcomes *o, const struct outcome *one)
{
	char at[CLOCK_RFC3339_SIZE], status[24] = "null";

	clock_rfc3339_of(one->at_us, at);
	if (one->status != 0)
		snprintf(status, sizeof(status), "%ld", one->status);
	if (o->n++ > 0)
		fputc(',', o->out);
	fprintf(o->out,
	    "{\"id\":%lld,\"lease\":\"%s\",\"ok\":%s,\"gone\":%s,\"wait_s\":%lld,"
	    "\"entry\":{\"at\":\"%s\",\"duration_ms\":%lld,\"status\":%s",
	    (long long)one->id, one->lease, one->ok ? "true" : "false",
	    one->status == 410 ? "true" : "false", (long long)one->wait_s, at,
	    (long long)one->duration_ms, status);
	add_text(o->out, "error", one->error);
	add_text(o->out, "detail", one->detail);
	add_text(o->out, "answer", one->answer);
	fputs("}}", o->out);
}

void
outcomes_add_all(struct outcomes *o, const char *array, int n)
{
	if (o->n > 0)
		fputc(',', o->out);
	/* Without its brackets. */
	fwrite(array + 1, 1, strlen(array) - 2, o->out);
	o->n += n;
}

char *
outcomes_take(struct outcomes *o, int *ret_n)
{
	char *array;

	fputc(']', o->out);
	if (fclose(o->out) != 0)
		abort();
	array = o->text;
	*ret_n = o->n;
	outcomes_begin(o);
	return array;
}

void
outcomes_end(struct outcomes *o)
{
	(void)fclose(o->out);
	free(o->text);
}
