/*
 * trace - the request's place in a distributed trace.
 * source   W3C Trace Context, section 3.2 (traceparent)
 */
#ifndef HTTP_TRACE_H
#define HTTP_TRACE_H

#define TRACE_ID_SIZE	  33
#define TRACE_SPAN_SIZE	  17
#define TRACE_PARENT_SIZE 56

struct trace {
	char id[TRACE_ID_SIZE]; /* "": the request belongs to no trace */
	char span[TRACE_SPAN_SIZE]; /* this service's span, chosen at random */
	char flags[3]; /* as received */
};

/*
 * trace_take - parses the header traceparent and chooses a span id for this service.
 * traceparent  NULL (absent) or malformed: ret_trace->id is ""
 */
void trace_take(const char *traceparent, struct trace *ret_trace);

/* trace_parent - the traceparent of the answer: this service's span. The trace must have an id. */
void trace_parent(const struct trace *t, char ret_text[static TRACE_PARENT_SIZE]);

#endif
