/*
 * form - the form contract: what a front end needs to draw the form, made from the schemas and rules
 * that check a write. Private to api/resource: form.c makes the answer, form_field.c its fields.
 *
 * The form belongs to one write, rq.form's `op`: of an opportunity typification_put; of a contact
 * without one opportunity_create; of a client, or a new one, typification_create.
 */
#ifndef RESOURCE_FORM_H
#define RESOURCE_FORM_H

#include <jansson.h>
#include <stdbool.h>
#include "http/request.h"
#include "spec/faults.h"

struct form {
	struct request *rq;
	const struct operation *op; /* the write */
	const struct operation *whole; /* typification_create, whose body has every section */
	bool writable; /* the account may send the write now */
	bool flat; /* options=codes */
	/* The records shown, masked if the account sees masks; NULL: there is none. */
	json_t *client, *contact, *opportunity;
	const char *client_id, *contact_id, *opportunity_id; /* of these records; NULL: none */
	const char *username; /* of the advisor who speaks to the client */
	struct faults needed; /* what a final stage needs of an empty form with one row */
	json_t *missing; /* names of fields that a final stage still needs; owned */
	json_t *
	    fields; /* the fields of each section: an object of arrays, by the section's code; owned */
};

/* form_fields - fills in form->fields, with form->missing given. */
void form_fields(struct form *form);

#endif
