/*
 * docs - the files of the page at /docs: tools/embed.py turns api/docs/ into build/docs.c.
 */
#ifndef RESOURCE_DOCS_H
#define RESOURCE_DOCS_H

#include <stddef.h>

struct file {
	const char *text;
	size_t length; /* bytes of text, without its NUL */
	const char *tag; /* entity tag: changes with the text */
};

extern const struct file file_index_html;
extern const struct file file_docs_css;
extern const struct file file_docs_js;

#endif
