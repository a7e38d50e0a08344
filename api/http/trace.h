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
	char id[TRACE_ID_SIZE]; /* "": the request belongs to none */
	char span[TRACE_SPAN_SIZE]; /* our own part of it */
	char flags[3];
};

/* trace_take - from the header's value (NULL: not there); one that is malformed counts as none. */
void trace_take(const char *traceparent, struct trace *ret_trace);

/* trace_parent - what we are to be called in it: our own span as the parent. */
void trace_parent(const struct trace *t, char ret_text[static TRACE_PARENT_SIZE]);

#endif
