/*
 * field - one name for one field of the form, whichever request holds it.
 *
 * A field is a section of the form and the path of a member in it, joined by
 * dots, without the numbers of rows: "client.sales.plan", "actions.final_state",
 * "closure.stage". The document says by x-section which section an operation's
 * body is, or a query parameter belongs to. The body of an operation of the
 * section `opportunity` may hold the other sections as members of their names.
 * Without a section a field is the member's path alone. The body as a whole is
 * its section, or "body". A header keeps its own name.
 */
#ifndef SPEC_FIELD_NAME_H
#define SPEC_FIELD_NAME_H

#include <stdbool.h>
#include "base/arena.h"

struct operation;

/* field_section_known - whether a section of the form has that name. */
bool field_section_known(const char *name);

/*
 * field_of - the field at a pointer of the request.
 *
 * op       whose request it is; NULL: one without sections
 * pointer  "#/actions/0/action"; "#/" and the name of a query parameter or header
 * returns  "actions.action", in the arena
 */
const char *field_of(const struct operation *op, const char *pointer, struct arena *arena);

/*
 * field_pointer - where the operation's body holds a field, the other way.
 *
 * field    a field, in which numbers of rows may stand: "actions.0.final_state"
 * returns  "#/actions/0/final_state", in the arena; NULL when the body has no such member
 */
const char *field_pointer(const struct operation *op, const char *field, struct arena *arena);

#endif
