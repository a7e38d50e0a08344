/*
 * rules - the checks that openapi.yaml names with x-rule: conditions on several members.
 *
 * client               document_number fits document_type; birth_date is not in the future
 * ownership_check      no more right answers than questions
 * typification_create  a whole call with a final stage has all that the stage needs; the database's
 *                      check gives the same faults
 */
#ifndef RESOURCE_RULES_H
#define RESOURCE_RULES_H

#include <jansson.h>
#include <stdbool.h>

struct faults;

/* rule_known - returns whether a rule of this name exists. */
bool rule_known(const char *name);

/* rule_check - checks the object, which is at pointer in the body, and adds faults to fs. */
void rule_check(const char *name, const json_t *object, const char *pointer, struct faults *fs);

/* rule_document - adds a fault at pointer if the number (in normal form) does not fit the type. */
void rule_document(const char *type, const char *number, const char *pointer, struct faults *fs);

#endif
