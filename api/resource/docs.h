/*
 * docs - the page at /docs, as tools/embed.py makes it part of the program:
 * build/docs.c holds the files of api/docs/.
 */
#ifndef RESOURCE_DOCS_H
#define RESOURCE_DOCS_H

#include <stddef.h>

struct file {
	const char *text;
	size_t length; /* bytes of text, without its NUL */
	const char *tag; /* other for another text */
};

extern const struct file file_index_html;
extern const struct file file_docs_css;
extern const struct file file_docs_js;

#endif
