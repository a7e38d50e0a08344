/*
 * rules - what the document's x-rule names: conditions over several members.
 *
 * client           document_number fits document_type; birth_date is not in the future
 * ownership_check  no more right answers than questions
 * typification_create  a new call that is to end has all that a final stage needs; the
 *                  faults are those of when the database finds it out
 */
#ifndef RESOURCE_RULES_H
#define RESOURCE_RULES_H

#include <jansson.h>
#include <stdbool.h>

struct faults;

bool rule_known(const char *name);
void rule_check(const char *name, const json_t *object, const char *pointer, struct faults *fs);

/* rule_document - adds a fault at pointer where a document number (normal form) is none of that type. */
void rule_document(const char *type, const char *number, const char *pointer, struct faults *fs);

#endif
