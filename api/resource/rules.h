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
#include <stddef.h>

#include "base/clock.h"

struct faults;

/* rule_known - returns whether a rule of this name exists. */
bool rule_known(const char *name);

/* rule_check - checks the object, which is at pointer in the body, and adds faults to fs. */
void rule_check(const char *name, const json_t *object, const char *pointer, struct faults *fs);

/*
 * rule_depends - names the member whose value decides which values this member may have.
 * returns  a member of the same object; NULL: none, or no such rule
 */
const char *rule_depends(const char *rule, const char *member);

/* rule_last_day - writes the last day that the member may have; "": the rule sets none. */
void rule_last_day(const char *rule, const char *member, char ret_day[static CLOCK_DAY_SIZE]);

/* rule_final_stage - the i-th stage that ends an opportunity; NULL after the last. */
const char *rule_final_stage(size_t i);

/*
 * rule_is_final - returns whether the stage ends an opportunity: RETENIDO, NO RETENIDO, and the levels below them. The same as
 * is_final() in the database.
 * stage  its code, which a comma may end
 */
bool rule_is_final(const char *stage);

/*
 * rule_needed - adds a fault for each thing that a final stage needs and an opportunity does not
 * have yet: the faults of rule typification_create for a form with nothing but that stage.
 * rows  how many rows without a final state the grid has
 */
void rule_needed(int rows, struct faults *fs);

/* rule_document - adds a fault at pointer if the number (in normal form) does not fit the type. */
void rule_document(const char *type, const char *number, const char *pointer, struct faults *fs);

#endif
