/*
 * constraints - what a refusal by one of the schema's named constraints means
 * to a client: C(constraint, code, pointer, detail).
 *
 * pointer NULL: the problem `code` of messages.h. Else a fault of 422 with that
 * code, at that place. Constraints that only an error of ours can meet are not
 * listed: they answer 500 and are logged.
 */
#define CONSTRAINTS(C)                                                                             \
	C(client_document_key, "client_exists", NULL, NULL)                                        \
	C(opportunity_contact_key, "contact_has_opportunity", NULL, NULL)                          \
	C(client_document_number_valid, "document_number", "#/document_number",                    \
	    "document_number does not fit its document_type")                                      \
	C(client_birth_date_past, "birth_date_future", "#/birth_date",                             \
	    "birth_date must not be in the future")                                                \
	C(client_name_form, "pattern", "#/name", "name must not be blank")                         \
	C(contact_right_range, "right_range", "#/ownership_check/right",                           \
	    "right must not be more than were asked")
