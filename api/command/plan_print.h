/*
 * plan_print - a plan of a catalogue as a table for people.
 */
#ifndef COMMAND_PLAN_PRINT_H
#define COMMAND_PLAN_PRINT_H

#include <jansson.h>

#include "base/arena.h"

/* plan_print - prints the changes, the warnings and the errors of a plan (CatalogPlan of openapi.yaml). */
void plan_print(struct arena *arena, const json_t *plan);

#endif
