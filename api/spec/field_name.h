/*
 * field_name - names a field of the form the same way in every request that contains it.
 *
 * A field name is a section of the form and the path of a member in it, joined
 * by dots and without array indices: "client.sales.plan", "actions.final_state",
 * "closure.stage". In openapi.yaml, x-section names the section of an
 * operation's body or of a query parameter. A body of the section `opportunity`
 * may contain the other sections as members of their names. Without a section,
 * the field name is the member's path. The body as a whole is named after its
 * section, or "body". A header keeps its own name. Safe from any thread.
 */
#ifndef SPEC_FIELD_NAME_H
#define SPEC_FIELD_NAME_H

#include <stdbool.h>
#include "base/arena.h"

struct operation;

/* field_section_known - returns whether the form has a section of that name. */
bool field_section_known(const char *name);

/*
 * field_of - returns the field name for a pointer into a request.
 *
 * op       the request's operation; NULL: without sections
 * pointer  "#/actions/0/action"; or "#/" and the name of a query parameter or header
 * returns  "actions.action", in the arena
 */
const char *field_of(const struct operation *op, const char *pointer, struct arena *arena);

/*
 * field_pointer - the inverse: returns the pointer to a field in the operation's body.
 *
 * field    a field name, which may contain array indices: "actions.0.final_state"
 * returns  "#/actions/0/final_state", in the arena; NULL when the body has no such member
 */
const char *field_pointer(const struct operation *op, const char *field, struct arena *arena);

#endif
